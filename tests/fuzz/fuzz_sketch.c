/* SPDX-License-Identifier: MIT
 *
 * Sketches: a byte stream becomes adds and merges of two sketches under a budget. Their weight must
 * be that of what they took, the export must ascend and add up, memory must stay within its bound,
 * and quantiles and the weights below bounds must lie within a bucket of those of a plain list;
 * quantiles of few samples must be its very values.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/metrics/sketch.h"

#define SAMPLES_MAX 6000

struct sample {
    double value, weight;
};

/* A sketch and the plain list beside it. */
struct pair {
    struct sketch *sketch;
    unsigned count;
    struct sample samples[SAMPLES_MAX];
};

struct run {
    const uint8_t *data;
    size_t size;
    struct pool_cache *cache;
    bool whole; /* no weight had a fraction */
    struct pair pairs[2];
};

static uint64_t next_bytes(struct run *run, size_t count)
{
    uint64_t bytes = 0;
    for (; count > 0 && run->size > 0; count--, run->size--) {
        bytes = bytes << 8 | *run->data++;
    }
    return bytes;
}

static double next_double(struct run *run)
{
    uint64_t bits = next_bytes(run, sizeof bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 0;
}

static void add(struct run *run, struct pair *pair, double value, double weight)
{
    if (pair->count < SAMPLES_MAX && isfinite(value) &&
        sketch_add(&pair->sketch, value, weight, run->cache)) {
        pair->samples[pair->count++] = (struct sample){value, weight};
        run->whole &= weight == floor(weight);
    }
}

/* A row of values in even steps, as most of a latency is. */
static void add_row(struct run *run, struct pair *pair, double weight)
{
    double value = (double)(int16_t)next_bytes(run, 2) / 8;
    double step = (double)(int8_t)next_bytes(run, 1) / 16;
    for (uint64_t i = next_bytes(run, 1); i > 0; i--) {
        add(run, pair, value, weight);
        value += step;
    }
}

/* Decimals as they are read from text. */
static void add_decimals(struct run *run, struct pair *pair, double weight)
{
    double power = pow(10, (double)(next_bytes(run, 1) % 11));
    int32_t units = (int32_t)next_bytes(run, sizeof units);
    int8_t step = (int8_t)next_bytes(run, 1);
    for (uint64_t i = next_bytes(run, 1) % 80; i > 0; i--) {
        add(run, pair, units / power, weight);
        units = (int32_t)((uint32_t)units + (uint32_t)step);
    }
}

static double weight_of(unsigned code)
{
    static const double weights[] = {1, 1, 1, 10, 255, 66000, 1 / 0.3, 0.25};
    return weights[code % 8];
}

/* False when the budget left the sum in part. */
static bool merge(struct run *run, struct pair *into, struct pair *from)
{
    if (into->count + from->count > SAMPLES_MAX) {
        return true;
    }
    bool merged = sketch_merge(&into->sketch, from->sketch, run->cache);
    if (merged) {
        memcpy(into->samples + into->count, from->samples, from->count * sizeof *from->samples);
        into->count += from->count;
    }
    return merged;
}

static double total_of(const struct pair *pair)
{
    double total = 0;
    for (unsigned i = 0; i < pair->count; i++) {
        total += pair->samples[i].weight;
    }
    return total;
}

struct export
{
    double weight;
    int64_t last; /* sign and index in one ascending number */
};

static void visit(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct export *export = context;
    int64_t place = sign == SKETCH_ZERO ? 0 : (int64_t)sign * (index + 1000000);
    REQUIRE(place > export->last && weight > 0);
    export->last = place;
    export->weight += weight;
}

static int by_value(const void *a, const void *b)
{
    double left = ((const struct sample *)a)->value, right = ((const struct sample *)b)->value;
    return (left > right) - (left < right);
}

/* The samples must be sorted. */
static double quantile_of(const struct pair *pair, double percent, double total)
{
    double cumulative = 0;
    unsigned i = 0;
    while ((cumulative += pair->samples[i].weight) < percent / 100 * total * (1 - 1e-12)) {
        i++;
    }
    return pair->samples[i].value;
}

static void check_quantiles(struct run *run, struct pair *pair, int schema, double total)
{
    static const double percents[] = {0.1, 10, 50, 75, 99, 99.9, 100};
    double results[7], base = exp2(exp2(-schema));
    bool exact = pair->count <= SKETCH_EXACT_SAMPLES;
    double tolerance = exact ? 0 : (base - 1) / (base + 1) * (1 + 1e-9);
    double least = exact ? 0 : 0x1p-1074;
    sketch_quantiles(pair->sketch, percents, 7, results);
    qsort(pair->samples, pair->count, sizeof *pair->samples, by_value);
    for (unsigned i = 0; i < 7; i++) {
        REQUIRE(results[i] >= pair->samples[0].value);
        REQUIRE(results[i] <= pair->samples[pair->count - 1].value);
        REQUIRE(i == 0 || results[i] >= results[i - 1]);
        double expected = quantile_of(pair, percents[i], total);
        REQUIRE(!run->whole || fabs(results[i] - expected) <= fabs(expected) * tolerance + least);
    }
}

/* Each bound's weight is that of the samples up to it, but for those in the bucket it is in. */
static void check_cumulative(struct run *run, const struct pair *pair, int schema, double total)
{
    static const double bounds[] = {-1e300, -100, -1.5, -1e-9, 0, 1e-9, 1, 30, 4000, 1.7e308};
    double weights[10], base = exp2(exp2(-schema)), last = 0;
    double slack = run->whole ? 1e-9 * total : 1e-9 * total + pair->count;
    sketch_cumulative(pair->sketch, bounds, 10, weights);
    for (unsigned b = 0; b < 10; b++) {
        double low = 0, high = 0, bound = bounds[b];
        double near = bound / (base * (1 + 1e-9)), far = bound * (base * (1 + 1e-9));
        for (unsigned i = 0; i < pair->count; i++) {
            low += pair->samples[i].value <= fmin(near, far) ? pair->samples[i].weight : 0;
            high += pair->samples[i].value <= fmax(near, far) ? pair->samples[i].weight : 0;
        }
        REQUIRE(weights[b] >= last);
        REQUIRE(weights[b] >= low - slack && weights[b] <= high + slack);
        last = weights[b];
    }
}

static void check(struct run *run, struct pair *pair)
{
    double total = total_of(pair);
    struct export export = {0, INT64_MIN};
    int schema;
    sketch_export(pair->sketch, &schema, visit, &export);
    REQUIRE(schema >= 0 && schema <= SKETCH_SCHEMA_MAX);
    REQUIRE(fabs(sketch_weight(pair->sketch) - total) <= 1e-9 * total);
    REQUIRE(sketch_bytes(pair->sketch) <= SKETCH_BYTES_MAX);
    if (run->whole) {
        REQUIRE(export.weight == total);
    } else {
        REQUIRE(export.weight <= total * (1 + 1e-9) + 1e-3 && export.weight > total - 1.001);
    }
    if (pair->count > 0) {
        check_quantiles(run, pair, schema, total);
        check_cumulative(run, pair, schema, total);
    }
}

/* One operation; false when the budget left a merge in part, and the plain list is wrong from then
 * on. */
static bool step(struct run *run)
{
    unsigned code = (unsigned)next_bytes(run, 1);
    struct pair *pair = &run->pairs[code & 1], *other = &run->pairs[~code & 1];
    double weight = weight_of(code >> 4);
    switch (code >> 1 & 7) {
    case 0:
        return merge(run, pair, other);
    case 1:
        sketch_free(&pair->sketch, run->cache);
        pair->count = 0;
        break;
    case 2:
        add_row(run, pair, weight);
        break;
    case 3:
        add_decimals(run, pair, weight);
        break;
    default:
        add(run, pair, next_double(run), weight);
        break;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    run.data = data;
    run.size = size;
    run.whole = true;
    run.pairs[0].count = run.pairs[1].count = 0;
    /* Now and then so little memory that most operations are refused. */
    uint64_t budget = next_bytes(&run, 1);
    struct pool *pool = pool_new(budget < 64 ? (budget + 1) << 14 : UINT64_C(1) << 24);
    REQUIRE(pool != NULL);
    run.cache = pool_cache_new(pool);
    REQUIRE(run.cache != NULL);
    bool intact = true;
    while (run.size > 0 && intact) {
        intact = step(&run);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (intact) {
            check(&run, &run.pairs[i]);
        }
        sketch_free(&run.pairs[i].sketch, run.cache);
    }
    pool_cache_free(run.cache);
    pool_free(pool);
    return 0;
}
