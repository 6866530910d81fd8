/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_exact.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "server/core/require.h"
#include "server/metrics/sketch_bucket.h"

_Static_assert(offsetof(struct sketch_exact, bytes) == 8, "capacities are chosen for this header");

/* How many samples a block holds as it grows: as floats they fill 32, 64, 88, 128, 192 and 264
 * bytes. All are even, so that weights behind floats are aligned. */
static const uint8_t capacities[] = {6, 14, 20, 30, 46, SKETCH_EXACT_SAMPLES};

static unsigned capacity_for(unsigned count)
{
    size_t i = 0;
    while (capacities[i] < count) {
        i++;
    }
    return capacities[i];
}

static size_t shape_bytes(unsigned capacity, bool wide, bool weighted)
{
    size_t each = (wide ? sizeof(double) : sizeof(float)) + (weighted ? sizeof(double) : 0);
    return offsetof(struct sketch_exact, bytes) + capacity * each;
}

size_t sketch_exact_bytes(const struct sketch_exact *exact)
{
    return shape_bytes(exact->capacity, exact->wide, exact->weighted);
}

void sketch_exact_free(struct sketch_exact *exact, struct pool_cache *cache)
{
    pool_give(cache, exact, sketch_exact_bytes(exact));
}

static const double *weights_of(const struct sketch_exact *exact)
{
    size_t values = exact->capacity * (exact->wide ? sizeof(double) : sizeof(float));
    return (const double *)(const void *)(exact->bytes + values);
}

struct sketch_sample sketch_exact_sample(const struct sketch_exact *exact, unsigned i)
{
    const void *values = exact->bytes;
    return (struct sketch_sample){
        .value = exact->wide ? ((const double *)values)[i] : (double)((const float *)values)[i],
        .weight = exact->weighted ? weights_of(exact)[i] : (double)exact->weight,
    };
}

/* There must be room of the right shape. */
static void append(struct sketch_exact *exact, double value, double weight)
{
    unsigned i = exact->count++;
    size_t width = exact->wide ? sizeof(double) : sizeof(float);
    if (exact->wide) {
        ((double *)(void *)exact->bytes)[i] = value;
    } else {
        ((float *)(void *)exact->bytes)[i] = (float)value;
    }
    if (exact->weighted) {
        ((double *)(void *)(exact->bytes + exact->capacity * width))[i] = weight;
    }
}

/* What a sketch needs to be to hold samples. */
struct shape {
    unsigned count;
    bool wide, weighted;
    float weight;
};

static struct sketch_exact *exact_new(const struct shape *shape, struct pool_cache *cache)
{
    unsigned capacity = capacity_for(shape->count);
    struct sketch_exact *exact =
        pool_take(cache, shape_bytes(capacity, shape->wide, shape->weighted));
    if (exact) {
        exact->sketch.phase = SKETCH_PHASE_EXACT;
        exact->count = 0;
        exact->capacity = (uint8_t)capacity;
        exact->wide = shape->wide;
        exact->weighted = shape->weighted;
        exact->weight = shape->weight;
    }
    return exact;
}

static void append_all(struct sketch_exact *into, const struct sketch_exact *from)
{
    for (unsigned i = 0; i < from->count; i++) {
        struct sketch_sample sample = sketch_exact_sample(from, i);
        append(into, sample.value, sample.weight);
    }
}

/* Room for samples of this shape beside those that are there. Makes *exact where it is NULL. False
 * at the budget: nothing is changed. */
static bool reserve(struct sketch_exact **exact, struct shape shape, struct pool_cache *cache)
{
    struct sketch_exact *old = *exact;
    if (old) {
        shape.count += old->count;
        shape.weighted |= old->weighted || shape.weight != old->weight;
        if (shape.count <= old->capacity && shape.wide <= old->wide &&
            shape.weighted <= old->weighted) {
            return true;
        }
        shape.wide |= old->wide;
    }
    REQUIRE(shape.count <= SKETCH_EXACT_SAMPLES);
    struct sketch_exact *grown = exact_new(&shape, cache);
    if (!grown) {
        return false;
    }
    if (old) {
        append_all(grown, old);
        sketch_exact_free(old, cache);
    }
    *exact = grown;
    return true;
}

static bool is_float(double value)
{
    return fabs(value) <= (double)FLT_MAX && (double)(float)value == value;
}

bool sketch_exact_add(struct sketch_exact **exact, double value, double weight,
                      struct pool_cache *cache)
{
    struct sketch_exact *old = *exact;
    if (old && old->count < old->capacity && !old->weighted && weight == (double)old->weight &&
        !old->wide && is_float(value)) {
        ((float *)(void *)old->bytes)[old->count++] = (float)value;
        return true;
    }
    bool weighted = !is_float(weight);
    struct shape shape = {1, !is_float(value), weighted, weighted ? 0 : (float)weight};
    if (!reserve(exact, shape, cache)) {
        return false;
    }
    append(*exact, value, weight);
    return true;
}

