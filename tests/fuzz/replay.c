/* SPDX-License-Identifier: MIT
 *
 * main() of a fuzz target that is built without libFuzzer: feeds it every file of the folders and
 * files named on the command line, once each, in the order of their names. So each corpus is a
 * regression test for every compiler and sanitizer. It fails where there was nothing to feed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is given in an allocation of exactly its size, so that a sanitizer sees any read past
 * its end. */
static bool replay_stream(FILE *stream, size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL) {
        return false;
    }
    const bool complete = fread(data, 1, size, stream) == size;
    if (complete) {
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return complete;
}

static bool replay_file(const char *path, off_t size)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return false;
    }
    const bool replayed = replay_stream(stream, (size_t)size);
    (void)fclose(stream);
    return replayed;
}

static int replay_path(const char *path);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Returns how many files were fed, or -1. */
static int replay_folder(const char *folder)
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0) {
        return -1;
    }
    int fed = 0;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        int below = -1;
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0) {
            below = replay_path(path);
            free(path);
        }
        fed = fed < 0 || below < 0 ? -1 : fed + below;
        free(entries[i]);
    }
    free(entries);
    return fed;
}

static int replay_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        return replay_folder(path);
    }
    return replay_file(path, status.st_size) ? 1 : -1;
}

int main(int argc, char **argv)
{
    int fed = 0;
    for (int i = 1; i < argc; i++) {
        const int below = replay_path(argv[i]);
        if (below < 0) {
            fprintf(stderr, "%s: cannot be replayed\n", argv[i]);
            return EXIT_FAILURE;
        }
        fed += below;
    }
    printf("%d inputs replayed\n", fed);
    return fed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
