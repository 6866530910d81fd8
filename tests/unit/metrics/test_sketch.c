/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics/sketch.h"

#define SAMPLES_MAX 20000
#define BUCKETS_MAX (SKETCH_PAGES_MAX * SKETCH_PAGE_BUCKETS + 1)

static const double percents[] = {0.01, 1, 5, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
#define PERCENTS (sizeof percents / sizeof *percents)

struct fixture {
    struct pool *pool;
    struct pool_cache *cache;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.pool = pool_new(UINT64_C(1) << 26);
    fixture.cache = pool_cache_new(fixture.pool);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    pool_cache_free(fixture->cache);
    pool_free(fixture->pool);
    return 0;
}

/* Sources of samples. */

static uint64_t random_bits(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static double random_unit(uint64_t *seed)
{
    return ((double)(random_bits(seed) >> 11) + 0.5) * 0x1p-53;
}

static double random_normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(random_unit(seed)));
    return radius * cos(2 * M_PI * random_unit(seed));
}

static double uniform(uint64_t *seed)
{
    return 100 * random_unit(seed);
}

static double lognormal(uint64_t *seed)
{
    return exp(3 + random_normal(seed));
}

static double pareto(uint64_t *seed)
{
    return pow(random_unit(seed), -1 / 1.2);
}

static double constant(uint64_t *seed)
{
    (void)seed;
    return 12.3;
}

static double negative(uint64_t *seed)
{
    return -lognormal(seed);
}

static double mixed_sign(uint64_t *seed)
{
    return 50 * random_normal(seed);
}

static double with_zeros(uint64_t *seed)
{
    return random_bits(seed) % 3 ? (random_bits(seed) % 2 ? 0.0 : -0.0) : mixed_sign(seed);
}

static double whole_numbers(uint64_t *seed)
{
    return floor(lognormal(seed));
}

static double tiny(uint64_t *seed)
{
    return (double)(random_bits(seed) % 100000) * 0x1p-1074;
}

/* Any finite double, each exponent as likely as another. */
static double any_double(uint64_t *seed)
{
    uint64_t bits = random_bits(seed);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 1;
}

typedef double source(uint64_t *seed);
static source *const sources[] = {uniform,    lognormal,  pareto,        constant, negative,
                                  mixed_sign, with_zeros, whole_numbers, tiny};
#define SOURCES (sizeof sources / sizeof *sources)

static double weight_of(unsigned kind, uint64_t *seed)
{
    static const double mixed[] = {1, 2, 10, 100, 300};
    static const double fractions[] = {1, 1 / 0.3, 1 / 0.7, 2.5};
    switch (kind) {
    case 0:
        return 1;
    case 1:
        return mixed[random_bits(seed) % 5];
    default:
        return fractions[random_bits(seed) % 4];
    }
}

/* The plain reference: all samples, sorted. */

struct sample {
    double value, weight;
};

static int sample_order(const void *a, const void *b)
{
    double left = ((const struct sample *)a)->value, right = ((const struct sample *)b)->value;
    return (left > right) - (left < right);
}

/* The value where the cumulative weight, moved by `slack`, reaches the percent of sorted samples.
 */
static double naive_quantile(const struct sample *samples, unsigned count, double percent,
                             double slack)
{
    long double total = 0, cumulative = 0;
    for (unsigned i = 0; i < count; i++) {
        total += (long double)samples[i].weight;
    }
    long double rank = (long double)percent / 100 * total * (1 - 1e-13L) + (long double)slack;
    for (unsigned i = 0; i < count; i++) {
        cumulative += (long double)samples[i].weight;
        if (cumulative >= rank) {
            return samples[i].value;
        }
    }
    return samples[count - 1].value;
}

static void assert_within(double value, double low, double high, double tolerance)
{
    /* Half the smallest double is the best that any answer can do. */
    double slack_low = fabs(low) * tolerance + 0x1p-1074;
    double slack_high = fabs(high) * tolerance + 0x1p-1074;
    if (!(value >= low - slack_low && value <= high + slack_high)) {
        fail_msg("%.17g is not in [%.17g, %.17g]", value, low, high);
    }
}

