/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of one baseline, against the textbook formulas on whole histories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "server/detect/sigma.h"

#define HISTORY_MAX 400

/* Every value of the past with its weight; mean and variance in two passes. */
struct history {
    double values[HISTORY_MAX];
    double weights[HISTORY_MAX];
    int count;
};

static void history_add(struct history *history, double alpha, double value)
{
    double weight = fmax(alpha, 1.0 / (history->count + 1));
    for (int i = 0; i < history->count; i++) {
        history->weights[i] *= 1 - weight;
    }
    history->values[history->count] = value;
    history->weights[history->count++] = weight;
}

static double history_mean(const struct history *history)
{
    double mean = 0;
    for (int i = 0; i < history->count; i++) {
        mean += history->weights[i] * history->values[i];
    }
    return mean;
}

static double history_stddev(const struct history *history)
{
    double mean = history_mean(history);
    double variance = 0;
    for (int i = 0; i < history->count; i++) {
        variance += history->weights[i] * pow(history->values[i] - mean, 2);
    }
    return sqrt(variance);
}

static void assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected))) {
        fail_msg("%.17g is not near %.17g", value, expected);
    }
}

static struct baseline learnt(const struct sigma_rule *rule, const double *values, size_t count)
{
    struct baseline baseline = {0};
    for (size_t i = 0; i < count; i++) {
        sigma_learn(rule, &baseline, values[i]);
    }
    return baseline;
}

static void baseline_takes_sixteen_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct baseline), 16);
}

static void moments_are_those_of_the_whole_history(void **state)
{
    (void)state;
    static const unsigned histories[] = {1, 2, 5, 60, 1000};
    srand48(1);
    for (size_t h = 0; h < sizeof(histories) / sizeof(histories[0]); h++) {
        struct sigma_rule rule = sigma_rule_make(3, histories[h], 0.1);
        struct baseline baseline = {0};
        struct history history = {.count = 0};
        for (int i = 0; i < HISTORY_MAX; i++) {
            double value = 1e6 + 1000 * drand48() + (i > 200 ? 5000 : 0);
            sigma_learn(&rule, &baseline, value);
            history_add(&history, rule.alpha, value);
            assert_near(baseline.mean, history_mean(&history), 1e-12);
            assert_near((double)baseline.stddev, history_stddev(&history), 1e-5);
        }
    }
}

static void moments_are_plain_until_there_are_one_over_alpha_windows(void **state)
{
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct sigma_rule rule = sigma_rule_make(3, 60, 0.1);
    struct baseline baseline = learnt(&rule, values, 8);
    assert_near(baseline.mean, 5, 1e-15);
    assert_near((double)baseline.stddev, 2, 1e-7);
    assert_int_equal(baseline.windows, 8);
}

static void newest_window_weighs_alpha_after_that(void **state)
{
    (void)state;
    struct sigma_rule rule = sigma_rule_make(3, 60, 0.1);
    struct baseline baseline = {0};
    for (int i = 0; i < 31; i++) {
        sigma_learn(&rule, &baseline, 0);
    }
    sigma_learn(&rule, &baseline, 61);
    assert_near(baseline.mean, 2, 1e-15);
}

static void equal_values_have_no_deviation_to_the_last_bit(void **state)
{
    (void)state;
    static const double values[] = {0.1,  1e15,  -3.7,          1e-300, 0,     1.0 / 3,
                                    -0.0, 1e150, 123456789.123, 5e-324, -1e-9, 9007199254740993.0};
    struct sigma_rule rule = sigma_rule_make(3, 60, 0);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct baseline baseline = {0};
        for (int window = 0; window < 70000; window++) {
            sigma_learn(&rule, &baseline, values[i]);
            assert_true(baseline.mean == values[i]);
            assert_true(baseline.stddev == 0);
            assert_int_equal(sigma_judge(&rule, &baseline, values[i], 0), SIGMA_INSIDE);
        }
        assert_int_equal(baseline.windows, SIGMA_WINDOWS_MAX);
    }
}

