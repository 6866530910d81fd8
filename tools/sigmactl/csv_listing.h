/* SPDX-License-Identifier: MIT
 *
 * Which files of one kind a folder of logs holds at one moment: the closed ones, oldest first, and
 * the current one, opened before the others were listed, so that a rotation meanwhile neither hides
 * rows nor shows them twice. One thread; the struct owns its names and its descriptor.
 */
#ifndef TOOLS_SIGMACTL_CSV_LISTING_H
#define TOOLS_SIGMACTL_CSV_LISTING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/sink/csv_closed.h"
#include "server/sink/csv_rows.h"

struct csv_listing {
    const char *directory;
    enum csv_kind kind;
    struct csv_closed_name *closed;
    size_t count, capacity;
    int current; /* -1 where there is none, or it was taken */
};

/* False with errno where the folder cannot be read. csv_listing_deinit() is to be called in either
 * case. `directory` has to outlive it. */
bool csv_listing_init(struct csv_listing *listing, const char *directory, enum csv_kind kind);
void csv_listing_deinit(struct csv_listing *listing);

/* Opens the closed file at `index` and writes its path, under which it may be compressed by now.
 * -1 with errno; ENOENT where it is no longer there. */
int csv_listing_open(const struct csv_listing *listing, size_t index, char path[PATH_MAX]);

/* Hands over the descriptor of the current file, -1 where there is none, and its path. */
int csv_listing_take_current(struct csv_listing *listing, char path[PATH_MAX]);

#endif
