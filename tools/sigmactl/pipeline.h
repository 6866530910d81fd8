/* SPDX-License-Identifier: MIT
 *
 * The server's own way from a datagram to a snapshot, in this process and at any pace: parse,
 * store, merge, derive, judge, expire, with the clock given by the caller. No sockets, no threads.
 * Names are hashed without a key, so that what it makes follows from the bytes and the stamps
 * alone, the estimates of large sets included. One thread; one pipeline a process at a time.
 */
#ifndef TOOLS_SIGMACTL_PIPELINE_H
#define TOOLS_SIGMACTL_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/detect/detector.h"
#include "server/flush/graveyard.h"
#include "server/flush/handover.h"
#include "server/flush/window.h"
#include "server/metrics/snapshot.h"
#include "server/net/intake.h"

struct pipeline {
    const struct config *config; /* not owned */
    struct pool *pool;
    struct registry *registry;
    struct pool_cache *cache;
    struct detector *detector;
    struct graveyard graveyard;
    struct intake *intake;
    struct handover handover;
    bool handover_made;
    bool total_sketches; /* rows have total_sketch; off at first */
    struct window window;
    uint64_t sequence, started_ns;
};

/* Begins the first window at this moment. False without memory; to be deinitialised in any case. */
bool pipeline_init(struct pipeline *pipeline, const struct config *config, uint64_t now_ns,
                   int64_t wall_ns);
void pipeline_deinit(struct pipeline *pipeline);

/* Takes in a datagram, which 64 readable bytes have to follow. */
void pipeline_take(struct pipeline *pipeline, const char *bytes, uint32_t length, uint64_t now_ns);

/* Closes the open window at this moment, which is then its end, and begins the next. `final`: the
 * short window of the end. The snapshot has to be given back by pipeline_release() before the next
 * close. NULL without memory. */
struct snapshot *pipeline_close(struct pipeline *pipeline, uint64_t now_ns, int64_t wall_ns,
                                bool final);
void pipeline_release(struct pipeline *pipeline, struct snapshot *snapshot);

#endif
