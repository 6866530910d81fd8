/* SPDX-License-Identifier: MIT */
#include "server/flush/merge.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct merge {
    struct registry *registry;
    struct slice *slice;
    struct pool_cache *cache;
    size_t short_of_memory;
};

/* An expired series whose name comes back before the workers have let go of it is a new one. */
static void begin_anew(struct series *series, enum metric_kind kind)
{
    if (kind == METRIC_COUNTER) {
        ((struct counter_series *)series)->total = 0;
    } else if (kind == METRIC_GAUGE) {
        struct gauge_series *gauge = (struct gauge_series *)series;
        gauge->value = 0;
        gauge->set_ns = 0;
    } else if (kind == METRIC_TIMER) {
        struct timer_series *timer = (struct timer_series *)series;
        timer->total_count = timer->total_sum = 0;
        /* Its sketch was buried when it expired. */
        free(timer->kept);
        timer->kept = NULL;
    }
    series->expired = false;
    series->forgetting = false;
}

void merge_touch(struct series *series, enum metric_kind kind, uint64_t now_ns)
{
    if (series->expired) {
        begin_anew(series, kind);
    }
    series->touched = true;
    if (now_ns > series->seen_ns) {
        series->seen_ns = now_ns;
    }
}

/* The series of a cell, marked as touched. */
static void *touch(struct merge *merge, enum metric_kind kind, uint32_t index)
{
    struct series *series = registry_at(merge->registry, kind, index);
    merge_touch(series, kind, merge->slice->ended_ns);
    return series;
}

/* Runs its body for each set bit of a chunk's bitmap, `at` being the position in the chunk. */
#define FOR_EACH_BIT(bits, at)                                                   \
    for (uint32_t word_ = 0; word_ < SLICE_WORDS; word_++)                       \
        for (uint64_t rest_ = (bits)[word_], at = 0;                             \
             rest_ && ((at = word_ * 64 + (uint64_t)__builtin_ctzll(rest_)), 1); \
             rest_ &= rest_ - 1)

/* Sums that left the range of a double stay at its end. */
static double clamp(double value)
{
    return fmax(fmin(value, DBL_MAX), -DBL_MAX);
}

static void merge_counters(struct merge *merge, void *storage, uint32_t first)
{
    struct counter_chunk *chunk = storage;
    FOR_EACH_BIT (chunk->touched, at) {
        struct counter_series *series = touch(merge, METRIC_COUNTER, first + (uint32_t)at);
        double increment = chunk->increments[at];
        series->count = clamp(series->count + increment);
        chunk->increments[at] = 0;
        if (chunk->decrements) {
            if (merge->slice->sequential) {
                increment = fmax(increment - chunk->decrements[at], 0);
            } else {
                series->count = clamp(series->count + chunk->decrements[at]);
            }
            chunk->decrements[at] = 0;
        }
        series->total = fmin(series->total + increment, DBL_MAX);
    }
    memset(chunk->touched, 0, sizeof(chunk->touched));
}

/* First pass: sets. A chunk keeps its bits for the second. */
static void merge_sets_of_gauges(struct merge *merge, void *storage, uint32_t first)
{
    struct gauge_chunk *chunk = storage;
    FOR_EACH_BIT (chunk->touched, at) {
        struct gauge_series *series = touch(merge, METRIC_GAUGE, first + (uint32_t)at);
        if (slice_bit(chunk->absolute, (uint32_t)at) && chunk->stamp[at] >= series->set_ns) {
            series->value = clamp(chunk->value[at]);
            series->set_ns = chunk->stamp[at];
        }
    }
}

