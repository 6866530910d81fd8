/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/bench_pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/core/hash.h"
#include "server/flush/derive.h"
#include "server/flush/merge.h"

/* Workers share no page, as they would not in a server. */
#define WORKER_ALIGNMENT 4096

static struct intake *make_worker(const struct bench_pipeline *pipeline, size_t workers)
{
    size_t size = (sizeof(struct intake) + WORKER_ALIGNMENT - 1) & ~(size_t)(WORKER_ALIGNMENT - 1);
    struct intake *worker = aligned_alloc(WORKER_ALIGNMENT, size);
    if (!worker) {
        return NULL;
    }
    memset(worker, 0, size);
    if (!intake_init(worker, pipeline->config, pipeline->registry, pipeline->pool,
                     (unsigned)workers)) {
        free(worker);
        return NULL;
    }
    return worker;
}

bool bench_pipeline_init(struct bench_pipeline *pipeline, size_t workers)
{
    const char *const overrides[] = {"limits.max_series=20000000", "limits.memory=90%",
                                     "log.bad_lines=0/min"};
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = 3};
    *pipeline = (struct bench_pipeline){0};
    pipeline->config = config_load(&sources, stderr, NULL);
    if (!pipeline->config) {
        return false;
    }
    hash_init();
    pipeline->pool = pool_new(pipeline->config->limits.memory_bytes);
    pipeline->registry = pipeline->pool ? registry_new(pipeline->config, pipeline->pool) : NULL;
    pipeline->cache = pipeline->registry ? pool_cache_new(pipeline->pool) : NULL;
    if (!pipeline->cache) {
        return false;
    }
    graveyard_init(&pipeline->graveyard, pipeline->registry, pipeline->cache);
    while (pipeline->worker_count < workers) {
        struct intake *worker = make_worker(pipeline, workers);
        if (!worker) {
            return false;
        }
        pipeline->workers[pipeline->worker_count++] = worker;
    }
    return true;
}

void bench_pipeline_deinit(struct bench_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        intake_deinit(pipeline->workers[i]);
        free(pipeline->workers[i]);
    }
    if (pipeline->cache) {
        graveyard_deinit(&pipeline->graveyard);
    }
    if (pipeline->registry) {
        registry_free(pipeline->registry, pipeline->cache);
    }
    if (pipeline->cache) {
        pool_cache_free(pipeline->cache);
    }
    if (pipeline->pool) {
        pool_free(pipeline->pool);
    }
    config_free(pipeline->config);
}

void bench_pipeline_take(struct bench_pipeline *pipeline, size_t worker,
                         const struct bench_corpus *corpus)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct intake *intake = pipeline->workers[worker];
    uint64_t now = clock_monotonic_ns(&clock_system);
    struct udp_datagram batch[UDP_BATCH];
    for (size_t i = 0; i < corpus->count; i++) {
        struct udp_datagram *datagram = &batch[i % UDP_BATCH];
        *datagram = (struct udp_datagram){corpus->bytes + corpus->datagrams[i].offset,
                                          corpus->datagrams[i].length, &nobody};
        intake_take(intake, datagram, TRANSPORT_UDP, now);
        if (i % UDP_BATCH == UDP_BATCH - 1 || i == corpus->count - 1) {
            intake_settle(intake);
        }
    }
}

bool bench_pipeline_flush(struct bench_pipeline *pipeline)
{
    uint64_t now = clock_monotonic_ns(&clock_system);
    struct slice *slices[BENCH_WORKERS_MAX];
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        struct shard *shard = &pipeline->workers[i]->shard;
        slices[i] = shard_swap(shard, now);
    }
    merge_slices(pipeline->registry, slices, pipeline->worker_count, pipeline->cache);
    struct derive_options options = {
        .config = pipeline->config,
        .registry = pipeline->registry,
        .cache = pipeline->cache,
        .graveyard = &pipeline->graveyard,
        .close = true,
        .sequence = ++pipeline->sequence,
        .window = pipeline->sequence,
        .now_ns = now,
        .window_seconds = 10,
    };
    struct snapshot *snapshot = derive_snapshot(&options);
    if (!snapshot) {
        return false;
    }
    snapshot_unref(snapshot);
    graveyard_sweep(&pipeline->graveyard, UINT64_MAX);
    return true;
}

uint64_t bench_pipeline_stored(struct bench_pipeline *pipeline)
{
    uint64_t stored = 0;
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        intake_settle(pipeline->workers[i]);
        stored += ingest_samples_stored(&pipeline->workers[i]->figures);
    }
    return stored;
}
