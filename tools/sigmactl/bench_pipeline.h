/* SPDX-License-Identifier: MIT
 *
 * The parts of a server that a benchmark drives: for each worker what it does with a datagram, and
 * one registry that all their slices are merged into. No sockets and no threads of its own: workers
 * may take on as many threads, one each; everything else is for one thread while none of them does.
 */
#ifndef TOOLS_SIGMACTL_BENCH_PIPELINE_H
#define TOOLS_SIGMACTL_BENCH_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/flush/graveyard.h"
#include "server/net/intake.h"
#include "tools/sigmactl/bench_corpus.h"

#define BENCH_WORKERS_MAX 64

struct bench_pipeline {
    struct config *config;
    struct pool *pool;
    struct registry *registry;
    struct pool_cache *cache;
    struct graveyard graveyard;
    struct intake *workers[BENCH_WORKERS_MAX];
    size_t worker_count;
    uint64_t sequence;
};

/* `workers` is 1 to BENCH_WORKERS_MAX. False without memory; to be deinitialised in any case. */
bool bench_pipeline_init(struct bench_pipeline *pipeline, size_t workers);
void bench_pipeline_deinit(struct bench_pipeline *pipeline);

/* One worker parses, finds and aggregates the whole corpus, in batches as it would receive it. */
void bench_pipeline_take(struct bench_pipeline *pipeline, size_t worker,
                         const struct bench_corpus *corpus);

/* All slices over and merged, and the window closed. False without memory. */
bool bench_pipeline_flush(struct bench_pipeline *pipeline);

/* Samples that all workers have stored so far. */
uint64_t bench_pipeline_stored(struct bench_pipeline *pipeline);

#endif
