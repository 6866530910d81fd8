/* SPDX-License-Identifier: MIT */
#include "server/flush/expire.h"

#include <stdlib.h>

#define IDLE_NS_MIN (UINT64_C(3600) * 1000000000)

/* What snapshots may still show of an expired series outlives it. One that samples bring back has
 * these again from its next window. */
static void bury_shown(const struct expire_options *options, enum metric_kind kind,
                       struct series *series)
{
    if (kind == METRIC_TIMER) {
        struct timer_series *timer = (struct timer_series *)series;
        graveyard_bury(options->graveyard, GRAVE_SKETCH, timer->sketch, options->sequence);
        timer->sketch = NULL;
        timer->quantiles_ns = 0;
        if (timer->kept) {
            graveyard_bury(options->graveyard, GRAVE_SKETCH, timer->kept->total, options->sequence);
            timer->kept->total = NULL;
        }
    } else if (kind == METRIC_SET) {
        struct set_series *set = (struct set_series *)series;
        graveyard_bury(options->graveyard, GRAVE_SET, set->last, options->sequence);
        set->last = NULL;
    }
}

static void forget(const struct expire_options *options, struct series *series, uint32_t place)
{
    series->forgetting = true;
    for (size_t i = 0; i < options->handover_count; i++) {
        handover_forget(&options->handovers[i], place);
    }
}

/* Removes what can be and has the workers let go of the rest; says how many were removed. */
static size_t sweep_kind(const struct expire_options *options, enum metric_kind kind)
{
    size_t removed = 0;
    uint32_t count = registry_count(options->registry, kind);
    for (uint32_t i = 0; i < count; i++) {
        struct series *series = registry_at(options->registry, kind, i);
        if (!series->expired) {
            continue;
        }
        bury_shown(options, kind, series);
        struct identity *identity = registry_remove(options->registry, kind, i, options->cache);
        if (identity) {
            graveyard_bury(options->graveyard, GRAVE_IDENTITY, identity, options->sequence);
            removed++;
        } else {
            forget(options, series, place_make(kind, i));
        }
    }
    return removed;
}

size_t expire_series(const struct expire_options *options)
{
    size_t removed = 0;
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        removed += sweep_kind(options, (enum metric_kind)kind);
    }
    return removed;
}

static void drop_window(const struct expire_options *options, enum metric_kind kind,
                        struct series *series)
{
    if (kind == METRIC_COUNTER) {
        ((struct counter_series *)series)->count = 0;
    } else if (kind == METRIC_TIMER) {
        timer_clear(&((struct timer_series *)series)->window, options->cache);
    } else if (kind == METRIC_SET) {
        set_free(&((struct set_series *)series)->window, options->cache);
    }
    series->touched = false;
}

void expire_now(const struct expire_options *options, enum metric_kind kind, uint32_t index)
{
    struct series *series = registry_at(options->registry, kind, index);
    drop_window(options, kind, series);
    bury_shown(options, kind, series);
    series->expired = true;
    if (options->detector) {
        detector_forget(options->detector, kind, index);
    }
}

struct candidate {
    uint64_t seen_ns;
    struct series *series;
    uint32_t index;
    enum metric_kind kind;
};

static int by_age(const void *a, const void *b)
{
    uint64_t left = ((const struct candidate *)a)->seen_ns;
    uint64_t right = ((const struct candidate *)b)->seen_ns;
    return (left > right) - (left < right);
}

static size_t find_idle(const struct expire_options *options, struct candidate *found)
{
    size_t count = 0;
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        uint32_t known = registry_count(options->registry, (enum metric_kind)kind);
        for (uint32_t i = 0; i < known; i++) {
            struct series *series = registry_at(options->registry, (enum metric_kind)kind, i);
            if (registry_identity(options->registry, series) && !series->expired &&
                !series->touched && options->now_ns - series->seen_ns > IDLE_NS_MIN) {
                found[count++] =
                    (struct candidate){series->seen_ns, series, i, (enum metric_kind)kind};
            }
        }
    }
    return count;
}

size_t expire_longest_idle(const struct expire_options *options, uint64_t wanted)
{
    uint64_t known = atomic_load(&options->registry->series_count);
    struct candidate *found = malloc((known + 1) * sizeof(*found));
    if (!found) {
        return 0;
    }
    size_t count = find_idle(options, found);
    qsort(found, count, sizeof(*found), by_age);
    count = count < wanted ? count : wanted;
    for (size_t i = 0; i < count; i++) {
        found[i].series->expired = true;
        if (options->detector) {
            detector_forget(options->detector, found[i].kind, found[i].index);
        }
    }
    free(found);
    return count;
}
