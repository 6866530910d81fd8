/* SPDX-License-Identifier: MIT */
#include "server/metrics/slice.h"

#include <stdlib.h>
#include <string.h>

static const size_t chunk_bytes[METRIC_KINDS] = {
    [METRIC_COUNTER] = sizeof(struct counter_chunk),
    [METRIC_GAUGE] = sizeof(struct gauge_chunk),
    [METRIC_TIMER] = sizeof(struct timer_chunk),
    [METRIC_SET] = sizeof(struct set_chunk),
};

bool slice_init(struct slice *slice, uint64_t series_max)
{
    *slice = (struct slice){.chunks_max = (uint32_t)(series_max / SLICE_CHUNK + 1)};
    bool made = true;
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        slice->chunks[kind] = calloc(slice->chunks_max, sizeof(void *));
        made = made && slice->chunks[kind];
    }
    return made;
}

static void free_chunk(void *chunk, enum metric_kind kind, struct pool_cache *cache)
{
    if (kind == METRIC_COUNTER) {
        free(((struct counter_chunk *)chunk)->decrements);
    }
    for (uint32_t i = 0; kind == METRIC_TIMER && i < SLICE_CHUNK; i++) {
        timer_clear(&((struct timer_chunk *)chunk)->timers[i], cache);
    }
    for (uint32_t i = 0; kind == METRIC_SET && i < SLICE_CHUNK; i++) {
        set_free(&((struct set_chunk *)chunk)->sets[i], cache);
    }
    free(chunk);
}

void slice_deinit(struct slice *slice, struct pool_cache *cache)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t i = 0; slice->chunks[kind] && i < slice->chunks_max; i++) {
            if (slice->chunks[kind][i]) {
                free_chunk(slice->chunks[kind][i], (enum metric_kind)kind, cache);
            }
        }
        free(slice->chunks[kind]);
    }
    events_deinit(&slice->events);
    exemplars_deinit(&slice->exemplars);
    *slice = (struct slice){0};
}

bool slice_reserve(struct slice *slice, enum metric_kind kind, uint32_t index)
{
    void **chunk = &slice->chunks[kind][index / SLICE_CHUNK];
    if (!*chunk) {
        *chunk = aligned_alloc(64, (chunk_bytes[kind] + 63) / 64 * 64);
        if (*chunk) {
            memset(*chunk, 0, chunk_bytes[kind]);
        }
    }
    return *chunk != NULL;
}

static bool add_decrement(struct counter_chunk *chunk, uint32_t at, double count)
{
    if (!chunk->decrements) {
        chunk->decrements = calloc(SLICE_CHUNK, sizeof(double));
    }
    if (!chunk->decrements) {
        return false;
    }
    chunk->decrements[at] += count;
    return true;
}

bool slice_add_counter(struct slice *slice, uint32_t index, double count)
{
    struct counter_chunk *chunk = slice_counters(slice, index);
    uint32_t at = index % SLICE_CHUNK;
    if (count >= 0) {
        chunk->increments[at] += count;
    } else if (!add_decrement(chunk, at, count)) {
        return false;
    } else if (slice->sequential) {
        chunk->increments[at] += count;
    }
    slice_touch(chunk->touched, at);
    return true;
}

void slice_add_gauge(struct slice *slice, uint32_t index, double value, bool delta,
                     uint64_t stamp_ns)
{
    struct gauge_chunk *chunk = slice_gauges(slice, index);
    uint32_t at = index % SLICE_CHUNK;
    if (!delta) {
        slice_touch(chunk->absolute, at);
        chunk->value[at] = value;
        chunk->stamp[at] = stamp_ns;
    } else {
        chunk->value[at] += value;
        if (!slice_bit(chunk->absolute, at)) {
            chunk->stamp[at] = stamp_ns;
        }
    }
    slice_touch(chunk->touched, at);
}

bool slice_add_timer(struct slice *slice, uint32_t index, double value, double weight,
                     struct pool_cache *cache)
{
    struct timer_chunk *chunk = slice_timers(slice, index);
    uint32_t at = index % SLICE_CHUNK;
    if (!timer_add(&chunk->timers[at], value, weight, cache)) {
        return false;
    }
    slice_touch(chunk->touched, at);
    return true;
}

bool slice_add_member(struct slice *slice, uint32_t index, uint64_t hash, struct pool_cache *cache)
{
    struct set_chunk *chunk = slice_sets(slice, index);
    uint32_t at = index % SLICE_CHUNK;
    if (!set_add(&chunk->sets[at], hash, cache)) {
        return false;
    }
    slice_touch(chunk->touched, at);
    return true;
}