static void largest_values_leave_a_finite_baseline_that_recovers(void **state)
{
    (void)state;
    struct sigma_rule rule = sigma_rule_make(3, 10, 0);
    struct baseline baseline = {0};
    for (int i = 0; i < 100; i++) {
        sigma_learn(&rule, &baseline, i % 2 == 0 ? SIGMA_VALUE_MAX : -SIGMA_VALUE_MAX);
        assert_true(isfinite(baseline.mean) && isfinite(baseline.stddev));
    }
    for (int i = 0; i < 3000; i++) {
        sigma_learn(&rule, &baseline, 5);
    }
    assert_near(baseline.mean, 5, 1e-9);
    assert_true(baseline.stddev < 1e-6f);
}

static void longest_history_is_bounded_by_the_window_count(void **state)
{
    (void)state;
    struct sigma_rule rule = sigma_rule_make(3, 4000000000u, 0);
    assert_near(rule.alpha, 1.0 / SIGMA_WINDOWS_MAX, 1e-15);
    rule = sigma_rule_make(3, 0, 0);
    assert_near(rule.alpha, 1, 1e-15);
}

static void an_outlier_that_comes_again_is_on_the_limit_not_beyond_it(void **state)
{
    (void)state;
    static const double units[] = {1, 0.1, 1.0 / 3, 1e9, 7e-7};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        for (unsigned place = 0; place < 10; place++) {
            struct sigma_rule rule = sigma_rule_make(3, 60, 0);
            struct baseline baseline = {0};
            for (unsigned window = 0; window < 10; window++) {
                sigma_learn(&rule, &baseline, (window == place ? 71 : 62) * units[i]);
            }
            assert_int_equal(sigma_judge(&rule, &baseline, 71 * units[i], 0), SIGMA_INSIDE);
            assert_int_equal(sigma_judge(&rule, &baseline, 71.001 * units[i], 0), SIGMA_ABOVE);
        }
    }
}

struct judged {
    double mean, stddev, sigma, min_change, noise_floor, value;
    enum sigma_side side;
    bool critical;
};

