/* SPDX-License-Identifier: MIT
 *
 * Sketches that keep every sample, against a plain sort: whatever the weights, however the samples
 * are spread over sketches that merge, and where the room for them ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "server/core/pool_share.h"
#include "server/metrics/set.h"
#include "server/metrics/sketch.h"
#include "tests/unit/random.h"

#define SAMPLES 5000
#define PARTS 4

static const double percents[] = {0.1, 10, 50, 90, 99, 99.9, 100};
#define PERCENTS (sizeof(percents) / sizeof(percents[0]))

struct fixture {
    struct pool *pool;
    struct pool_cache *cache;
};

static struct fixture open_pool(uint64_t bytes_max, uint64_t share_max)
{
    struct fixture fixture = {.pool = pool_new(bytes_max)};
    assert_non_null(fixture.pool);
    fixture.cache = pool_cache_new(fixture.pool);
    assert_non_null(fixture.cache);
    pool_share_open(fixture.pool, share_max);
    return fixture;
}

static void close_pool(struct fixture *fixture)
{
    pool_cache_free(fixture->cache);
    pool_free(fixture->pool);
}

static double random_part(uint64_t *seed)
{
    return (double)(random_next(seed) >> 11) / 0x1p53;
}

static int compare(const void *left, const void *right)
{
    double a = ((const struct sketch_sample *)left)->value;
    double b = ((const struct sketch_sample *)right)->value;
    return (a > b) - (a < b);
}

static void assert_quantiles(const struct sketch *sketch, struct sketch_sample *samples,
                             size_t count, double error)
{
    double results[PERCENTS], total = 0, cumulative = 0;
    size_t at = 0;
    qsort(samples, count, sizeof(*samples), compare);
    for (size_t i = 0; i < count; i++) {
        total += samples[i].weight;
    }
    sketch_quantiles(sketch, percents, PERCENTS, results);
    cumulative = samples[0].weight;
    for (size_t i = 0; i < PERCENTS; i++) {
        while (cumulative < percents[i] / 100 * total * (1 - 1e-12) && at + 1 < count) {
            cumulative += samples[++at].weight;
        }
        assert_true(fabs(results[i] - samples[at].value) <= error * fabs(samples[at].value));
    }
    assert_true(fabs(sketch_weight(sketch) - total) <= 1e-9 * total);
}

/* 0: all weights 1. 1: one change. 2: they change all the time. */
static double weight_of(int pattern, size_t i)
{
    static const double weights[] = {1, 2, 10, 1 / 0.3};
    return pattern == 0 ? 1 : pattern == 1 ? (i < 100 ? 1 : 4) : weights[i % 4];
}

static void quantiles_are_those_of_a_sort_however_samples_are_spread(void **state)
{
    (void)state;
    static struct sketch_sample samples[SAMPLES], read[SAMPLES];
    struct fixture fixture = open_pool(1 << 24, 1 << 23);
    uint64_t seed = 7;
    for (int pattern = 0; pattern < 3; pattern++) {
        struct sketch *parts[PARTS] = {NULL}, *all = NULL;
        for (size_t i = 0; i < SAMPLES; i++) {
            samples[i] =
                (struct sketch_sample){exp(10 * random_part(&seed)) - 100, weight_of(pattern, i)};
            assert_true(sketch_add(&parts[i * i % PARTS], samples[i].value, samples[i].weight,
                                   fixture.cache));
        }
        for (size_t i = 0; i < PARTS; i++) {
            assert_true(sketch_merge(&all, parts[i], fixture.cache));
            sketch_free(&parts[i], fixture.cache);
        }
        assert_true(sketch_is_whole(all));
        assert_quantiles(all, samples, SAMPLES, 0);
        assert_int_equal(sketch_samples_max(all), SAMPLES);
        assert_int_equal(sketch_samples(all, read), SAMPLES);
        for (size_t i = 0; i < SAMPLES; i++) {
            assert_true(read[i].value == samples[i].value);
        }
        double bounds[] = {-99, 0, 1, 1, 1000, 1e9}, weights[6], expected = 0;
        sketch_cumulative(all, bounds, 6, weights);
        for (size_t i = 0; i < SAMPLES; i++) {
            expected += samples[i].value <= 1000 ? samples[i].weight : 0;
        }
        assert_true(fabs(weights[4] - expected) <= 1e-9 * expected);
        assert_true(weights[2] == weights[3]);
        sketch_free(&all, fixture.cache);
    }
    assert_int_equal(pool_share_refused(fixture.pool), 0);
    close_pool(&fixture);
}

