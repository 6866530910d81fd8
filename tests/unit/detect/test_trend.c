/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/detect/trend.h"
#include "tests/unit/random.h"

#define COUNT_MAX 5000
#define BEGIN 1764316800.0
#define WINDOW 10.0

static double stamps[COUNT_MAX], values[COUNT_MAX], room[TREND_ROOM];
static struct trend trend;
static uint64_t seed;

static void assert_near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error)) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static void tick(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        stamps[i] = BEGIN + WINDOW * (double)i;
    }
}

static bool fit(size_t count)
{
    if (!trend_fit(stamps, values, count, &trend)) {
        return false;
    }
    trend_robust(stamps, values, count, &trend, room);
    return true;
}

/* Box and Muller. */
static double gauss(void)
{
    double u = ((double)(random_next(&seed) >> 11) + 1) / 9007199254740993.0;
    double v = (double)(random_next(&seed) >> 11) / 9007199254740992.0;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* The line explains next to nothing, ranks nearly all: only Mann and Kendall see it. */
static void a_rise_among_tall_spikes_is_more_than_chance(void **state)
{
    (void)state;
    size_t count = 60;
    seed = 5;
    tick(count);
    for (size_t i = 0; i < count; i++) {
        values[i] = 100 + (double)i + 8 * gauss() + (i % 9 == 4 ? 3000 : 0);
    }
    assert_true(fit(count));
    assert_true(trend.r_squared < 0.05);
    assert_true(fabs(trend.tau) < TREND_TAU_MIN);
    assert_true(trend.z > TREND_Z_MIN);
}

static void a_line_is_found_exactly(void **state)
{
    (void)state;
    for (size_t count = TREND_VALUES_MIN; count <= COUNT_MAX; count = count * 3 + 1) {
        tick(count);
        for (size_t i = 0; i < count; i++) {
            values[i] = 40 + 0.25 * (stamps[i] - BEGIN);
        }
        assert_true(fit(count));
        assert_int_equal(trend.count, count);
        assert_near(trend.slope, 0.25, 1e-9);
        assert_near(trend.robust, 0.25, 1e-9);
        assert_near(trend.intercept, 40, 1e-6);
        assert_near(trend.r_squared, 1, 1e-12);
        assert_near(trend.tau, 1, 1e-12);
        assert_near(trend.span, WINDOW * (double)(count - 1), 1e-6);
        assert_int_equal(trend_direction(&trend, 0.1), TREND_RISING);
    }
}

static void least_squares_are_those_of_the_sums(void **state)
{
    static const double sample[] = {3, 1, 4, 1, 5, 9, 2, 6};
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        stamps[i] = (double)i;
        values[i] = sample[i];
    }
    assert_true(fit(8));
    /* Σ t = 28, Σ x = 31, Σ t² = 140, Σ tx = 131, Σ x² = 173 */
    double tt = 140 - 28.0 * 28 / 8, tx = 131 - 28.0 * 31 / 8, xx = 173 - 31.0 * 31 / 8;
    assert_near(trend.slope, tx / tt, 1e-12);
    assert_near(trend.intercept, 31.0 / 8 - tx / tt * 3.5, 1e-12);
    assert_near(trend.r_squared, tx * tx / (tt * xx), 1e-12);
    assert_near(trend.mean, 31.0 / 8, 1e-12);
}

/* Against the plain definition, on values with ties. */
static void the_robust_slope_is_the_median_of_all_slopes(void **state)
{
    (void)state;
    seed = 7;
    for (size_t round = 0; round < 50; round++) {
        size_t n = TREND_VALUES_MIN + random_next(&seed) % 30, below = 0, above = 0, pairs = 0;
        double s = 0;
        tick(n);
        for (size_t i = 0; i < n; i++) {
            values[i] = (double)(random_next(&seed) % 20) + 0.3 * (double)i;
        }
        assert_true(fit(n));
        for (size_t i = 0; i < n; i++) {
            for (size_t j = i + 1; j < n; j++) {
                double slope = (values[j] - values[i]) / (stamps[j] - stamps[i]);
                below += slope < trend.robust - 1e-12;
                above += slope > trend.robust + 1e-12;
                s += (values[j] > values[i]) - (values[j] < values[i]);
                pairs++;
            }
        }
        assert_true(2 * below <= pairs && 2 * above <= pairs);
        assert_near(trend.tau, s / (double)pairs, 1e-12);
    }
}