static void verdicts_lie_strictly_beyond_both_limits(void **state)
{
    (void)state;
    static const struct judged table[] = {
        /* mean, stddev, sigma, min_change, floor, value */
        {100, 10, 3, 0.1, 0, 130, SIGMA_INSIDE, false},
        {100, 10, 3, 0.1, 0, 130.001, SIGMA_ABOVE, false},
        {100, 10, 3, 0.1, 0, 260, SIGMA_ABOVE, false}, /* twice the limit is not beyond it */
        {100, 10, 3, 0.1, 0, 260.001, SIGMA_ABOVE, true},
        {100, 10, 3, 0.1, 0, 70, SIGMA_INSIDE, false},
        {100, 10, 3, 0.1, 0, 69.999, SIGMA_BELOW, false},
        {100, 10, 3, 0.1, 0, 40, SIGMA_BELOW, false},
        {100, 10, 3, 0.1, 0, 39.999, SIGMA_BELOW, true},
        /* min_change is the wider limit */
        {100, 1, 3, 0.1, 0, 110, SIGMA_INSIDE, false},
        {100, 1, 3, 0.1, 0, 110.001, SIGMA_ABOVE, false},
        {100, 1, 3, 0.1, 0, 220.001, SIGMA_ABOVE, true},
        {100, 1, 3, 0.1, 0, 90, SIGMA_INSIDE, false},
        {100, 1, 3, 0.1, 0, 89.999, SIGMA_BELOW, true},
        {-100, 1, 3, 0.1, 0, -110, SIGMA_INSIDE, false},
        {-100, 1, 3, 0.1, 0, -110.001, SIGMA_BELOW, true},
        /* the floor replaces a smaller deviation only */
        {100, 1, 3, 0, 5, 115, SIGMA_INSIDE, false},
        {100, 1, 3, 0, 5, 115.001, SIGMA_ABOVE, false},
        {100, 10, 3, 0, 5, 129, SIGMA_INSIDE, false},
        {100, 10, 3, 0, 5, 131, SIGMA_ABOVE, false},
        {100, 1, 3, 0, 5, 71, SIGMA_BELOW, false},
        {100, 1, 3, 0, 5, 69.999, SIGMA_BELOW, true},
        /* without a positive upper limit severity goes by the distance */
        {-100, 10, 3, 0, 0, -65, SIGMA_ABOVE, false},
        {-100, 10, 3, 0, 0, -39.999, SIGMA_ABOVE, true},
        /* a mean of 0 has no share to change by */
        {0, 0, 3, 0.1, 0, 0, SIGMA_INSIDE, false},
        {0, 0, 3, 0.1, 0, 1e-9, SIGMA_ABOVE, true},
        {0, 1, 3, 0.1, 0, 3, SIGMA_INSIDE, false},
        {0, 1, 3, 0.1, 0, 3.1, SIGMA_ABOVE, false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct judged *row = &table[i];
        struct sigma_rule rule = sigma_rule_make(row->sigma, 60, row->min_change);
        struct baseline baseline = {.mean = row->mean, .stddev = (float)row->stddev};
        enum sigma_side side = sigma_judge(&rule, &baseline, row->value, row->noise_floor);
        struct sigma_limits limits = sigma_limits(&rule, &baseline, row->noise_floor);
        bool critical =
            side != SIGMA_INSIDE && sigma_is_critical(&rule, &baseline, &limits, side, row->value);
        if (side != row->side || critical != row->critical) {
            fail_msg("case %zu: side %d, critical %d", i, (int)side, (int)critical);
        }
        assert_true((row->value > limits.upper) == (side == SIGMA_ABOVE));
        assert_true((row->value < limits.lower) == (side == SIGMA_BELOW));
    }
}

static void restart_takes_the_plain_moments_of_the_run(void **state)
{
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct sigma_run run = {0};
    for (size_t i = 0; i < 8; i++) {
        sigma_run_add(&run, values[i]);
    }
    struct baseline baseline = {.mean = 77, .stddev = 3, .windows = 50, .episode = 9};
    sigma_restart(&baseline, &run);
    assert_near(baseline.mean, 5, 1e-15);
    assert_near((double)baseline.stddev, 2, 1e-7);
    assert_int_equal(baseline.windows, 8);
    assert_int_equal(baseline.episode, 9);
}

static void restart_from_equal_values_has_no_deviation(void **state)
{
    (void)state;
    struct sigma_run run = {0};
    for (int i = 0; i < 1000; i++) {
        sigma_run_add(&run, 0.1);
    }
    struct baseline baseline = {0};
    sigma_restart(&baseline, &run);
    assert_true(baseline.mean == 0.1);
    assert_true(baseline.stddev == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baseline_takes_sixteen_bytes),
        cmocka_unit_test(moments_are_those_of_the_whole_history),
        cmocka_unit_test(moments_are_plain_until_there_are_one_over_alpha_windows),
        cmocka_unit_test(newest_window_weighs_alpha_after_that),
        cmocka_unit_test(equal_values_have_no_deviation_to_the_last_bit),
        cmocka_unit_test(largest_values_leave_a_finite_baseline_that_recovers),
        cmocka_unit_test(longest_history_is_bounded_by_the_window_count),
        cmocka_unit_test(an_outlier_that_comes_again_is_on_the_limit_not_beyond_it),
        cmocka_unit_test(verdicts_lie_strictly_beyond_both_limits),
        cmocka_unit_test(restart_takes_the_plain_moments_of_the_run),
        cmocka_unit_test(restart_from_equal_values_has_no_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
