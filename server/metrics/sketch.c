/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch.h"

#include <math.h>

#include "server/core/require.h"
#include "server/metrics/sketch_exact.h"
#include "server/metrics/sketch_histogram.h"
#include "server/metrics/sketch_private.h"

/* Weights to here are tried as whole numbers first. */
#define WHOLE_WEIGHT_MAX 1e9

static bool is_exact(const struct sketch *sketch)
{
    return sketch->phase == SKETCH_PHASE_EXACT;
}

static const struct sketch_exact *exact_of(const struct sketch *sketch)
{
    return (const struct sketch_exact *)(const void *)sketch;
}

static const struct sketch_histogram *histogram_of(const struct sketch *sketch)
{
    return (const struct sketch_histogram *)(const void *)sketch;
}

static bool samples_add(struct sketch_histogram **into, const struct sketch_exact *from,
                        struct pool_cache *cache)
{
    for (unsigned i = 0; i < from->count; i++) {
        struct sketch_sample sample = sketch_exact_sample(from, i);
        if (!sketch_histogram_add(into, sample.value, sample.weight, cache)) {
            return false;
        }
    }
    return true;
}

/* A histogram of the samples of `exact`, which stays as it is. NULL at the budget. */
static struct sketch_histogram *histogram_from(const struct sketch_exact *exact,
                                               struct pool_cache *cache)
{
    struct sketch_histogram *histogram = sketch_histogram_new(SKETCH_SCHEMA_MAX, cache);
    if (histogram && !samples_add(&histogram, exact, cache)) {
        sketch_histogram_free(histogram, cache);
        return NULL;
    }
    return histogram;
}

/* Puts a histogram in the place of an exact sketch. */
static void replace(struct sketch **sketch, struct sketch_histogram *histogram,
                    struct pool_cache *cache)
{
    sketch_free(sketch, cache);
    *sketch = &histogram->sketch;
}

static bool exact_add(struct sketch **sketch, double value, double weight, struct pool_cache *cache)
{
    struct sketch_exact *exact = (struct sketch_exact *)(void *)*sketch;
    if (!exact || exact->count < SKETCH_EXACT_SAMPLES) {
        bool added = sketch_exact_add(&exact, value, weight, cache);
        *sketch = exact ? &exact->sketch : NULL;
        return added;
    }
    struct sketch_histogram *histogram = histogram_from(exact, cache);
    if (!histogram) {
        return false;
    }
    if (!sketch_histogram_add(&histogram, value, weight, cache)) {
        sketch_histogram_free(histogram, cache);
        return false;
    }
    replace(sketch, histogram, cache);
    return true;
}

static bool histogram_add(struct sketch **sketch, double value, double weight,
                          struct pool_cache *cache)
{
    struct sketch_histogram *histogram = (struct sketch_histogram *)(void *)*sketch;
    bool added = sketch_histogram_add(&histogram, value, weight, cache);
    *sketch = &histogram->sketch;
    return added;
}

bool sketch_add(struct sketch **sketch, double value, double weight, struct pool_cache *cache)
{
    if (!*sketch || is_exact(*sketch)) {
        return exact_add(sketch, value, weight, cache);
    }
    if (weight <= WHOLE_WEIGHT_MAX && weight == (double)(uint32_t)weight) {
        struct sketch_histogram *histogram = (struct sketch_histogram *)(void *)*sketch;
        if (sketch_histogram_increment(histogram, value, (uint32_t)weight)) {
            return true;
        }
    }
    return histogram_add(sketch, value, weight, cache);
}

/* Neither side has more than the exact phase holds, but both together may. */
static bool merge_exact(struct sketch **into, const struct sketch_exact *from,
                        struct pool_cache *cache)
{
    struct sketch_exact *exact = (struct sketch_exact *)(void *)*into;
    unsigned count = exact ? exact->count : 0;
    if (count + from->count <= SKETCH_EXACT_SAMPLES) {
        bool merged = sketch_exact_merge(&exact, from, cache);
        *into = exact ? &exact->sketch : NULL;
        return merged;
    }
    struct sketch_histogram *histogram = histogram_from(exact, cache);
    if (!histogram) {
        return false;
    }
    if (!samples_add(&histogram, from, cache)) {
        sketch_histogram_free(histogram, cache);
        return false;
    }
    replace(into, histogram, cache);
    return true;
}