static void spikes_move_least_squares_and_not_the_robust_slope(void **state)
{
    (void)state;
    seed = 3;
    tick(360);
    for (size_t i = 0; i < 360; i++) {
        values[i] = 100 + 0.01 * (stamps[i] - BEGIN) + gauss();
    }
    for (size_t i = 300; i < 360; i += 3) {
        values[i] = 1e5;
    }
    assert_true(fit(360));
    assert_true(trend.slope > 1);
    assert_near(trend.robust, 0.01, 0.003);
}

static void a_constant_series_is_steady_and_has_defined_figures(void **state)
{
    (void)state;
    tick(100);
    for (size_t i = 0; i < 100; i++) {
        values[i] = 0.1;
    }
    assert_true(fit(100));
    assert_near(trend.slope, 0, 1e-15);
    assert_near(trend.robust, 0, 0);
    assert_near(trend.r_squared, 0, 0);
    assert_near(trend.z, 0, 0);
    assert_near(trend.tau, 0, 0);
    assert_near(trend_change(&trend), 0, 0);
    assert_int_equal(trend_direction(&trend, 0), TREND_STEADY);
}

static void too_few_values_have_no_trend(void **state)
{
    (void)state;
    tick(20);
    for (size_t i = 0; i < 20; i++) {
        values[i] = i % 3 ? (double)NAN : (double)i;
    }
    assert_false(fit(0));
    assert_false(fit(2));
    assert_false(fit(19));
    values[1] = 1;
    assert_true(fit(20));
    for (size_t i = 0; i < 20; i++) {
        stamps[i] = BEGIN;
        values[i] = (double)i;
    }
    assert_false(fit(20));
}

static void gaps_are_left_out_wherever_they_are(void **state)
{
    (void)state;
    tick(300);
    for (size_t i = 0; i < 300; i++) {
        values[i] = i % 7 < 3 ? (double)NAN : 5 - 0.001 * (stamps[i] - BEGIN);
    }
    stamps[0] = stamps[299] = (double)NAN;
    values[100] = (double)INFINITY;
    values[101] = -1e300;
    assert_true(fit(300));
    assert_near(trend.slope, -0.001, 1e-9);
    assert_near(trend.robust, -0.001, 1e-9);
    assert_near(trend.r_squared, 1, 1e-9);
    assert_int_equal(trend_direction(&trend, 0.1), TREND_FALLING);
}

static void large_values_stay_finite(void **state)
{
    (void)state;
    tick(COUNT_MAX);
    for (size_t i = 0; i < COUNT_MAX; i++) {
        values[i] = (i % 2 ? 1 : -1) * TREND_VALUE_MAX;
    }
    assert_true(fit(COUNT_MAX));
    assert_true(isfinite(trend.slope) && isfinite(trend.robust) && isfinite(trend.z));
    assert_true(trend.r_squared >= 0 && trend.r_squared <= 1);
}

/* x -> a x + b: slopes times a, the same R², z and tau but for the sign of a. */
static void units_of_the_values_change_nothing_but_the_slope(void **state)
{
    static const struct {
        double factor, offset;
    } units[] = {{1000, 0}, {0.001, 3}, {-2, 50}};
    (void)state;
    for (size_t unit = 0; unit < 3; unit++) {
        double factor = units[unit].factor, sign = copysign(1, factor);
        seed = 11;
        tick(200);
        for (size_t i = 0; i < 200; i++) {
            values[i] = gauss() + 0.002 * (stamps[i] - BEGIN);
        }
        assert_true(fit(200));
        struct trend plain = trend;
        for (size_t i = 0; i < 200; i++) {
            values[i] = factor * values[i] + units[unit].offset;
        }
        assert_true(fit(200));
        assert_near(trend.slope / factor, plain.slope, 1e-9);
        assert_near(trend.robust / factor, plain.robust, 1e-9);
        assert_near(trend.r_squared, plain.r_squared, 1e-9);
        assert_near(trend.z, sign * plain.z, 1e-6);
        assert_near(trend.tau, sign * plain.tau, 1e-12);
    }
}

/* How many of a thousand series without a trend are called one, whatever they change by. */
static unsigned called(double memory)
{
    unsigned count = 0;
    seed = 1;
    tick(360);
    for (unsigned round = 0; round < 1000; round++) {
        double x = 0;
        for (size_t i = 0; i < 360; i++) {
            x = memory * x + gauss();
            values[i] = 10 + x;
        }
        assert_true(fit(360));
        count += trend_direction(&trend, 0) != TREND_STEADY;
    }
    return count;
}