static struct sketch *sketch_of(const struct sample *samples, unsigned count,
                                struct pool_cache *cache)
{
    struct sketch *sketch = NULL;
    for (unsigned i = 0; i < count; i++) {
        assert_true(sketch_add(&sketch, samples[i].value, samples[i].weight, cache));
    }
    return sketch;
}

static void draw(struct sample *samples, unsigned count, source *next, unsigned weights,
                 uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        samples[i].value = next(&seed);
        samples[i].weight = weight_of(weights, &seed);
    }
}

static void quantiles_err_by_at_most_two_per_mille(void **state)
{
    struct fixture *fixture = *state;
    static struct sample samples[SAMPLES_MAX];
    static const unsigned counts[] = {65, 200, 3000, SAMPLES_MAX};
    for (size_t s = 0; s < SOURCES; s++) {
        for (unsigned c = 0; c < 4; c++) {
            for (unsigned weights = 0; weights < 3; weights++) {
                draw(samples, counts[c], sources[s], weights, s * 31 + c + 1);
                struct sketch *sketch = sketch_of(samples, counts[c], fixture->cache);
                double results[PERCENTS];
                sketch_quantiles(sketch, percents, PERCENTS, results);
                qsort(samples, counts[c], sizeof *samples, sample_order);
                /* Each sample's whole units are less than one away from a fractional weight, to
                 * either side by turns: sums over some of the samples stray like a random walk. */
                double slack = weights == 2 ? 1 + 2 * sqrt(counts[c]) : 0;
                for (size_t i = 0; i < PERCENTS; i++) {
                    assert_within(results[i],
                                  naive_quantile(samples, counts[c], percents[i], -slack),
                                  naive_quantile(samples, counts[c], percents[i], slack), 0.002);
                }
                assert_true(results[0] >= samples[0].value);
                assert_true(results[PERCENTS - 1] <= samples[counts[c] - 1].value);
                sketch_free(&sketch, fixture->cache);
            }
        }
    }
}

static void quantiles_are_exact_while_samples_are_few(void **state)
{
    struct fixture *fixture = *state;
    struct sample samples[SKETCH_EXACT_SAMPLES];
    for (size_t s = 0; s < SOURCES; s++) {
        for (unsigned count = 1; count <= SKETCH_EXACT_SAMPLES; count++) {
            unsigned weights = count % 3;
            draw(samples, count, sources[s], weights, s * 64 + count);
            struct sketch *sketch = sketch_of(samples, count, fixture->cache);
            double results[PERCENTS];
            sketch_quantiles(sketch, percents, PERCENTS, results);
            qsort(samples, count, sizeof *samples, sample_order);
            for (size_t i = 0; i < PERCENTS; i++) {
                assert_true(results[i] == naive_quantile(samples, count, percents[i], 0));
            }
            sketch_free(&sketch, fixture->cache);
        }
    }
}

static void the_rank_is_not_moved_by_binary_fractions(void **state)
{
    struct fixture *fixture = *state;
    static const double ranks[][2] = {{99.9, 999}, {99, 990}, {95, 950}, {0.1, 1}, {100, 1000}};
    struct sketch *sketch = NULL;
    for (unsigned i = 1; i <= 1000; i++) {
        /* Far apart, so that every bucket holds one sample. */
        sketch_add(&sketch, ldexp(1, (int)i - 500), 1, fixture->cache);
    }
    struct sketch *exact = NULL;
    for (unsigned i = 1; i <= 50; i++) {
        sketch_add(&exact, i, 20, fixture->cache);
    }
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        double result;
        sketch_quantiles(sketch, &ranks[i][0], 1, &result);
        assert_within(result, ldexp(1, (int)ranks[i][1] - 500), ldexp(1, (int)ranks[i][1] - 500),
                      0.5);
        sketch_quantiles(exact, &ranks[i][0], 1, &result);
        assert_true(result == ceil(ranks[i][1] / 20));
    }
    sketch_free(&sketch, fixture->cache);
    sketch_free(&exact, fixture->cache);
}

