/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_folder.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static bool write_rows(struct csv_folder *folder, FILE *file)
{
    if (folder->rows.failed) {
        errno = ENOMEM;
        return false;
    }
    size_t length = folder->rows.length;
    return length == 0 || fwrite(folder->rows.bytes, 1, length, file) == length;
}

static bool open_file(struct csv_folder *folder, const char *directory, enum csv_kind kind,
                      const struct config *config)
{
    int length =
        snprintf(folder->path, sizeof(folder->path), "%s/%s.csv", directory, csv_kind_name(kind));
    if (length < 0 || (size_t)length >= sizeof(folder->path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    folder->files[kind] = fopen(folder->path, "wxe");
    if (!folder->files[kind]) {
        return false;
    }
    folder->rows.length = 0;
    csv_rows_header(kind, config->flush.percentiles.items, config->flush.percentiles.count,
                    &folder->rows);
    return write_rows(folder, folder->files[kind]);
}

bool csv_folder_open(struct csv_folder *folder, const char *directory, const struct config *config)
{
    memset(folder, 0, sizeof(*folder));
    snprintf(folder->path, sizeof(folder->path), "%s", directory);
    if (mkdir(directory, 0750) != 0 && errno != EEXIST) {
        return false;
    }
    for (int i = 0; i < CSV_KINDS; i++) {
        if (!open_file(folder, directory, (enum csv_kind)i, config)) {
            return false;
        }
    }
    return true;
}

bool csv_folder_add(struct csv_folder *folder, const struct snapshot *snapshot)
{
    for (int i = 0; i < CSV_KINDS; i++) {
        folder->rows.length = 0;
        csv_rows_render((enum csv_kind)i, snapshot, 0, SIZE_MAX, &folder->rows);
        if (!write_rows(folder, folder->files[i])) {
            return false;
        }
    }
    return true;
}

bool csv_folder_close(struct csv_folder *folder)
{
    bool closed = true;
    for (int i = 0; i < CSV_KINDS; i++) {
        if (folder->files[i] && fclose(folder->files[i]) != 0) {
            closed = false;
        }
    }
    buffer_deinit(&folder->rows);
    return closed;
}
