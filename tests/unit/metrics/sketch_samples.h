/* SPDX-License-Identifier: MIT
 *
 * What the tests of the sketch share: a pool (pool_fixture.h), sources of samples and of weights
 * from a seed, and the export as a list.
 */
#ifndef TESTS_UNIT_METRICS_SKETCH_SAMPLES_H
#define TESTS_UNIT_METRICS_SKETCH_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics/sketch.h"
#include "tests/unit/metrics/pool_fixture.h"
#include "tests/unit/random.h"

#define BUCKETS_MAX (SKETCH_BYTES_MAX * 8 + 1)

static const double percents[] = {0.01, 1, 5, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
#define PERCENTS (sizeof percents / sizeof *percents)

/* Sources of samples. */

static inline double random_unit(uint64_t *seed)
{
    return ((double)(random_next(seed) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(random_unit(seed)));
    return radius * cos(2 * M_PI * random_unit(seed));
}

static inline double uniform(uint64_t *seed)
{
    return 100 * random_unit(seed);
}

static inline double lognormal(uint64_t *seed)
{
    return exp(3 + random_normal(seed));
}

static inline double pareto(uint64_t *seed)
{
    return pow(random_unit(seed), -1 / 1.2);
}

static inline double constant(uint64_t *seed)
{
    (void)seed;
    return 12.3;
}

static inline double negative(uint64_t *seed)
{
    return -lognormal(seed);
}

static inline double mixed_sign(uint64_t *seed)
{
    return 50 * random_normal(seed);
}

static inline double with_zeros(uint64_t *seed)
{
    return random_next(seed) % 3 ? (random_next(seed) % 2 ? 0.0 : -0.0) : mixed_sign(seed);
}

static inline double whole_numbers(uint64_t *seed)
{
    return floor(lognormal(seed));
}

static inline double three_places(uint64_t *seed)
{
    return floor(1e3 * mixed_sign(seed)) / 1e3;
}

static inline double tiny(uint64_t *seed)
{
    return (double)(random_next(seed) % 100000) * 0x1p-1074;
}

/* Any finite double, each exponent as likely as another. */
static inline double any_double(uint64_t *seed)
{
    uint64_t bits = random_next(seed);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 1;
}

typedef double source(uint64_t *seed);
static source *const sources[] = {uniform,    lognormal,  pareto,        constant,     negative,
                                  mixed_sign, with_zeros, whole_numbers, three_places, tiny};
#define SOURCES (sizeof sources / sizeof *sources)

static inline double weight_of(unsigned kind, uint64_t *seed)
{
    static const double mixed[] = {1, 2, 10, 100, 300};
    static const double fractions[] = {1, 1 / 0.3, 1 / 0.7, 2.5};
    switch (kind) {
    case 0:
        return 1;
    case 1:
        return mixed[random_next(seed) % 5];
    default:
        return fractions[random_next(seed) % 4];
    }
}

struct sample {
    double value, weight;
};

static inline struct sketch *sketch_of(const struct sample *samples, unsigned count,
                                       struct pool_cache *cache)
{
    struct sketch *sketch = NULL;
    for (unsigned i = 0; i < count; i++) {
        assert_true(sketch_add(&sketch, samples[i].value, samples[i].weight, cache));
    }
    return sketch;
}

static inline void draw(struct sample *samples, unsigned count, source *next, unsigned weights,
                        uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        samples[i].value = next(&seed);
        samples[i].weight = weight_of(weights, &seed);
    }
}

/* What an export says. */

struct bucket {
    enum sketch_sign sign;
    int32_t index;
    double weight;
};

struct export
{
    int schema;
    unsigned count;
    double weight;
    struct bucket buckets[BUCKETS_MAX];
};

static inline void collect(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct export *export = context;
    assert_true(export->count < BUCKETS_MAX);
    struct bucket *bucket = &export->buckets[export->count++];
    *bucket = (struct bucket){sign, sign == SKETCH_ZERO ? 0 : index, weight};
    export->weight += weight;
    assert_true(weight > 0 && weight == floor(weight));
    if (export->count > 1) {
        const struct bucket *before = bucket - 1;
        bool ascends =
            before->sign < sign || (before->sign == sign && (index > before->index) == (sign > 0));
        assert_true(ascends);
    }
}

static inline struct export *export_of(const struct sketch *sketch)
{
    struct export *export = calloc(1, sizeof *export);
    assert_non_null(export);
    sketch_export(sketch, &export->schema, collect, export);
    return export;
}

#endif
