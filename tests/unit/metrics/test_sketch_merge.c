/* SPDX-License-Identifier: MIT */
#include "tests/unit/metrics/sketch_samples.h"

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
    static source *const mergeable[] = {lognormal,  mixed_sign, with_zeros,
                                        any_double, constant,   three_places};
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

static void a_merge_refused_at_the_budget_keeps_the_weights_true(void **state)
{
    (void)state;
    static const unsigned counts[][2] = {{40, 40}, {40, 200}, {200, 40}, {200, 400},
                                         {6, 6},   {14, 1},   {1, 30},   {90, 20}};
    for (size_t c = 0; c < 8; c++) {
        /* Budgets from hopeless to ample; the merge fails wherever it can. */
        for (uint64_t budget = 16384; budget < 200000; budget += 16384) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_is_adding_in_any_order),
        cmocka_unit_test(merging_leaves_the_other_as_it_was),
        cmocka_unit_test(fractions_of_merged_sketches_add_up),
        cmocka_unit_test(a_merge_refused_at_the_budget_keeps_the_weights_true),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