/* Second pass: deltas of slices without a set. */
static void merge_deltas_of_gauges(struct merge *merge, void *storage, uint32_t first)
{
    struct gauge_chunk *chunk = storage;
    FOR_EACH_BIT (chunk->touched, at) {
        struct gauge_series *series = touch(merge, METRIC_GAUGE, first + (uint32_t)at);
        if (!slice_bit(chunk->absolute, (uint32_t)at) && chunk->stamp[at] >= series->set_ns) {
            series->value = clamp(series->value + chunk->value[at]);
        }
        chunk->value[at] = 0;
    }
    memset(chunk->touched, 0, sizeof(chunk->touched));
    memset(chunk->absolute, 0, sizeof(chunk->absolute));
}

static void merge_timers(struct merge *merge, void *storage, uint32_t first)
{
    struct timer_chunk *chunk = storage;
    FOR_EACH_BIT (chunk->touched, at) {
        struct timer_series *series = touch(merge, METRIC_TIMER, first + (uint32_t)at);
        if (!timer_merge(&series->window, &chunk->timers[at], merge->cache)) {
            merge->short_of_memory++;
        }
    }
    memset(chunk->touched, 0, sizeof(chunk->touched));
}

static void merge_members(struct merge *merge, void *storage, uint32_t first)
{
    struct set_chunk *chunk = storage;
    FOR_EACH_BIT (chunk->touched, at) {
        struct set_series *series = touch(merge, METRIC_SET, first + (uint32_t)at);
        if (!series->window) {
            series->window = chunk->sets[at];
            chunk->sets[at] = NULL;
            continue;
        }
        if (!set_merge(&series->window, chunk->sets[at], merge->cache)) {
            merge->short_of_memory++;
        }
        set_free(&chunk->sets[at], merge->cache);
    }
    memset(chunk->touched, 0, sizeof(chunk->touched));
}

typedef void merge_chunk(struct merge *merge, void *storage, uint32_t first);

static void merge_kind(struct merge *merge, enum metric_kind kind, merge_chunk *visit)
{
    uint32_t count = merge->slice->count[kind];
    for (uint32_t first = 0; first < count; first += SLICE_CHUNK) {
        void *chunk = merge->slice->chunks[kind][first / SLICE_CHUNK];
        if (chunk) {
            visit(merge, chunk, first);
        }
    }
}

static void merge_events(struct merge *merge)
{
    struct registry *registry = merge->registry;
    enum event_loss loss = EVENT_STORED;
    uint32_t lost = events_move(&registry->events, &merge->slice->events, &loss);
    atomic_fetch_add_explicit(&registry->events_lost[loss], lost, memory_order_relaxed);
}

/* The slice's samples keep the series, so that the place is still theirs. */
static void merge_exemplars(struct merge *merge)
{
    struct exemplars *from = &merge->slice->exemplars;
    for (uint32_t i = 0; from->slots && i < from->count_max; i++) {
        struct exemplar *exemplar = &from->slots[i];
        if (exemplar->stamp_ns > 0) {
            exemplar->generation =
                registry_identity_at(merge->registry, exemplar->place)->generation;
            exemplars_put(&merge->registry->exemplars, exemplar);
        }
    }
    exemplars_deinit(from);
}

size_t merge_slices(struct registry *registry, struct slice *const *slices, size_t count,
                    struct pool_cache *cache)
{
    struct merge merge = {.registry = registry, .cache = cache};
    /* From the highest worker down, so that of two sets with one stamp the lower worker's stays. */
    for (size_t i = count; i-- > 0;) {
        merge.slice = slices[i];
        merge_kind(&merge, METRIC_COUNTER, merge_counters);
        merge_kind(&merge, METRIC_GAUGE, merge_sets_of_gauges);
        merge_kind(&merge, METRIC_TIMER, merge_timers);
        merge_kind(&merge, METRIC_SET, merge_members);
        merge_events(&merge);
        merge_exemplars(&merge);
    }
    for (size_t i = 0; i < count; i++) {
        merge.slice = slices[i];
        merge_kind(&merge, METRIC_GAUGE, merge_deltas_of_gauges);
    }
    return merge.short_of_memory;
}
