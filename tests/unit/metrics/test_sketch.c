/* SPDX-License-Identifier: MIT */
#include "tests/unit/metrics/sketch_samples.h"

#define SAMPLES_MAX 20000

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

/* Bounds are round numbers, and so are many values: 1 to 200 ms, ten of each. */
static void a_value_at_a_bound_is_within_it(void **state)
{
    struct fixture *fixture = *state;
    static const double bounds[] = {-5, 5, 10, 25, 50, 100};
    struct sketch *sketch = NULL;
    for (unsigned i = 0; i < 2000; i++) {
        assert_true(sketch_add(&sketch, 1 + i % 200, 1, fixture->cache));
    }
    assert_true(sketch_add(&sketch, -5, 1, fixture->cache));
    double weights[6];
    sketch_cumulative(sketch, bounds, 6, weights);
    for (unsigned b = 0; b < 6; b++) {
        assert_int_equal((int)weights[b], 1 + (bounds[b] > 0 ? (int)bounds[b] * 10 : 0));
    }
    sketch_free(&sketch, fixture->cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_err_by_at_most_two_per_mille),
        cmocka_unit_test(quantiles_are_exact_while_samples_are_few),
        cmocka_unit_test(the_rank_is_not_moved_by_binary_fractions),
        cmocka_unit_test(the_empty_sketch_answers_nan),
        cmocka_unit_test(an_export_of_few_samples_is_that_of_a_histogram),
        cmocka_unit_test(fractional_weights_add_up),
        cmocka_unit_test(weights_beyond_the_counters_stop_at_the_top),
        cmocka_unit_test(weights_below_one_unit_in_all_still_answer),
        cmocka_unit_test(cumulative_weights_are_those_below_each_bound),
        cmocka_unit_test(a_value_at_a_bound_is_within_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