static void the_empty_sketch_answers_nan(void **state)
{
    (void)state;
    double results[PERCENTS], weight = 1, bound = 0;
    sketch_quantiles(NULL, percents, PERCENTS, results);
    for (size_t i = 0; i < PERCENTS; i++) {
        assert_true(isnan(results[i]));
    }
    sketch_cumulative(NULL, &bound, 1, &weight);
    assert_true(weight == 0);
    assert_true(sketch_weight(NULL) == 0);
    assert_int_equal(sketch_bytes(NULL), 0);
}

/* The neighbours of a bound lie on its two sides. */
static void bucket_bounds_are_exact(void **state)
{
    (void)state;
    static const int exponents[] = {-1074, -1073, -1060, -1024, -1023, -1022, -1021, -500,
                                    -1,    0,     1,     2,     52,    500,   1022,  1023};
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++) {
        for (int schema = 0; schema <= SKETCH_SCHEMA_MAX; schema++) {
            int32_t first = exponents[e] * (1 << schema);
            for (int32_t index = first; index < first + (1 << schema); index++) {
                double bound = sketch_bucket_bound(index, schema);
                double above = nextafter(bound, (double)INFINITY);
                assert_true(bound > 0 && isfinite(bound));
                /* Subnormals are coarser than the buckets: many bounds are one double. */
                assert_true(sketch_bucket_index(bound, schema) <= index);
                assert_true(sketch_bucket_bound(sketch_bucket_index(bound, schema), schema) ==
                            bound);
                if (isfinite(above)) {
                    assert_true(sketch_bucket_index(above, schema) > index);
                }
                if (exponents[e] >= -1021) {
                    assert_int_equal(sketch_bucket_index(bound, schema), index);
                    assert_int_equal(sketch_bucket_index(above, schema), index + 1);
                }
            }
        }
    }
}

static void bounds_are_powers_of_the_base(void **state)
{
    (void)state;
    for (int32_t index = -2048; index <= 2048; index++) {
        long double exact = exp2l((long double)index / 256);
        double bound = sketch_bucket_bound(index, SKETCH_SCHEMA_MAX);
        assert_true((long double)bound <= exact * (1 + 1e-18L));
        assert_true((long double)nextafter(bound, (double)INFINITY) > exact);
    }
}

