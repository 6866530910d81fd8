/* SPDX-License-Identifier: MIT
 *
 * The CSV files of a run of the pipeline in a folder of their own: the server's headers and rows,
 * without its rotation, so that the same snapshots always give the same bytes. One thread.
 */
#ifndef TOOLS_SIGMACTL_CSV_FOLDER_H
#define TOOLS_SIGMACTL_CSV_FOLDER_H

#include <stdbool.h>
#include <stdio.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/sink/csv_rows.h"

#define CSV_FOLDER_PATH_MAX 4096

struct csv_folder {
    FILE *files[CSV_KINDS];
    struct buffer rows;
    char path[CSV_FOLDER_PATH_MAX]; /* of the file that a fault is about */
};

/* Makes the folder where it is missing, and the files, of which none may exist, with their headers.
 * False with errno and `path`; csv_folder_close() is to be called in either case. */
bool csv_folder_open(struct csv_folder *folder, const char *directory, const struct config *config);

/* Appends a window. False with errno. */
bool csv_folder_add(struct csv_folder *folder, const struct snapshot *snapshot);

/* False with errno when something could not be written. */
bool csv_folder_close(struct csv_folder *folder);

#endif
