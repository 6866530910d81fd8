/* SPDX-License-Identifier: MIT
 *
 * A sink that brings every window to one or more receivers: all that such sinks share. What a
 * window looks like as bytes is the owner's business: `render` is called once a window, on the
 * flusher's thread; the bytes then wait in a bounded queue (window_queue.h) until a carrier of the
 * receiver's (carrier.h) has brought them there, from the main thread's event base, one window at a
 * time.
 *
 * An attempt that fails is repeated after a pause (backoff.h), and whenever the next window comes,
 * for as long as the window is in the queue. Windows come in order. A window that is given up for
 * lack of room is counted as lost, one that broke in the middle as well when it may lack lines, and
 * both are logged.
 */
#ifndef SERVER_SINK_STREAM_SINK_H
#define SERVER_SINK_STREAM_SINK_H

#include "server/sink/carrier.h"
#include "server/sink/sink.h"

struct event_base;

struct stream_sink_options {
    const char *name;             /* of the sink, for metrics and the log */
    struct event_base *base;      /* the main thread's */
    const char *const *receivers; /* what they are called in the log: host:port; copied */
    size_t receiver_count;        /* 1 to WINDOW_RECEIVERS_MAX */
    uint64_t memory_max;          /* of the queue */
    /* The carrier of a receiver; `maker` need not outlive stream_sink_new(). NULL without memory.
     */
    struct carrier *(*make_carrier)(const void *maker, size_t receiver, struct event_base *base,
                                    carrier_done *done, void *context);
    const void *maker;
    /* Flusher thread: appends the window; takes time in proportion to its rows and blocks for
     * nothing. */
    void (*render)(void *renderer, const struct snapshot *snapshot, struct blocks *out);
    void (*free_renderer)(void *renderer);
    void *renderer;      /* the sink's from the call on, whatever comes of it */
    sink_notify *notify; /* called on the main thread */
    void *context;
};

/* NULL, with the cause in `reason`, when it cannot be made. Whether a receiver is there is not
 * asked: it may come later. */
struct sink *stream_sink_new(const struct stream_sink_options *options, char *reason,
                             size_t reason_size);

#endif
