/* SPDX-License-Identifier: MIT
 *
 * The contract of an output of closed windows. A sink is a struct whose first member is a struct
 * sink; the daemon makes it, hands it every closed snapshot, asks how far it has come, and stops
 * it.
 *
 * All functions are called from the flusher thread (submit) or the main thread (the others); none
 * of them may block for longer than a lock held for moments. A sink works on a thread or event loop
 * of its own and keeps a bounded queue of snapshot references. What it must drop it counts, with
 * the reason, in its figures.
 */
#ifndef SERVER_SINK_SINK_H
#define SERVER_SINK_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/snapshot.h"

struct sink;

struct sink_figures {
    uint64_t done_window;  /* every window up to this one is written, or lost and counted */
    uint64_t errors;       /* failed attempts */
    uint64_t windows_lost; /* windows given up, whole or in part */
    uint64_t bytes_sent;   /* written or sent since start */
    uint64_t queue_bytes;  /* waiting, estimated as bytes that will be written */
    /* Of a notifier: alerts told as firing and as resolved, and those given up. */
    uint64_t notifications_told[2], notifications_lost;
    bool failing; /* the latest attempt failed; `reason` says why */
    char reason[160];
};

struct sink_ops {
    const char *name;     /* label value: "csv" */
    const char *notifier; /* of [notify "NAME"], its name; else NULL */
    bool aside;           /* it is no output of the figures themselves: the server is ready, a flush
                             done, and a stop clean, whatever becomes of it */
    /* Takes a closed snapshot (its own reference). Never blocks. */
    void (*submit)(struct sink *sink, const struct snapshot *snapshot);
    /* Copies the figures; any thread. */
    void (*figures)(struct sink *sink, struct sink_figures *figures);
    /* Closes and opens its files or connections again (SIGHUP). NULL = nothing to do. */
    void (*reopen)(struct sink *sink);
    /* Finishes what is queued, within `deadline_ms` from now, then ends threads and frees
     * everything. Returns false when something had to be left unwritten (already counted and
     * logged). */
    bool (*stop)(struct sink *sink, uint64_t deadline_ms);
};

struct sink {
    const struct sink_ops *ops;
};

/* Called by a sink, on its own thread, whenever done_window or failing has changed. */
typedef void sink_notify(void *context);

#endif
