/* SPDX-License-Identifier: MIT
 *
 * What becomes of closed CSV files: they are compressed with zlib, deleted when older than `retain`
 * (by the stamp of their name), and deleted, oldest first, while all CSV files of the folder, the
 * current ones included, take more than `max_disk`. Files with other names are not touched or
 * counted.
 *
 * The work is done in steps so short that the thread which writes the rows can do it between two
 * windows: a step looks through the folder, deletes one file, or compresses CSV_RETAIN_STEP_BYTES.
 * One thread at a time.
 *
 * A crash at any point loses nothing: a compressed file is written as .gz.tmp, synced, renamed, the
 * folder synced, and only then is the original deleted. What is left of such a sequence is finished
 * or cleaned up when the folder is next looked through.
 */
#ifndef SERVER_SINK_CSV_RETAIN_H
#define SERVER_SINK_CSV_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/clock.h"
#include "server/sink/csv_closed.h"
#include "server/sink/csv_file.h"

#define CSV_RETAIN_STEP_BYTES (256 * 1024)

/* After a compression has failed (a full disk, mostly) none is begun for this long. */
#define CSV_RETAIN_PAUSE_NS (600ULL * 1000 * 1000 * 1000)

struct csv_retain_entry {
    struct csv_closed_name name;
    uint64_t bytes;
};

struct csv_gzip; /* a compression under way */

struct csv_retain {
    const char *directory; /* not owned */
    const struct clock *clock;
    bool wanted; /* the folder is to be looked through */
    struct csv_retain_entry *entries;
    size_t count, next;
    uint64_t total_bytes; /* of all CSV files, as far as known */
    struct csv_gzip *gzip;
    uint64_t gzip_after_ns;       /* monotonic: no compression before */
    uint64_t compressed, deleted; /* files since init */
};

/* `directory` and `clock` must outlive it. Starts with the folder to be looked through. */
void csv_retain_init(struct csv_retain *retain, const char *directory, const struct clock *clock);

/* Gives up a compression under way; the original stays, and is taken up again by the next start. */
void csv_retain_deinit(struct csv_retain *retain);

/* Something changed: a file was rotated, or the settings, or time has passed. */
void csv_retain_want(struct csv_retain *retain);

/* Does one step. False when there was nothing to do. What fails is logged and left for the next
 * time. */
bool csv_retain_step(struct csv_retain *retain, const struct csv_settings *settings);

#endif