static void any_value_lies_within_its_bucket(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (unsigned i = 0; i < 200000; i++) {
        double value = fabs(any_double(&seed));
        int schema = (int)(i % (SKETCH_SCHEMA_MAX + 1));
        if (value == 0) {
            continue;
        }
        int32_t index = sketch_bucket_index(value, schema);
        assert_true(sketch_bucket_bound(index, schema) >= value);
        assert_true(sketch_bucket_bound(index - 1, schema) < value);
    }
    static const double edges[] = {0x1p-1074, 0x3p-1074, DBL_MIN, 1, 0x1.fffffffffffffp0, DBL_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        for (int schema = 0; schema <= SKETCH_SCHEMA_MAX; schema++) {
            int32_t index = sketch_bucket_index(edges[i], schema);
            assert_true(sketch_bucket_bound(index, schema) >= edges[i]);
            assert_true(sketch_bucket_bound(index - 1, schema) < edges[i]);
        }
    }
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        assert_int_equal(sketch_bucket_index(ldexp(1, exponent), 8), exponent * 256);
        assert_int_equal(sketch_bucket_index(ldexp(1, exponent), 0), exponent);
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

static void collect(void *context, enum sketch_sign sign, int32_t index, double weight)
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

static struct export *export_of(const struct sketch *sketch)
{
    struct export *export = calloc(1, sizeof *export);
    assert_non_null(export);
    sketch_export(sketch, &export->schema, collect, export);
    return export;
}

static void assert_same_buckets(const struct sketch *a, const struct sketch *b)
{
    struct export *left = export_of(a), *right = export_of(b);
    assert_int_equal(left->schema, right->schema);
    assert_int_equal(left->count, right->count);
    for (unsigned i = 0; i < left->count; i++) {
        assert_int_equal(left->buckets[i].sign, right->buckets[i].sign);
        assert_int_equal(left->buckets[i].index, right->buckets[i].index);
        assert_true(left->buckets[i].weight == right->buckets[i].weight);
    }
    free(left);
    free(right);
}

static struct sketch *merged(struct sketch *const *parts, const unsigned *order, unsigned count,
                             struct pool_cache *cache)
{
    struct sketch *sketch = NULL;
    for (unsigned i = 0; i < count; i++) {
        assert_true(sketch_merge(&sketch, parts[order[i]], cache));
    }
    return sketch;
}

static void merging_is_adding_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    static source *const mergeable[] = {lognormal, mixed_sign, with_zeros, any_double, constant};
    static const unsigned sizes[][3] = {
        {10, 20, 30}, {64, 64, 64}, {1, 64, 3000}, {3000, 5, 60}, {2000, 3000, 4000}};
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    static struct sample samples[3][4000];
    for (size_t s = 0; s < sizeof mergeable / sizeof *mergeable; s++) {
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            struct sketch *parts[3], *all = NULL;
            for (unsigned p = 0; p < 3; p++) {
                draw(samples[p], sizes[z][p], mergeable[s], 1, s * 100 + z * 3 + p + 1);
                parts[p] = sketch_of(samples[p], sizes[z][p], fixture->cache);
                for (unsigned i = 0; i < sizes[z][p]; i++) {
                    sketch_add(&all, samples[p][i].value, samples[p][i].weight, fixture->cache);
                }
            }
            for (size_t o = 0; o < 3; o++) {
                struct sketch *sum = merged(parts, orders[o], 3, fixture->cache);
                assert_same_buckets(sum, all);
                assert_true(sketch_weight(sum) == sketch_weight(all));
                sketch_free(&sum, fixture->cache);
            }
            /* a + (b + c) */
            struct sketch *right = merged(parts, (const unsigned[]){1, 2}, 2, fixture->cache);
            struct sketch *sum = merged(parts, (const unsigned[]){0}, 1, fixture->cache);
            assert_true(sketch_merge(&sum, right, fixture->cache));
            assert_same_buckets(sum, all);
            struct sketch **sketches[] = {&parts[0], &parts[1], &parts[2], &all, &right, &sum};
            for (size_t i = 0; i < 6; i++) {
                sketch_free(sketches[i], fixture->cache);
            }
        }
    }
}

static void merging_leaves_the_other_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    static struct sample samples[500];
    draw(samples, 500, lognormal, 2, 9);
    struct sketch *from = sketch_of(samples, 500, fixture->cache), *into = NULL;
    struct export *before = export_of(from);
    assert_true(sketch_merge(&into, from, fixture->cache));
    assert_true(sketch_merge(&into, from, fixture->cache));
    assert_true(sketch_merge(&into, NULL, fixture->cache));
    struct export *after = export_of(from);
    assert_memory_equal(before, after, sizeof *before);
    free(before);
    free(after);
    sketch_free(&from, fixture->cache);
    sketch_free(&into, fixture->cache);
}

static void an_export_of_few_samples_is_that_of_a_histogram(void **state)
{
    struct fixture *fixture = *state;
    struct sample samples[SKETCH_EXACT_SAMPLES];
    for (size_t s = 0; s < SOURCES; s++) {
        for (unsigned weights = 0; weights < 3; weights++) {
            draw(samples, SKETCH_EXACT_SAMPLES, sources[s], weights, s + 1);
            /* One more sample of weight 1 at zero ends the exact phase; the fraction is as before.
             */
            struct sketch *exact = sketch_of(samples, SKETCH_EXACT_SAMPLES, fixture->cache);
            struct export *few = export_of(exact);
            assert_true(sketch_add(&exact, 0, 1, fixture->cache));
            struct export *more = export_of(exact);
            assert_true(more->weight == few->weight + 1);
            unsigned zero = 0;
            for (unsigned i = 0; i < more->count; i++) {
                if (more->buckets[i].sign == SKETCH_ZERO) {
                    zero = few->count < more->count;
                    continue;
                }
                assert_int_equal(more->buckets[i].index, few->buckets[i - zero].index);
                assert_true(more->buckets[i].weight == few->buckets[i - zero].weight);
            }
            free(few);
            free(more);
            sketch_free(&exact, fixture->cache);
        }
    }
}

