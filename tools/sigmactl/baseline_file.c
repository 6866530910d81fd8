/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sigmactl/baseline_json.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/replace_file.h"

static const char *const better_names[] = {
    [BETTER_UNKNOWN] = "none", [BETTER_LOWER] = "lower", [BETTER_HIGHER] = "higher"};

const char *baseline_better_name(enum better better)
{
    return better_names[better];
}

bool baseline_better_by_name(const char *name, enum better *better)
{
    for (size_t i = 0; i < sizeof(better_names) / sizeof(better_names[0]); i++) {
        if (strcmp(name, better_names[i]) == 0) {
            *better = (enum better)i;
            return true;
        }
    }
    return false;
}

void baseline_file_init(struct baseline_file *file)
{
    *file = (struct baseline_file){.threshold = BASELINE_THRESHOLD};
}

void baseline_file_deinit(struct baseline_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        baseline_entry_deinit(&file->entries[i]);
    }
    free(file->entries);
    baseline_file_init(file);
}

struct baseline_entry *baseline_file_append(struct baseline_file *file)
{
    if (file->count == file->capacity) {
        size_t capacity = file->capacity > 0 ? 2 * file->capacity : 64;
        void *grown = realloc(file->entries, capacity * sizeof(*file->entries));
        if (!grown) {
            return NULL;
        }
        file->entries = grown;
        file->capacity = capacity;
    }
    struct baseline_entry *entry = &file->entries[file->count++];
    *entry = (struct baseline_entry){0};
    return entry;
}

static int compare(const void *a, const void *b)
{
    const struct baseline_entry *left = a, *right = b;
    return baseline_key_compare(&left->key, &right->key);
}

void baseline_file_sort(struct baseline_file *file)
{
    if (file->count > 1) {
        qsort(file->entries, file->count, sizeof(*file->entries), compare);
    }
    file->sorted = file->count;
}

static int compare_key(const void *key, const void *entry)
{
    return baseline_key_compare(key, &((const struct baseline_entry *)entry)->key);
}

struct baseline_entry *baseline_file_find(const struct baseline_file *file,
                                          const struct baseline_key *key)
{
    return file->sorted == 0
               ? NULL
               : bsearch(key, file->entries, file->sorted, sizeof(*file->entries), compare_key);
}

double baseline_file_threshold(const struct baseline_file *file, const struct baseline_entry *entry)
{
    return isnan(entry->threshold) ? file->threshold : entry->threshold;
}

static json_t *load(const char *path, FILE *faults, enum baseline_file_status *status)
{
    json_error_t error;
    FILE *stream = fopen(path, "re");
    if (!stream) {
        *status = errno == ENOENT ? BASELINE_FILE_MISSING : BASELINE_FILE_DAMAGED;
        if (*status == BASELINE_FILE_DAMAGED) {
            fprintf(faults, "%s: %s\n", path, strerror(errno));
        }
        return NULL;
    }
    *status = BASELINE_FILE_DAMAGED;
    json_t *root = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        fprintf(faults, "%s:%d:%d: %s\n", path, error.line, error.column, error.text);
    }
    fclose(stream);
    return root;
}

enum baseline_file_status baseline_file_read(struct baseline_file *file, const char *path,
                                             FILE *faults)
{
    enum baseline_file_status status;
    baseline_file_init(file);
    json_t *root = load(path, faults, &status);
    if (!root) {
        return status;
    }
    if (baseline_json_read(root, file, path, faults) == 0) {
        status = BASELINE_FILE_READ;
    } else {
        baseline_file_deinit(file);
    }
    json_decref(root);
    return status;
}

bool baseline_file_write(const struct baseline_file *file, const char *path)
{
    struct buffer text = {0};
    json_t *root = baseline_json_make(file);
    if (root) {
        json_print(&text, root, 0);
        buffer_append(&text, "\n", 1);
    }
    bool written = root && !text.failed;
    if (written) {
        written = replace_file(path, text.bytes, text.length);
    } else {
        errno = ENOMEM;
    }
    int error = errno;
    json_decref(root);
    buffer_deinit(&text);
    errno = error;
    return written;
}
