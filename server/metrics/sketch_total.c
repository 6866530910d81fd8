/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_total.h"

#include <math.h>

#include "server/metrics/sketch_exact.h"
#include "server/metrics/sketch_histogram.h"
#include "server/metrics/sketch_list.h"
#include "server/metrics/sketch_private.h"

struct dealing {
    struct sketch **into;
    double *carry; /* NULL: fractions are left out */
    struct pool_cache *cache;
};

static bool deal(const struct dealing *dealing, double value, double weight)
{
    double none = 0;
    uint64_t units = sketch_whole_units(weight, dealing->carry ? dealing->carry : &none);
    return units == 0 || sketch_add(dealing->into, value, (double)units, dealing->cache);
}

/* In ascending order, as a sketch does that becomes a histogram. */
static bool deal_samples(const struct dealing *dealing, const struct sketch_exact *from)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    bool dealt = true;
    sketch_exact_sort(from, samples);
    for (unsigned i = 0; dealt && i < from->count; i++) {
        dealt = deal(dealing, samples[i].value, samples[i].weight);
    }
    return dealt;
}

static bool deal_codes(const struct dealing *dealing, const struct sketch_list *from)
{
    uint16_t sorted[SKETCH_LIST_SAMPLES];
    bool dealt = true;
    sketch_list_sort(from, sorted);
    for (unsigned i = 0; dealt && i < from->count; i++) {
        double value = sketch_bucket_center(sketch_list_point(sorted[i]), SKETCH_SCHEMA_MAX);
        dealt = deal(dealing, value, from->weight);
    }
    return dealt;
}

static bool is_whole(float weight)
{
    return weight == floorf(weight);
}

static bool add(const struct dealing *dealing, const struct sketch *window)
{
    const void *form = window;
    if (window && window->phase == SKETCH_PHASE_EXACT) {
        const struct sketch_exact *exact = form;
        if (exact->weighted || !is_whole(exact->weight)) {
            return deal_samples(dealing, exact);
        }
    } else if (window && window->phase == SKETCH_PHASE_LIST) {
        const struct sketch_list *list = form;
        if (list->weight != floor(list->weight)) {
            return deal_codes(dealing, list);
        }
    }
    return sketch_merge(dealing->into, window, dealing->cache);
}

/* Two fractions that come to a unit are counted at the median (sketch_histogram_merge()). In a
 * window that goes on that would be elsewhere each time. */
static void drop_carry(struct sketch *sketch)
{
    void *form = sketch;
    if (sketch && sketch->phase == SKETCH_PHASE_HISTOGRAM) {
        ((struct sketch_histogram *)form)->carry = 0;
    }
}

bool sketch_total_add(struct sketch **sum, const struct sketch *total, const struct sketch *window,
                      double *carry, struct pool_cache *cache)
{
    double left = carry ? *carry : 0;
    struct dealing dealing = {sum, carry ? &left : NULL, cache};
    *sum = NULL;
    bool copied = sketch_merge(sum, total, cache);
    if (!carry) {
        drop_carry(*sum);
    }
    if (!copied || !add(&dealing, window)) {
        sketch_free(sum, cache);
        return false;
    }
    if (carry) {
        *carry = left;
    }
    return true;
}
