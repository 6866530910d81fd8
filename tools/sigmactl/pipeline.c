/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/flush/derive.h"
#include "server/flush/expire.h"
#include "server/flush/merge.h"

/* Its members ask for whole cache lines. */
#define INTAKE_ALIGNMENT 64

static struct intake *make_intake(const struct pipeline *pipeline)
{
    size_t size = (sizeof(struct intake) + INTAKE_ALIGNMENT - 1) & ~(size_t)(INTAKE_ALIGNMENT - 1);
    struct intake *intake = aligned_alloc(INTAKE_ALIGNMENT, size);
    if (!intake) {
        return NULL;
    }
    memset(intake, 0, size);
    if (!intake_init(intake, pipeline->config, pipeline->registry, pipeline->pool, 1)) {
        free(intake);
        return NULL;
    }
    return intake;
}

bool pipeline_init(struct pipeline *pipeline, const struct config *config, uint64_t now_ns,
                   int64_t wall_ns)
{
    *pipeline = (struct pipeline){.config = config, .started_ns = now_ns};
    window_begin(&pipeline->window, config->flush.interval_ms * 1000000, config->flush.align,
                 now_ns, wall_ns);
    pipeline->pool = pool_new(config->limits.memory_bytes);
    pipeline->registry = pipeline->pool ? registry_new(config, pipeline->pool) : NULL;
    pipeline->cache = pipeline->registry ? pool_cache_new(pipeline->pool) : NULL;
    if (!pipeline->cache) {
        return false;
    }
    graveyard_init(&pipeline->graveyard, pipeline->registry, pipeline->cache);
    pipeline->detector = detector_new(config);
    pipeline->intake = pipeline->detector ? make_intake(pipeline) : NULL;
    pipeline->handover_made =
        pipeline->intake && handover_init(&pipeline->handover, &pipeline->intake->shard);
    if (pipeline->handover_made) {
        struct window_seconds seconds = window_seconds(&pipeline->window);
        handover_begin(&pipeline->handover, seconds.from_s, seconds.until_s);
    }
    return pipeline->handover_made;
}

void pipeline_deinit(struct pipeline *pipeline)
{
    if (pipeline->handover_made) {
        handover_deinit(&pipeline->handover);
    }
    if (pipeline->intake) {
        intake_deinit(pipeline->intake);
        free(pipeline->intake);
    }
    if (pipeline->cache) {
        graveyard_deinit(&pipeline->graveyard);
    }
    if (pipeline->registry) {
        registry_free(pipeline->registry, pipeline->cache);
    }
    detector_free(pipeline->detector);
    if (pipeline->cache) {
        pool_cache_free(pipeline->cache);
    }
    if (pipeline->pool) {
        pool_free(pipeline->pool);
    }
}

void pipeline_take(struct pipeline *pipeline, const char *bytes, uint32_t length, uint64_t now_ns)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct udp_datagram datagram = {bytes, length, &nobody};
    intake_take(pipeline->intake, &datagram, TRANSPORT_UDP, now_ns);
    intake_settle(pipeline->intake);
}

/* Both sides of the hand-over, one after the other. */
static void merge(struct pipeline *pipeline, uint64_t now_ns, int64_t wall_ns)
{
    struct handover *handover = &pipeline->handover;
    struct window next = pipeline->window;
    window_close(&next, now_ns, wall_ns);
    struct window_seconds seconds = window_seconds(&next);
    handover_announce(handover, seconds.from_s, seconds.until_s);
    handover_ask(handover, false);
    handover_give(handover, handover_question(handover), now_ns);
    struct slice *slice = handover_take(handover, now_ns);
    merge_slices(pipeline->registry, &slice, slice ? 1 : 0, pipeline->cache);
    handover_return(handover);
}

static struct expire_options expiry(struct pipeline *pipeline, uint64_t now_ns)
{
    return (struct expire_options){
        .registry = pipeline->registry,
        .graveyard = &pipeline->graveyard,
        .detector = pipeline->detector,
        .cache = pipeline->cache,
        .handovers = &pipeline->handover,
        .handover_count = 1,
        .now_ns = now_ns,
        .sequence = pipeline->sequence + 1,
    };
}

struct snapshot *pipeline_close(struct pipeline *pipeline, uint64_t now_ns, int64_t wall_ns,
                                bool final)
{
    merge(pipeline, now_ns, wall_ns);
    struct expire_options expire = expiry(pipeline, now_ns);
    uint64_t refused = registry_take_refused(pipeline->registry);
    if (refused > 0) {
        expire_longest_idle(&expire, refused);
    }
    struct window_closed closed = window_close(&pipeline->window, now_ns, wall_ns);
    uint64_t length_ns = closed.length_ns > 1000 ? closed.length_ns : 1000;
    struct derive_options options = {
        .config = pipeline->config,
        .registry = pipeline->registry,
        .cache = pipeline->cache,
        .graveyard = &pipeline->graveyard,
        .detector = pipeline->detector,
        .total_sketches = pipeline->total_sketches,
        .close = true,
        .final = final,
        .sequence = pipeline->sequence + 1,
        .window = pipeline->sequence + 1,
        .now_ns = now_ns,
        .timestamp = (double)(closed.stamp_ns / 1000000) / 1000,
        .window_seconds = (double)length_ns / 1e9,
        .uptime_seconds = (double)(now_ns - pipeline->started_ns) / 1e9,
    };
    struct snapshot *snapshot = derive_snapshot(&options);
    if (snapshot) {
        pipeline->sequence++;
        expire = expiry(pipeline, now_ns);
        expire_series(&expire);
    }
    return snapshot;
}

void pipeline_release(struct pipeline *pipeline, struct snapshot *snapshot)
{
    snapshot_unref(snapshot);
    graveyard_sweep(&pipeline->graveyard, UINT64_MAX);
}
