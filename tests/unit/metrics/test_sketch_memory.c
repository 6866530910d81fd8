/* SPDX-License-Identifier: MIT */
#include "tests/unit/metrics/sketch_samples.h"

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
    assert_in_range(sketch_bytes(floats), 80, 90);
    assert_in_range(sketch_bytes(doubles), 160, 192);
    assert_in_range(sketch_bytes(many), 700, 1152);
    sketch_free(&floats, fixture->cache);
    sketch_free(&doubles, fixture->cache);
    sketch_free(&many, fixture->cache);
}

static void a_sample_refused_at_the_budget_changes_nothing(void **state)
{
    (void)state;
    static const uint64_t budgets[] = {32768, 49152};
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
        cmocka_unit_test(counts_survive_widening),
        cmocka_unit_test(memory_is_bounded_whatever_comes),
        cmocka_unit_test(few_samples_take_little),
        cmocka_unit_test(a_sample_refused_at_the_budget_changes_nothing),
        cmocka_unit_test(all_memory_goes_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