bool sketch_exact_merge(struct sketch_exact **into, const struct sketch_exact *from,
                        struct pool_cache *cache)
{
    struct shape shape = {from->count, from->wide, from->weighted, from->weight};
    if (!reserve(into, shape, cache)) {
        return false;
    }
    append_all(*into, from);
    return true;
}

/* Insertion sort: there are few, and none is NaN. */
static void samples_sort(struct sketch_sample *samples, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct sketch_sample sample = samples[i];
        unsigned at = i;
        for (; at > 0 && samples[at - 1].value > sample.value; at--) {
            samples[at] = samples[at - 1];
        }
        samples[at] = sample;
    }
}

/* Values alone move in half the time. */
static void values_sort(double *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        double value = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
}

static void values_copy(const struct sketch_exact *exact, double *values)
{
    if (exact->wide) {
        memcpy(values, exact->bytes, exact->count * sizeof *values);
        return;
    }
    const float *floats = (const float *)(const void *)exact->bytes;
    for (unsigned i = 0; i < exact->count; i++) {
        values[i] = (double)floats[i];
    }
}

void sketch_exact_sort(const struct sketch_exact *exact,
                       struct sketch_sample samples[SKETCH_EXACT_SAMPLES])
{
    if (exact->weighted) {
        for (unsigned i = 0; i < exact->count; i++) {
            samples[i] = sketch_exact_sample(exact, i);
        }
        samples_sort(samples, exact->count);
        return;
    }
    double values[SKETCH_EXACT_SAMPLES];
    values_copy(exact, values);
    values_sort(values, exact->count);
    for (unsigned i = 0; i < exact->count; i++) {
        samples[i] = (struct sketch_sample){values[i], (double)exact->weight};
    }
}

double sketch_exact_weight(const struct sketch_exact *exact)
{
    if (!exact->weighted) {
        return exact->count * (double)exact->weight;
    }
    double weight = 0;
    for (unsigned i = 0; i < exact->count; i++) {
        weight += weights_of(exact)[i];
    }
    return weight;
}

void sketch_exact_quantiles(const struct sketch_exact *exact, const double *percents, size_t count,
                            double *results)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    double total = sketch_exact_weight(exact);
    double cumulative = samples[0].weight;
    unsigned at = 0;
    for (size_t i = 0; i < count; i++) {
        double rank = sketch_rank(percents[i], total);
        while (cumulative < rank && at + 1U < exact->count) {
            cumulative += samples[++at].weight;
        }
        results[i] = samples[at].value;
    }
}

void sketch_exact_cumulative(const struct sketch_exact *exact, const double *bounds, size_t count,
                             double *weights)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    double cumulative = 0;
    unsigned at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < exact->count && samples[at].value <= bounds[i]) {
            cumulative += samples[at++].weight;
        }
        weights[i] = cumulative;
    }
}

/* Makes the weights whole units, dealt out in ascending order as becoming a histogram would. */
static void samples_round(struct sketch_sample *samples, size_t count)
{
    double carry = 0;
    for (size_t i = 0; i < count; i++) {
        samples[i].weight = (double)sketch_whole_units(samples[i].weight, &carry);
    }
}

static enum sketch_sign sign_of(double value)
{
    return value > 0 ? SKETCH_POSITIVE : value < 0 ? SKETCH_NEGATIVE : SKETCH_ZERO;
}

static int32_t index_of(double value)
{
    return value == 0 ? 0 : sketch_bucket_index(fabs(value), SKETCH_SCHEMA_MAX);
}

static bool same_bucket(double a, double b)
{
    return sign_of(a) == sign_of(b) && index_of(a) == index_of(b);
}

void sketch_export_sorted(struct sketch_sample *samples, size_t count, sketch_visit *visit,
                          void *context)
{
    samples_round(samples, count);
    for (size_t i = 0; i < count;) {
        double value = samples[i].value, units = 0;
        for (; i < count && same_bucket(samples[i].value, value); i++) {
            units += samples[i].weight;
        }
        if (units > 0) {
            visit(context, sign_of(value), index_of(value), units);
        }
    }
}

void sketch_exact_export(const struct sketch_exact *exact, sketch_visit *visit, void *context)
{
    struct sketch_sample samples[SKETCH_EXACT_SAMPLES];
    sketch_exact_sort(exact, samples);
    sketch_export_sorted(samples, exact->count, visit, context);
}
