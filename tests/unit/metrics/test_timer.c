/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "server/metrics/timer.h"
#include "tests/unit/metrics/pool_fixture.h"
#include "tests/unit/random.h"

_Static_assert(sizeof(struct timer) == 64, "a timer is one cache line");

#define SAMPLES_MAX 3000

static double uniform(uint64_t *seed)
{
    return (double)(random_next(seed) >> 11) * 0x1p-53;
}

/* What each sample of a case is. */
static double sample_small(uint64_t *seed)
{
    return uniform(seed);
}

static double sample_far_from_zero(uint64_t *seed)
{
    return 1e9 + uniform(seed);
}

static double sample_mixed_signs(uint64_t *seed)
{
    return (uniform(seed) - 0.5) * 1e6;
}

static double sample_wide(uint64_t *seed)
{
    return exp(40 * uniform(seed) - 20);
}

static double (*const cases[])(uint64_t *) = {sample_small, sample_far_from_zero,
                                              sample_mixed_signs, sample_wide};
#define CASES (sizeof cases / sizeof *cases)
static const double weights[] = {1, 2, 10, 1 / 0.3, 1e6};

/* Two passes in long double. */
struct moments {
    long double weight, mean, stddev;
};

static struct moments naive(const double *values, const double *sample_weights, unsigned count)
{
    struct moments moments = {0, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        moments.weight += (long double)sample_weights[i];
        moments.mean += (long double)sample_weights[i] * (long double)values[i];
    }
    moments.mean /= moments.weight;
    for (unsigned i = 0; i < count; i++) {
        long double distance = (long double)values[i] - moments.mean;
        moments.stddev += (long double)sample_weights[i] * distance * distance;
    }
    moments.stddev = sqrtl(moments.stddev / moments.weight);
    return moments;
}

static void assert_close(double value, long double expected, long double scale, double tolerance)
{
    if (!(fabsl((long double)value - expected) <= (long double)tolerance * scale)) {
        fail_msg("%.17g is not %.20Lg", value, expected);
    }
}

static void assert_moments(const struct timer *timer, const struct moments *expected)
{
    long double scale = fabsl(expected->mean) + expected->stddev;
    assert_close(timer->weight, expected->weight, expected->weight, 1e-12);
    assert_close(timer_mean(timer), expected->mean, scale, 1e-13);
    assert_close(timer_sum(timer), expected->mean * expected->weight, scale * expected->weight,
                 1e-12);
    assert_close(timer_stddev(timer), expected->stddev, expected->stddev, 1e-6);
}

static void moments_are_those_of_the_plain_formulas(void **state)
{
    struct fixture *fixture = *state;
    static double values[SAMPLES_MAX], sample_weights[SAMPLES_MAX];
    for (size_t c = 0; c < CASES; c++) {
        uint64_t seed = 7 + c;
        struct timer timer = {0};
        for (unsigned i = 0; i < SAMPLES_MAX; i++) {
            values[i] = cases[c](&seed);
            sample_weights[i] = weights[i % 5];
            assert_true(timer_add(&timer, values[i], sample_weights[i], fixture->cache));
        }
        struct moments expected = naive(values, sample_weights, SAMPLES_MAX);
        assert_moments(&timer, &expected);
        assert_int_equal(timer.samples, SAMPLES_MAX);
        timer_clear(&timer, fixture->cache);
    }
}

static void parts_merge_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    static const unsigned orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    static double values[SAMPLES_MAX], sample_weights[SAMPLES_MAX];
    for (size_t c = 0; c < CASES; c++) {
        for (size_t o = 0; o < 3; o++) {
            struct timer parts[4] = {{0}}, whole = {0};
            uint64_t seed = 11 + c;
            for (unsigned i = 0; i < SAMPLES_MAX; i++) {
                values[i] = cases[c](&seed);
                sample_weights[i] = weights[i % 5];
                /* Parts of unlike size: the last stays exact. */
                unsigned part = i % 100 == 0 ? 3 : i % 3;
                assert_true(timer_add(&parts[part], values[i], sample_weights[i], fixture->cache));
            }
            for (unsigned i = 0; i < 4; i++) {
                assert_true(timer_merge(&whole, &parts[orders[o][i]], fixture->cache));
                assert_null(parts[orders[o][i]].sketch);
                assert_int_equal(parts[orders[o][i]].samples, 0);
            }
            struct moments expected = naive(values, sample_weights, SAMPLES_MAX);
            assert_moments(&whole, &expected);
            assert_int_equal(whole.samples, SAMPLES_MAX);
            assert_close(sketch_weight(whole.sketch), expected.weight, expected.weight, 1e-12);
            timer_clear(&whole, fixture->cache);
        }
    }
}