static void fractional_weights_add_up(void **state)
{
    struct fixture *fixture = *state;
    static const double weights[] = {1 / 0.3, 1 / 0.7, 0.25, 1 / 0.999, 1e6 / 3};
    for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
        struct sketch *sketch = NULL;
        uint64_t seed = 77;
        for (unsigned i = 1; i <= 9000; i++) {
            assert_true(sketch_add(&sketch, lognormal(&seed), weights[w], fixture->cache));
            if (i % 900 == 0) {
                struct export *export = export_of(sketch);
                double total = i * weights[w];
                assert_true(fabs(sketch_weight(sketch) - total) <= 1e-9 * total);
                assert_true(export->weight == floor(total * (1 + 1e-12)));
                free(export);
            }
        }
        sketch_free(&sketch, fixture->cache);
    }
}

static void fractions_of_merged_sketches_add_up(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *all = NULL;
    double total = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sketch *part = NULL;
        uint64_t random = seed;
        for (unsigned i = 0; i < 100; i++) {
            sketch_add(&part, lognormal(&random), 1 / 0.7, fixture->cache);
            total += 1 / 0.7;
        }
        assert_true(sketch_merge(&all, part, fixture->cache));
        sketch_free(&part, fixture->cache);
    }
    struct export *export = export_of(all);
    assert_true(fabs(sketch_weight(all) - total) < 1e-6);
    assert_true(fabs(export->weight - total) <= 1);
    free(export);
    sketch_free(&all, fixture->cache);
}

static void weights_beyond_the_counters_stop_at_the_top(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *sketch = NULL;
    double percent = 50, result;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(sketch_add(&sketch, 3, 1e300, fixture->cache));
    }
    sketch_quantiles(sketch, &percent, 1, &result);
    assert_true(result == 3);
    assert_true(sketch_weight(sketch) >= 0x1p63);
    sketch_free(&sketch, fixture->cache);
}

static void weights_below_one_unit_in_all_still_answer(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *sketch = NULL;
    double percent = 50, result;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(sketch_add(&sketch, 1 + i, 1e-6, fixture->cache));
    }
    sketch_quantiles(sketch, &percent, 1, &result);
    assert_true(result >= 1 && result <= 100);
    assert_true(fabs(sketch_weight(sketch) - 1e-4) < 1e-12);
    sketch_free(&sketch, fixture->cache);
}

static void cumulative_weights_are_those_below_each_bound(void **state)
{
    struct fixture *fixture = *state;
    static const double bounds[] = {-100, -10, -1, 0, 0.5, 1, 8, 20, 64, 1000};
    static const unsigned counts[] = {20, 64, 5000};
    static struct sample samples[5000];
    for (size_t s = 0; s < SOURCES; s++) {
        for (unsigned c = 0; c < 3; c++) {
            draw(samples, counts[c], sources[s], 1, s + 1);
            struct sketch *sketch = sketch_of(samples, counts[c], fixture->cache);
            double weights[10];
            sketch_cumulative(sketch, bounds, 10, weights);
            /* A bucket counts on one side of a bound: samples that near may be on the other. */
            double tolerance = counts[c] <= SKETCH_EXACT_SAMPLES ? 0 : 0.0028;
            for (unsigned b = 0; b < 10; b++) {
                double low = 0, high = 0, reach = fabs(bounds[b]) * tolerance;
                for (unsigned i = 0; i < counts[c]; i++) {
                    low += samples[i].value <= bounds[b] - reach ? samples[i].weight : 0;
                    high += samples[i].value <= bounds[b] + reach ? samples[i].weight : 0;
                }
                assert_true(weights[b] >= low && weights[b] <= high);
            }
            sketch_free(&sketch, fixture->cache);
        }
    }
}

