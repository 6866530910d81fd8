/* SPDX-License-Identifier: MIT
 *
 * A slice: what one worker aggregated since its last hand-over, in arrays by kind and index,
 * in chunks that are never moved. The worker writes the open slice; after the hand-over the flusher
 * reads and clears it and gives it back. A bit a series says whether it was touched, so that
 * clearing and merging cost what was touched, and idle is told apart from zero.
 */
#ifndef SERVER_METRICS_SLICE_H
#define SERVER_METRICS_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/events.h"
#include "server/metrics/exemplar.h"
#include "server/metrics/identity.h"
#include "server/metrics/set.h"
#include "server/metrics/timer.h"

#define SLICE_CHUNK 1024
#define SLICE_EXEMPLARS 1024
#define SLICE_WORDS (SLICE_CHUNK / 64)

struct counter_chunk {
    uint64_t touched[SLICE_WORDS];
    double increments[SLICE_CHUNK]; /* Σ of positive value/rate; of all in a sequential slice */
    double *decrements; /* Σ of negative ones, SLICE_CHUNK of them; NULL until there is one */
};

struct gauge_chunk {
    uint64_t touched[SLICE_WORDS];
    uint64_t absolute[SLICE_WORDS]; /* the value was set in this slice; else `value` is a sum of
                                       deltas */
    double value[SLICE_CHUNK];      /* the last set and the deltas after it, or the deltas alone */
    uint64_t
        stamp[SLICE_CHUNK]; /* monotonic: batch of the last set, or of the last delta without one */
};

struct timer_chunk {
    uint64_t touched[SLICE_WORDS];
    struct timer timers[SLICE_CHUNK];
};

struct set_chunk {
    uint64_t touched[SLICE_WORDS];
    struct set *sets[SLICE_CHUNK];
};

struct slice {
    /* By kind: chunks_max pointers each, NULL where no series of that chunk exists yet. */
    void **chunks[METRIC_KINDS];
    uint32_t chunks_max;
    uint32_t count[METRIC_KINDS]; /* indexes below this may be touched; set at the hand-over */
    struct events events;
    struct exemplars exemplars; /* generation 0: no place changes hands within a slice */
    uint64_t ended_ns;          /* monotonic: everything in it was received before */
    bool sequential; /* profile etsy: counts are added up in the order they came, whatever their
                        sign, so that a sum of fractions is rounded as etsy statsd's is */
};

/* False without memory. */
bool slice_init(struct slice *slice, uint64_t series_max);

/* Gives sketches and sets back to `cache`, and all chunks. */
void slice_deinit(struct slice *slice, struct pool_cache *cache);

/* Makes sure that the chunk of `index` exists. False without memory. */
bool slice_reserve(struct slice *slice, enum metric_kind kind, uint32_t index);

static inline struct counter_chunk *slice_counters(const struct slice *slice, uint32_t index)
{
    return (struct counter_chunk *)slice->chunks[METRIC_COUNTER][index / SLICE_CHUNK];
}

static inline struct gauge_chunk *slice_gauges(const struct slice *slice, uint32_t index)
{
    return (struct gauge_chunk *)slice->chunks[METRIC_GAUGE][index / SLICE_CHUNK];
}

static inline struct timer_chunk *slice_timers(const struct slice *slice, uint32_t index)
{
    return (struct timer_chunk *)slice->chunks[METRIC_TIMER][index / SLICE_CHUNK];
}

static inline struct set_chunk *slice_sets(const struct slice *slice, uint32_t index)
{
    return (struct set_chunk *)slice->chunks[METRIC_SET][index / SLICE_CHUNK];
}

static inline void slice_touch(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= UINT64_C(1) << (at % 64);
}

static inline bool slice_bit(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> (at % 64) & 1;
}

/* Adds one sample to the series at `index`. False at the memory budget. */
bool slice_add_counter(struct slice *slice, uint32_t index, double count);
void slice_add_gauge(struct slice *slice, uint32_t index, double value, bool delta,
                     uint64_t stamp_ns);
bool slice_add_timer(struct slice *slice, uint32_t index, double value, double weight,
                     struct pool_cache *cache);
bool slice_add_member(struct slice *slice, uint32_t index, uint64_t hash, struct pool_cache *cache);

#endif
