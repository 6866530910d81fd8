/* SPDX-License-Identifier: MIT
 *
 * A folder for one test, and reading and writing files in it. For tests only: every fault ends the
 * test.
 */
#ifndef TESTS_UNIT_SINK_TEMPORARY_H
#define TESTS_UNIT_SINK_TEMPORARY_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/core/require.h"

static inline char *temporary_make(void)
{
    const char *above = getenv("TMPDIR");
    char *path = NULL;
    REQUIRE(asprintf(&path, "%s/sigmad-csv-XXXXXX", above ? above : "/tmp") > 0);
    REQUIRE(mkdtemp(path));
    return path;
}

/* Deletes the folder with its files and the folders in it, and frees the path. */
static inline void temporary_remove(char *path)
{
    DIR *folder = opendir(path);
    for (const struct dirent *file; folder && (file = readdir(folder));) {
        char *entry = NULL;
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0) {
            continue;
        }
        REQUIRE(asprintf(&entry, "%s/%s", path, file->d_name) > 0);
        if (unlink(entry) != 0) {
            temporary_remove(entry);
        } else {
            free(entry);
        }
    }
    closedir(folder);
    REQUIRE(rmdir(path) == 0);
    free(path);
}

/* The path of a file in the folder, in one of four static buffers. */
static inline const char *temporary_path(const char *folder, const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    REQUIRE(snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX);
    return path;
}

static inline void temporary_write(const char *folder, const char *name, const char *bytes,
                                   size_t length)
{
    FILE *file = fopen(temporary_path(folder, name), "w");
    REQUIRE(file);
    REQUIRE(fwrite(bytes, 1, length, file) == length);
    REQUIRE(fclose(file) == 0);
}

/* The whole file, NUL behind it, to be freed; NULL when there is none. */
static inline char *temporary_read(const char *folder, const char *name)
{
    FILE *file = fopen(temporary_path(folder, name), "r");
    struct stat status;
    if (!file) {
        return NULL;
    }
    REQUIRE(fstat(fileno(file), &status) == 0);
    char *bytes = malloc((size_t)status.st_size + 1);
    REQUIRE(bytes);
    size_t length = fread(bytes, 1, (size_t)status.st_size, file);
    bytes[length] = '\0';
    fclose(file);
    return bytes;
}

static inline int temporary_exists(const char *folder, const char *name)
{
    return access(temporary_path(folder, name), F_OK) == 0;
}

/* Counts the files whose names begin and end so. */
static inline int temporary_count(const char *folder, const char *begin, const char *end)
{
    int count = 0;
    DIR *listing = opendir(folder);
    REQUIRE(listing);
    for (const struct dirent *file; (file = readdir(listing));) {
        size_t length = strlen(file->d_name);
        count += strncmp(file->d_name, begin, strlen(begin)) == 0 && length >= strlen(end) &&
                 strcmp(file->d_name + length - strlen(end), end) == 0;
    }
    closedir(listing);
    return count;
}

#endif