static void noise_is_steady(void **state)
{
    (void)state;
    assert_in_range(called(0), 0, 5);
    assert_in_range(called(0.5), 0, 10);
    assert_in_range(called(0.9), 0, 25);
}

/* A rise of 20 % under noise of 5 % of the level. */
static void a_rise_under_noise_is_found(void **state)
{
    unsigned found = 0;
    (void)state;
    seed = 2;
    tick(360);
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < 360; i++) {
            values[i] = 200 + 40 * (double)i / 359 + 10 * gauss();
        }
        assert_true(fit(360));
        found += trend_direction(&trend, 0.1) == TREND_RISING;
    }
    assert_true(found == 200);
}

static void a_smooth_curve_is_a_trend(void **state)
{
    (void)state;
    tick(1000);
    for (size_t i = 0; i < 1000; i++) {
        values[i] = 100 * exp((double)i / 500);
    }
    assert_true(fit(1000));
    assert_int_equal(trend_direction(&trend, 0.1), TREND_RISING);
}

static void small_changes_are_steady_however_sure(void **state)
{
    (void)state;
    tick(360);
    for (size_t i = 0; i < 360; i++) {
        values[i] = 1000 + (double)i / 10;
    }
    assert_true(fit(360));
    assert_int_equal(trend_direction(&trend, 0.1), TREND_STEADY);
    assert_int_equal(trend_direction(&trend, 0.03), TREND_RISING);
    assert_near(trend_change(&trend), 35.9 / 1017.95, 1e-6);
}

static void assessments_follow_what_is_better(void **state)
{
    (void)state;
    assert_int_equal(trend_assess(TREND_RISING, BETTER_LOWER), TREND_DEGRADING);
    assert_int_equal(trend_assess(TREND_FALLING, BETTER_LOWER), TREND_IMPROVING);
    assert_int_equal(trend_assess(TREND_RISING, BETTER_HIGHER), TREND_IMPROVING);
    assert_int_equal(trend_assess(TREND_FALLING, BETTER_HIGHER), TREND_DEGRADING);
    assert_int_equal(trend_assess(TREND_RISING, BETTER_UNKNOWN), TREND_STABLE);
    assert_int_equal(trend_assess(TREND_STEADY, BETTER_LOWER), TREND_STABLE);
}

static void what_gets_worse_comes_first(void **state)
{
    struct trend steep = {.robust = 1, .span = 1000, .mean = 1, .r_squared = 1};
    struct trend flat = {.robust = 0.001, .span = 100, .mean = 1, .r_squared = 0.5};
    (void)state;
    double degrading = trend_gravity(&flat, TREND_RISING, TREND_DEGRADING);
    double unknown = trend_gravity(&steep, TREND_RISING, TREND_STABLE);
    double improving = trend_gravity(&steep, TREND_RISING, TREND_IMPROVING);
    double steady = trend_gravity(&steep, TREND_STEADY, TREND_STABLE);
    assert_true(degrading > unknown && unknown > improving && improving > steady);
    assert_true(trend_gravity(&steep, TREND_RISING, TREND_DEGRADING) > degrading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rise_among_tall_spikes_is_more_than_chance),
        cmocka_unit_test(a_line_is_found_exactly),
        cmocka_unit_test(least_squares_are_those_of_the_sums),
        cmocka_unit_test(the_robust_slope_is_the_median_of_all_slopes),
        cmocka_unit_test(spikes_move_least_squares_and_not_the_robust_slope),
        cmocka_unit_test(a_constant_series_is_steady_and_has_defined_figures),
        cmocka_unit_test(too_few_values_have_no_trend),
        cmocka_unit_test(gaps_are_left_out_wherever_they_are),
        cmocka_unit_test(large_values_stay_finite),
        cmocka_unit_test(units_of_the_values_change_nothing_but_the_slope),
        cmocka_unit_test(noise_is_steady),
        cmocka_unit_test(a_rise_under_noise_is_found),
        cmocka_unit_test(a_smooth_curve_is_a_trend),
        cmocka_unit_test(small_changes_are_steady_however_sure),
        cmocka_unit_test(assessments_follow_what_is_better),
        cmocka_unit_test(what_gets_worse_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