/* Copies `from` and adds the samples of *into, which may be NULL, to it: nothing is changed at the
 * budget. */
static bool merge_into_copy(struct sketch **into, const struct sketch_histogram *from,
                            struct pool_cache *cache)
{
    struct sketch_histogram *copy = sketch_histogram_new(from->schema, cache);
    if (!copy) {
        return false;
    }
    if (!sketch_histogram_merge(&copy, from, cache) ||
        (*into && !samples_add(&copy, exact_of(*into), cache))) {
        sketch_histogram_free(copy, cache);
        return false;
    }
    replace(into, copy, cache);
    return true;
}

bool sketch_merge(struct sketch **into, const struct sketch *from, struct pool_cache *cache)
{
    REQUIRE(!from || *into != from);
    if (!from) {
        return true;
    }
    bool into_exact = !*into || is_exact(*into);
    if (into_exact) {
        return is_exact(from) ? merge_exact(into, exact_of(from), cache)
                              : merge_into_copy(into, histogram_of(from), cache);
    }
    struct sketch_histogram *histogram = (struct sketch_histogram *)(void *)*into;
    bool merged = is_exact(from) ? samples_add(&histogram, exact_of(from), cache)
                                 : sketch_histogram_merge(&histogram, histogram_of(from), cache);
    *into = &histogram->sketch;
    return merged;
}

void sketch_free(struct sketch **sketch, struct pool_cache *cache)
{
    if (!*sketch) {
        return;
    }
    if (is_exact(*sketch)) {
        sketch_exact_free((struct sketch_exact *)(void *)*sketch, cache);
    } else {
        sketch_histogram_free((struct sketch_histogram *)(void *)*sketch, cache);
    }
    *sketch = NULL;
}

void sketch_quantiles(const struct sketch *sketch, const double *percents, size_t count,
                      double *results)
{
    if (!sketch) {
        for (size_t i = 0; i < count; i++) {
            results[i] = (double)NAN;
        }
    } else if (is_exact(sketch)) {
        sketch_exact_quantiles(exact_of(sketch), percents, count, results);
    } else {
        sketch_histogram_quantiles(histogram_of(sketch), percents, count, results);
    }
}

void sketch_cumulative(const struct sketch *sketch, const double *bounds, size_t count,
                       double *weights)
{
    if (!sketch) {
        for (size_t i = 0; i < count; i++) {
            weights[i] = 0;
        }
    } else if (is_exact(sketch)) {
        sketch_exact_cumulative(exact_of(sketch), bounds, count, weights);
    } else {
        sketch_histogram_cumulative(histogram_of(sketch), bounds, count, weights);
    }
}

double sketch_weight(const struct sketch *sketch)
{
    if (!sketch) {
        return 0;
    }
    return is_exact(sketch) ? sketch_exact_weight(exact_of(sketch))
                            : sketch_histogram_weight(histogram_of(sketch));
}

void sketch_export(const struct sketch *sketch, int *schema, sketch_visit *visit, void *context)
{
    *schema = SKETCH_SCHEMA_MAX;
    if (!sketch) {
        return;
    }
    if (is_exact(sketch)) {
        sketch_exact_export(exact_of(sketch), visit, context);
    } else {
        *schema = histogram_of(sketch)->schema;
        sketch_histogram_export(histogram_of(sketch), visit, context);
    }
}

size_t sketch_bytes(const struct sketch *sketch)
{
    if (!sketch) {
        return 0;
    }
    return is_exact(sketch) ? sketch_exact_bytes(exact_of(sketch))
                            : sketch_histogram_bytes(histogram_of(sketch));
}
