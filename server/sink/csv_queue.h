/* SPDX-License-Identifier: MIT
 *
 * The windows that wait to be written, oldest first, each with the files that still lack it. A
 * window leaves the queue when every file has it, or when it is given up. The queue holds a
 * reference on each snapshot; functions that take one out hand that reference to the caller, who
 * drops it outside of any lock.
 *
 * Bounds: CSV_QUEUE_WINDOWS_MAX windows, CSV_QUEUE_MEMORY_MAX bytes of snapshots and
 * CSV_QUEUE_AGE_MAX_NS of waiting. Whatever the bytes, the window in hand and one more are kept. No
 * locking: the owner's lock guards every call.
 */
#ifndef SERVER_SINK_CSV_QUEUE_H
#define SERVER_SINK_CSV_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/snapshot.h"
#include "server/sink/csv_rows.h"

#define CSV_QUEUE_WINDOWS_MAX 64
#define CSV_QUEUE_MEMORY_MAX (64ULL * 1024 * 1024)
#define CSV_QUEUE_AGE_MAX_NS (3600ULL * 1000 * 1000 * 1000)

#define CSV_FILES_ALL ((1U << CSV_KINDS) - 1)

struct csv_window {
    struct snapshot *snapshot;
    uint64_t submitted_ns; /* monotonic */
    uint64_t memory_bytes; /* of its rows */
    unsigned files;        /* a bit for each enum csv_kind that lacks it */
};

/* All zero is an empty queue. */
struct csv_queue {
    struct csv_window windows[CSV_QUEUE_WINDOWS_MAX];
    size_t count;
    uint64_t memory_bytes;
    uint64_t latest_window;         /* the highest window ever put in */
    const struct snapshot *in_hand; /* being written: never given up */
};

/* Puts a reference of the snapshot at the end, for all files. There must be room:
 * csv_queue_give_up() is called until it returns NULL first. */
void csv_queue_put(struct csv_queue *queue, const struct snapshot *snapshot, uint64_t now_ns);

/* Takes out the oldest window that must be given up, so that one with `room_bytes` of memory can be
 * put in (0: only for its age); NULL when there is none. */
struct snapshot *csv_queue_give_up(struct csv_queue *queue, uint64_t room_bytes, uint64_t now_ns);

/* Finds the next thing to write: the oldest window that lacks a file of the set `files`. The window
 * is in hand from here to csv_queue_settle(). False when there is none. */
bool csv_queue_next(struct csv_queue *queue, unsigned files, struct snapshot **snapshot,
                    enum csv_kind *kind);

/* The window in hand has been tried for this file. Returns the snapshot when that was the last file
 * it lacked, and NULL otherwise. */
struct snapshot *csv_queue_settle(struct csv_queue *queue, enum csv_kind kind, bool written);

/* Takes out the oldest window; NULL when the queue is empty. */
struct snapshot *csv_queue_take(struct csv_queue *queue);

/* Every window up to this one has left the queue. */
uint64_t csv_queue_done_window(const struct csv_queue *queue);

/* Memory of a snapshot's rows, without what it shares with others. */
uint64_t csv_queue_memory(const struct snapshot *snapshot);

#endif
