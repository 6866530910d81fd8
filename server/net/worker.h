/* SPDX-License-Identifier: MIT
 *
 * A worker: a thread with its own libevent base, its own sockets, its own shard. It receives in
 * batches, reads streams, takes in what it received, publishes its figures once a batch, and hands
 * its slice over when asked.
 */
#ifndef SERVER_NET_WORKER_H
#define SERVER_NET_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/flush/handover.h"
#include "server/metrics/figures.h"
#include "server/net/receiver.h"
#include "server/net/refusals.h"
#include "server/net/relay.h"
#include "server/net/streams.h"

struct worker;

struct worker_options {
    const struct config *config; /* read during worker_new() only */
    const struct clock *clock;
    struct registry *registry;
    struct pool *pool;
    struct handover *handover;           /* initialised by worker_new(), used until worker_free() */
    const struct worker_socket *sockets; /* the worker's from now on */
    size_t socket_count;
    struct streams_quota *quota;        /* of all workers; needed where there are streams */
    struct relay_lane *relay;           /* used until worker_stop(); NULL = off */
    bool reads_input;                   /* takes lines from standard input */
    void (*input_ended)(void *context); /* called once, by the worker's thread */
    void *context;
    unsigned number; /* 0, 1, … for the thread's name */
    unsigned workers;
};

/* NULL without memory or descriptors; sockets may be closed then. */
struct worker *worker_new(const struct worker_options *options);
bool worker_start(struct worker *worker);

/* Closes the gate (what arrives from now on counts as dropped by the kernel, or is refused), takes
 * in everything received before, ends connections and the thread. The shard is then the flusher's
 * to swap. */
void worker_stop(struct worker *worker);

/* Turns senders away, reads the kernel's drops a last time, and closes the sockets; only after
 * worker_stop(). */
void worker_close(struct worker *worker);

/* Frees; the handover and its shard end here. */
void worker_free(struct worker *worker);

/* Any thread: the figures of the latest batch, consistent. */
void worker_figures(struct worker *worker, struct ingest_figures *figures);

/* Main thread: the next refused line to log; false when there is none. */
bool worker_next_refusal(struct worker *worker, struct refusal *refusal);

#endif
