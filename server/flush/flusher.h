/* SPDX-License-Identifier: MIT
 *
 * The flusher: the thread that owns the registry. It asks the workers for slices, merges them into
 * the open window, closes windows at their boundaries or when asked, judges them, and publishes
 * snapshots to the sinks and to whoever asks. Workers never wait for it.
 *
 * Asking is asynchronous, so that an event loop can do it: flusher_ask() gives a ticket, the notify
 * callback (on the flusher's thread) says that something was answered, flusher_answered() says
 * whether the ticket was. Calls that come while the same work is under way but not begun share it.
 */
#ifndef SERVER_FLUSH_FLUSHER_H
#define SERVER_FLUSH_FLUSHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/core/clock.h"
#include "server/metrics/figures.h"
#include "server/metrics/snapshot.h"

struct flusher;
struct registry;
struct handover;
struct history;
struct removal;
struct pool;

typedef void flusher_render(const struct buffer *kept, struct buffer *lines);

struct flusher_options {
    const struct config *config; /* must outlive the flusher or the next flusher_configure() */
    const struct clock *clock;
    struct registry *registry;
    struct pool *pool;
    struct handover *handovers; /* one a worker; their flusher_fd is set by flusher_new() */
    size_t handover_count;
    bool total_sketches; /* somebody reads timer_row.total_sketch whatever prometheus.timer_type is
                          */
    void (*publish)(void *context,
                    const struct snapshot *closed); /* hands to the sinks; never blocks */
    /* Takes over a section of what is to survive a restart, before the window that has changed it
     * is published; never blocks. Unless `render` is NULL and the bytes are lines, it is called
     * once and makes lines of them, on any thread; with NULL for lines it lets go of what the bytes
     * hold. NULL: nothing is kept. */
    void (*keep)(void *context, const char *section, struct buffer *kept, flusher_render *render);
    void (*notify)(void *context);
    /* The ingest totals of all workers, for [resources]; may be NULL. */
    void (*ingest)(void *context, struct ingest_figures *figures);
    void *context;
};

/* The sections that the flusher's alerts are kept in, and the values that changes are told by. */
#define FLUSHER_ALERTS "alerts"
#define FLUSHER_RINGS "alert_rings"

/* NULL without memory; else the registry is the flusher's to free. The thread runs from
 * flusher_start() on; false when it cannot be started. */
struct flusher *flusher_new(const struct flusher_options *options);
bool flusher_start(struct flusher *flusher);

/* Before the start: takes up the alerts of an earlier process, then their rings; false where a line
 * is none of ours. */
bool flusher_restore_alerts(struct flusher *flusher, const char *text, size_t length);
bool flusher_restore_rings(struct flusher *flusher, const char *text, size_t length);

/* Takes in a last slice of every worker, closes the open window as final, publishes it, ends the
 * thread. */
void flusher_stop(struct flusher *flusher);
void flusher_free(struct flusher *flusher);

/* Settings that may change while running; taken over when the open window closes. */
void flusher_configure(struct flusher *flusher, const struct config *config);

/* The configuration in use: one handed over before it may be freed once this is another. */
const struct config *flusher_config(struct flusher *flusher);

enum flusher_work {
    FLUSHER_VIEW,  /* a snapshot of all that was received before this call, window left open */
    FLUSHER_CLOSE, /* the same, and the window is closed */
    FLUSHER_WORKS
};

/* Any thread. */
uint64_t flusher_ask(struct flusher *flusher, enum flusher_work work);
/* Any thread. With FLUSHER_CLOSE *window (may be NULL) becomes the number of the window that was
 * closed. */
bool flusher_answered(struct flusher *flusher, enum flusher_work work, uint64_t ticket,
                      uint64_t *window);

/* Any thread. Has series removed (removal.h); the notify callback says that it was done. The
 * removal stays the flusher's until then, or until flusher_stop() has come back. */
void flusher_remove(struct flusher *flusher, struct removal *removal);

/* References to the latest closed snapshot, NULL before the first; and to the latest of any kind.
 */
struct snapshot *flusher_closed(struct flusher *flusher);
struct snapshot *flusher_latest(struct flusher *flusher);

/* The latest windows of every series, for as long as the flusher is there. */
struct history *flusher_history(struct flusher *flusher);

/* Any thread. */
void flusher_figures(struct flusher *flusher, struct flush_figures *figures);

#endif