static void extremes_are_the_raw_values(void **state)
{
    struct fixture *fixture = *state;
    struct timer a = {0}, b = {0};
    timer_add(&a, 5, 10, fixture->cache);
    timer_add(&a, -2.5, 1, fixture->cache);
    timer_add(&b, 1e300, 1, fixture->cache);
    timer_merge(&a, &b, fixture->cache);
    assert_true(a.min == -2.5);
    assert_true(a.max == 1e300);
    timer_clear(&a, fixture->cache);
}

static void whole_numbers_add_up_exactly(void **state)
{
    struct fixture *fixture = *state;
    struct timer timer = {0};
    double sum = 0;
    for (unsigned i = 1; i <= 1000; i++) {
        timer_add(&timer, i * 3, 2, fixture->cache);
        sum += i * 3 * 2;
    }
    assert_true(timer_sum(&timer) == sum);
    assert_true(timer_mean(&timer) == sum / 2000);
    timer_clear(&timer, fixture->cache);
}

static void equal_values_do_not_deviate(void **state)
{
    struct fixture *fixture = *state;
    struct timer timer = {0}, other = {0};
    for (unsigned i = 0; i < 100; i++) {
        timer_add(&timer, 0.1, 1 / 0.3, fixture->cache);
        timer_add(&other, 0.1, 1 / 0.7, fixture->cache);
    }
    timer_merge(&timer, &other, fixture->cache);
    assert_true(timer_stddev(&timer) == 0);
    assert_true(timer_mean(&timer) == 0.1);
    timer_clear(&timer, fixture->cache);
}

static void the_largest_doubles_give_finite_figures(void **state)
{
    struct fixture *fixture = *state;
    struct timer timer = {0};
    timer_add(&timer, -DBL_MAX, 1, fixture->cache);
    timer_add(&timer, DBL_MAX, 1, fixture->cache);
    assert_true(isfinite(timer_mean(&timer)));
    assert_true(isfinite(timer_sum(&timer)));
    assert_true(isfinite(timer_stddev(&timer)));
    timer_clear(&timer, fixture->cache);
}

static void the_empty_timer_has_no_mean(void **state)
{
    struct fixture *fixture = *state;
    struct timer timer = {0}, other = {0};
    assert_true(timer_merge(&timer, &other, fixture->cache));
    assert_true(isnan(timer_mean(&timer)));
    assert_true(isnan(timer_stddev(&timer)));
    assert_true(timer_sum(&timer) == 0);
    timer_add(&timer, 4, 1, fixture->cache);
    assert_true(timer_merge(&timer, &other, fixture->cache));
    assert_true(timer_mean(&timer) == 4);
    timer_clear(&timer, fixture->cache);
    assert_int_equal(timer.samples, 0);
}

static void a_sample_refused_at_the_budget_changes_nothing(void **state)
{
    (void)state;
    struct pool *pool = pool_new(32768);
    struct pool_cache *cache = pool_cache_new(pool);
    struct timer timer = {0};
    uint64_t seed = 3;
    bool added = true;
    struct timer before = timer;
    while (added) {
        before = timer;
        added = timer_add(&timer, sample_wide(&seed), 1, cache);
    }
    before.sketch = timer.sketch;
    assert_memory_equal(&before, &timer, sizeof timer);
    assert_true(sketch_weight(timer.sketch) == timer.weight);
    timer_clear(&timer, cache);
    pool_cache_free(cache);
    pool_free(pool);
}

static void moments_add_up_when_sketches_cannot(void **state)
{
    (void)state;
    struct pool *pool = pool_new(32768);
    struct pool_cache *cache = pool_cache_new(pool);
    struct timer a = {0}, b = {0};
    uint64_t seed = 3;
    while (timer_add(&a, sample_wide(&seed), 1, cache) &&
           timer_add(&b, -sample_wide(&seed), 1, cache)) {
    }
    uint64_t samples = a.samples + b.samples;
    double sum = timer_sum(&a) + timer_sum(&b);
    assert_false(timer_merge(&a, &b, cache));
    assert_int_equal(a.samples, samples);
    assert_true(a.weight == (double)samples);
    assert_close(timer_sum(&a), (long double)sum, fabsl((long double)sum), 1e-9);
    timer_clear(&a, cache);
    pool_cache_free(cache);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_those_of_the_plain_formulas),
        cmocka_unit_test(parts_merge_in_any_order),
        cmocka_unit_test(extremes_are_the_raw_values),
        cmocka_unit_test(whole_numbers_add_up_exactly),
        cmocka_unit_test(equal_values_do_not_deviate),
        cmocka_unit_test(the_largest_doubles_give_finite_figures),
        cmocka_unit_test(the_empty_timer_has_no_mean),
        cmocka_unit_test(a_sample_refused_at_the_budget_changes_nothing),
        cmocka_unit_test(moments_add_up_when_sketches_cannot),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
