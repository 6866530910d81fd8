/* SPDX-License-Identifier: MIT
 *
 * A sink that brings every window to one or more TCP receivers: all that such sinks share. What a
 * window looks like as bytes is the owner's business: `render` is called once a window, on the
 * flusher's thread; the bytes then wait in a bounded queue (window_queue.h) and are sent from the
 * main thread's event base (tcp_client.h), a connection a window and receiver, one at a time.
 *
 * An attempt that fails is repeated after a pause (backoff.h) for as long as the window is in the
 * queue. Windows come in order. A window that is given up for lack of room is counted as lost, one
 * that broke in the middle as well when it may lack lines, and both are logged.
 */
#ifndef SERVER_SINK_STREAM_SINK_H
#define SERVER_SINK_STREAM_SINK_H

#include "server/core/clock.h"
#include "server/sink/blocks.h"
#include "server/sink/sink.h"

struct event_base;

struct stream_sink_options {
    const char *name;             /* of the sink, for metrics and the log */
    struct event_base *base;      /* the main thread's */
    const struct clock *clock;    /* must outlive the sink */
    const char *const *addresses; /* host:port; copied */
    size_t address_count;         /* 1 to WINDOW_RECEIVERS_MAX */
    uint64_t memory_max;          /* of the queue */
    bool whole_blocks;            /* a receiver takes a block as a whole, else a line */
    /* Flusher thread: appends the window; takes time in proportion to its rows and blocks for
     * nothing. */
    void (*render)(void *renderer, const struct snapshot *snapshot, struct blocks *out);
    void (*free_renderer)(void *renderer);
    void *renderer;      /* the sink's from the call on, whether it succeeds or not */
    sink_notify *notify; /* called on the main thread */
    void *context;
};

/* NULL, with the cause in `reason`, when it cannot be made. Whether a receiver is there is not
 * asked: it may come later. */
struct sink *stream_sink_new(const struct stream_sink_options *options, char *reason,
                             size_t reason_size);

#endif