/* Counters grow through all widths in one page. */
static void counts_survive_widening(void **state)
{
    struct fixture *fixture = *state;
    static const double weights[] = {1, 200, 300, 70000, 5e9, 1e12};
    static struct sample samples[600];
    double total = 0;
    for (unsigned i = 0; i < 600; i++) {
        samples[i] = (struct sample){1 + (i % 60) / 400.0, weights[i / 100]};
        total += samples[i].weight;
    }
    struct sketch *sketch = sketch_of(samples, 600, fixture->cache);
    struct export *export = export_of(sketch);
    assert_true(export->weight == total);
    for (unsigned b = 0; b < export->count; b++) {
        double expected = 0;
        for (unsigned i = 0; i < 600; i++) {
            int32_t index = sketch_bucket_index(samples[i].value, SKETCH_SCHEMA_MAX);
            expected += index == export->buckets[b].index ? samples[i].weight : 0;
        }
        assert_true(export->buckets[b].weight == expected);
    }
    free(export);
    sketch_free(&sketch, fixture->cache);
}

static void memory_is_bounded_whatever_comes(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *sketch = NULL;
    uint64_t seed = 99;
    double smallest = (double)INFINITY, largest = -(double)INFINITY, total = 0;
    for (unsigned i = 0; i < 100000; i++) {
        double value = any_double(&seed), weight = i % 2 ? 1 : 1e10;
        smallest = fmin(smallest, value);
        largest = fmax(largest, value);
        total += weight;
        assert_true(sketch_add(&sketch, value, weight, fixture->cache));
    }
    assert_true(sketch_bytes(sketch) <= SKETCH_BYTES_MAX);
    assert_true(sketch_weight(sketch) == total);
    struct export *export = export_of(sketch);
    assert_int_equal(export->schema, 0);
    double results[PERCENTS];
    sketch_quantiles(sketch, percents, PERCENTS, results);
    for (size_t i = 0; i < PERCENTS; i++) {
        assert_true(results[i] >= smallest && results[i] <= largest);
        assert_true(i == 0 || results[i] >= results[i - 1]);
    }
    free(export);
    sketch_free(&sketch, fixture->cache);
}

static void few_samples_take_little(void **state)
{
    struct fixture *fixture = *state;
    struct sketch *floats = NULL, *doubles = NULL, *many = NULL;
    uint64_t seed = 4;
    for (unsigned i = 0; i < 20; i++) {
        sketch_add(&floats, i + 0.5, 1, fixture->cache);
        sketch_add(&doubles, lognormal(&seed), 1, fixture->cache);
    }
    for (unsigned i = 0; i < 10000; i++) {
        sketch_add(&many, exp(3 + 0.5 * random_normal(&seed)), 1, fixture->cache);
    }
    assert_in_range(sketch_bytes(floats), 80, 96);
    assert_in_range(sketch_bytes(doubles), 160, 192);
    assert_in_range(sketch_bytes(many), 1000, 2764);
    sketch_free(&floats, fixture->cache);
    sketch_free(&doubles, fixture->cache);
    sketch_free(&many, fixture->cache);
}

static void a_sample_refused_at_the_budget_changes_nothing(void **state)
{
    (void)state;
    static const uint64_t budgets[] = {4096, 8192, 20000, 65536};
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        struct pool *pool = pool_new(budgets[b]);
        struct pool_cache *cache = pool_cache_new(pool);
        struct sketch *sketch = NULL;
        uint64_t seed = 12;
        double weight = 0, results[2][PERCENTS];
        while (sketch_add(&sketch, mixed_sign(&seed), 100, cache)) {
            weight += 100;
            assert_true(weight < 1e8);
        }
        struct export *before = export_of(sketch);
        sketch_quantiles(sketch, percents, PERCENTS, results[0]);
        for (unsigned i = 0; i < 100; i++) {
            uint64_t again = seed;
            double value = mixed_sign(&again) * 1e3;
            if (sketch_add(&sketch, value, 1 / 0.3, cache)) {
                fail_msg("%g was taken by a full pool", value);
            }
        }
        struct export *after = export_of(sketch);
        sketch_quantiles(sketch, percents, PERCENTS, results[1]);
        assert_true(sketch_weight(sketch) == weight);
        assert_memory_equal(before, after, sizeof *before);
        assert_memory_equal(results[0], results[1], sizeof results[0]);
        free(before);
        free(after);
        sketch_free(&sketch, cache);
        pool_cache_free(cache);
        pool_free(pool);
    }
}