static void add_units(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    (void)sign;
    (void)index;
    *(double *)context += weight;
}

/* Whatever the room, no weight is lost and no quantile errs by more than a sketch's. */
static void where_room_ends_a_histogram_goes_on(void **state)
{
    (void)state;
    static struct sketch_sample samples[SAMPLES];
    for (uint64_t share = 64; share <= 1 << 17; share *= 2) {
        struct fixture fixture = open_pool(1 << 24, share);
        struct sketch *parts[2] = {NULL};
        uint64_t seed = 11;
        for (size_t i = 0; i < SAMPLES; i++) {
            samples[i] = (struct sketch_sample){exp(5 * random_part(&seed)), 1};
            assert_true(sketch_add(&parts[i % 2], samples[i].value, 1, fixture.cache));
        }
        assert_true(sketch_merge(&parts[0], parts[1], fixture.cache));
        assert_quantiles(parts[0], samples, SAMPLES, sketch_is_whole(parts[0]) ? 0 : 0.002);
        double units = 0;
        int schema;
        sketch_export(parts[0], &schema, add_units, &units);
        assert_true(units == SAMPLES);
        sketch_free(&parts[0], fixture.cache);
        sketch_free(&parts[1], fixture.cache);
        close_pool(&fixture);
    }
}

/* A refused sample changes nothing. */
static void at_the_budget_samples_are_refused_and_the_rest_stays(void **state)
{
    (void)state;
    struct fixture fixture = open_pool(1 << 17, 1 << 17);
    struct sketch *sketch = NULL;
    size_t added = 0;
    for (size_t i = 0; i < 100000; i++) {
        added += sketch_add(&sketch, (double)(i % 997), 1 + (double)(i % 3), fixture.cache);
        if (i % 5000 == 0) {
            double p50 = 50, answer;
            sketch_quantiles(sketch, &p50, 1, &answer);
            assert_true(answer >= 0 && answer <= 996);
        }
    }
    assert_true(added > 100);
    sketch_free(&sketch, fixture.cache);
    close_pool(&fixture);
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t next_hash(uint64_t *seed)
{
    uint64_t hash = *seed += UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 31;
}

static void sets_are_exact_while_their_share_lasts(void **state)
{
    (void)state;
    struct fixture fixture = open_pool(1 << 22, 1 << 20);
    struct set *parts[2] = {NULL};
    uint64_t seed = 0;
    for (size_t i = 1; i <= 20000; i++) {
        uint64_t hash = next_hash(&seed);
        assert_true(set_add(&parts[i % 3 == 0], hash, fixture.cache));
        assert_true(set_add(&parts[i % 3 == 1], hash, fixture.cache));
    }
    assert_true(set_merge(&parts[0], parts[1], fixture.cache));
    assert_true(set_unique(parts[0]) == 20000);
    assert_int_equal(pool_share_refused(fixture.pool), 0);
    for (size_t i = 0; i < 200000; i++) {
        uint64_t hash = next_hash(&seed);
        assert_true(set_add(&parts[0], hash, fixture.cache));
    }
    assert_true(pool_share_refused(fixture.pool) > 0);
    assert_true(fabs(set_unique(parts[0]) - 220000) < 0.04 * 220000);
    set_free(&parts[0], fixture.cache);
    set_free(&parts[1], fixture.cache);
    close_pool(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_a_sort_however_samples_are_spread),
        cmocka_unit_test(where_room_ends_a_histogram_goes_on),
        cmocka_unit_test(at_the_budget_samples_are_refused_and_the_rest_stays),
        cmocka_unit_test(sets_are_exact_while_their_share_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