static void a_merge_refused_at_the_budget_keeps_the_weights_true(void **state)
{
    (void)state;
    static const unsigned counts[][2] = {{40, 40}, {40, 200}, {200, 40}, {200, 400}};
    for (size_t c = 0; c < 4; c++) {
        /* Budgets from hopeless to ample; the merge fails wherever it can. */
        for (uint64_t budget = 4096; budget < 200000; budget += 4096) {
            struct pool *pool = pool_new(budget);
            struct pool_cache *cache = pool_cache_new(pool);
            struct sketch *sketches[2] = {NULL, NULL};
            double weights[2] = {0, 0};
            uint64_t seed = 21;
            for (unsigned s = 0; s < 2; s++) {
                for (unsigned i = 0; i < counts[c][s]; i++) {
                    weights[s] += sketch_add(&sketches[s], mixed_sign(&seed), 3, cache) ? 3 : 0;
                }
            }
            bool all = sketch_merge(&sketches[0], sketches[1], cache);
            double weight = sketch_weight(sketches[0]);
            assert_true(weight >= weights[0] && weight <= weights[0] + weights[1]);
            assert_true(!all || weight == weights[0] + weights[1]);
            assert_true(sketch_weight(sketches[1]) == weights[1]);
            struct export *export = export_of(sketches[0]);
            assert_true(export->weight == weight);
            free(export);
            sketch_free(&sketches[0], cache);
            sketch_free(&sketches[1], cache);
            pool_cache_free(cache);
            pool_free(pool);
        }
    }
}

static void all_memory_goes_back(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 26);
    struct pool_cache *cache = pool_cache_new(pool);
    uint64_t bytes = 0;
    for (unsigned round = 0; round < 8; round++) {
        struct sketch *sketch = NULL;
        uint64_t seed = 31;
        for (unsigned i = 0; i < 20000; i++) {
            assert_true(sketch_add(&sketch, any_double(&seed), 1, cache));
        }
        sketch_free(&sketch, cache);
        assert_null(sketch);
        bytes = round == 0 ? pool_bytes(pool) : bytes;
        assert_int_equal(pool_bytes(pool), bytes);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_err_by_at_most_two_per_mille),
        cmocka_unit_test(quantiles_are_exact_while_samples_are_few),
        cmocka_unit_test(the_rank_is_not_moved_by_binary_fractions),
        cmocka_unit_test(the_empty_sketch_answers_nan),
        cmocka_unit_test(bucket_bounds_are_exact),
        cmocka_unit_test(bounds_are_powers_of_the_base),
        cmocka_unit_test(any_value_lies_within_its_bucket),
        cmocka_unit_test(merging_is_adding_in_any_order),
        cmocka_unit_test(merging_leaves_the_other_as_it_was),
        cmocka_unit_test(an_export_of_few_samples_is_that_of_a_histogram),
        cmocka_unit_test(fractional_weights_add_up),
        cmocka_unit_test(fractions_of_merged_sketches_add_up),
        cmocka_unit_test(weights_beyond_the_counters_stop_at_the_top),
        cmocka_unit_test(weights_below_one_unit_in_all_still_answer),
        cmocka_unit_test(cumulative_weights_are_those_below_each_bound),
        cmocka_unit_test(counts_survive_widening),
        cmocka_unit_test(memory_is_bounded_whatever_comes),
        cmocka_unit_test(few_samples_take_little),
        cmocka_unit_test(a_sample_refused_at_the_budget_changes_nothing),
        cmocka_unit_test(a_merge_refused_at_the_budget_keeps_the_weights_true),
        cmocka_unit_test(all_memory_goes_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
