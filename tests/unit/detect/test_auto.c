/* SPDX-License-Identifier: MIT
 *
 * The method `auto` on made-up series: what must never alarm, what must, how soon, and what a
 * verdict says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <string.h>

#include "tests/unit/detect/auto_series.h"

static void constant_series_never_alarm(void **context)
{
    (void)context;
    static const double values[] = {0, 45, -3.5, 1e-12, 1e18, 1e300};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_MAX, 1);
        for (unsigned i = 0; i < 2 * DAY_WINDOWS; i++) {
            feed(feeder, values[v]);
            assert_true(feeder->verdict.score == 0);
            assert_true(feeder->verdict.inside);
        }
        assert_true(feeder->verdict.usual == values[v]);
        assert_true(feeder->verdict.lower == values[v] && feeder->verdict.upper == values[v]);
        free(feeder);
    }
}

static void a_constant_series_that_moves_alarms(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 1);
    for (unsigned i = 0; i < 500; i++) {
        feed(feeder, 45);
    }
    assert_true(feed(feeder, 46));
    assert_int_equal(feeder->verdict.side, SIGMA_ABOVE);
    assert_false(feeder->verdict.inside);
    free(feeder);
}

static void what_is_not_finite_changes_nothing(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 2);
    static const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (unsigned i = 0; i < 300; i++) {
        struct auto_state before;
        memcpy(&before, &feeder->state, sizeof before);
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
            struct auto_verdict verdict =
                auto_observe(&feeder->rule, &feeder->state, bad[b], feeder_time(feeder));
            assert_true(verdict.score == 0);
        }
        assert_memory_equal(&before, &feeder->state, sizeof before);
        feed(feeder, 10 + normal(&feeder->seed));
    }
    free(feeder);
}

static void extreme_values_and_times_leave_figures_finite(void **context)
{
    (void)context;
    static const double values[] = {DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, 0,     1e18,
                                    -1e18,   1,        1e38,         -1e-30};
    static const double times[] = {START_S, (double)NAN, -(double)INFINITY, 1e300,
                                   -1e9,    0,           START_S - 86400};
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_MAX, 3);
    for (unsigned i = 0; i < 20000; i++) {
        double value = values[random_next(&feeder->seed) % (sizeof values / sizeof *values)];
        double time = times[random_next(&feeder->seed) % (sizeof times / sizeof *times)];
        struct auto_verdict verdict = auto_observe(&feeder->rule, &feeder->state, value, time);
        assert_true(verdict.score >= 0 && verdict.score < 1);
        assert_false(isnan(verdict.usual) || isnan(verdict.lower) || isnan(verdict.upper));
        assert_true(verdict.lower <= verdict.upper);
        assert_true(verdict.extreme_s >= 0 && verdict.extreme_s <= AUTO_DAY_S);
    }
    free(feeder);
}

/* Powers of two and whole offsets are exact in floating point, hence equal verdicts to the last
 * bit. */
static void scale_and_origin_do_not_matter(void **context)
{
    (void)context;
    struct feeder *plain = feeder_new(AUTO_FALSE_ALARMS_MAX, 4);
    struct feeder *moved = feeder_new(AUTO_FALSE_ALARMS_MAX, 4);
    for (unsigned i = 0; i < DAY_WINDOWS; i++) {
        double value = 1000 + round(100 * normal(&plain->seed) * (i % 900 == 899 ? 9 : 1));
        feed(plain, value);
        feed(moved, 1024 * value - 5e6);
        assert_true(plain->verdict.score == moved->verdict.score);
        assert_int_equal(plain->verdict.part, moved->verdict.part);
        assert_int_equal(plain->verdict.side, moved->verdict.side);
    }
    assert_true(plain->alarms > 0);
    free(plain);
    free(moved);
}

static void equal_input_has_equal_verdicts_and_states_can_be_copied(void **context)
{
    (void)context;
    struct feeder *first = feeder_new(AUTO_FALSE_ALARMS_MAX, 5);
    feed_noise(first, 1000, 10, 1);
    struct feeder second = *first;
    for (unsigned i = 0; i < 3000; i++) {
        double value = 10 + normal(&first->seed) * (i % 500 == 0 ? 8 : 1);
        feed(first, value);
        feed(&second, value);
        assert_memory_equal(&first->state, &second.state, sizeof second.state);
        assert_true(first->verdict.score == second.verdict.score);
    }
    free(first);
}

static void there_is_no_alarm_before_the_warm_up(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_MAX, 6);
    for (unsigned i = 0; i < AUTO_WARMUP_WINDOWS; i++) {
        assert_false(feed(feeder, i % 2 == 0 ? 1 : pow(2, i)));
        assert_false(feeder->verdict.ready);
        assert_true(feeder->verdict.inside);
    }
    feed(feeder, 1);
    assert_true(feeder->verdict.ready);
    free(feeder);
}

static void alarms_are_apart_by_the_hold_off(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_MAX, 7);
    unsigned last = 0;
    for (unsigned i = 0; i < 4 * DAY_WINDOWS; i++) {
        if (feed(feeder, exp(3 * normal(&feeder->seed)) * (i / 500 % 2 == 0 ? 1 : 20))) {
            assert_true(feeder->alarms == 1 || i - last >= AUTO_HOLD_WINDOWS);
            last = i;
        }
    }
    assert_true(feeder->alarms > 1);
    free(feeder);
}

/* Alarms of a hundred series of noise in three days of which the first is warm-up. */
static unsigned alarms_of_noise(double wanted)
{
    unsigned alarms = 0;
    for (uint64_t series = 1; series <= 100; series++) {
        struct feeder *feeder = feeder_new(wanted, series * 77);
        feed_noise(feeder, DAY_WINDOWS, 500, 40);
        feeder->alarms = 0;
        feed_noise(feeder, 2 * DAY_WINDOWS, 500, 40);
        alarms += feeder->alarms;
        free(feeder);
    }
    return alarms;
}

/* Noise of one kind is the easiest of series; the knob promises a mean over kinds. */
static void noise_alarms_no_more_often_than_was_asked_for(void **context)
{
    (void)context;
    double months = 100 * 2.0 / 30;
    assert_true(alarms_of_noise(AUTO_FALSE_ALARMS_DEFAULT) <= AUTO_FALSE_ALARMS_DEFAULT * months);
    assert_true(alarms_of_noise(2) <= alarms_of_noise(AUTO_FALSE_ALARMS_DEFAULT));
    assert_true(alarms_of_noise(AUTO_FALSE_ALARMS_DEFAULT) < alarms_of_noise(1000));
}

static double noise(struct feeder *feeder)
{
    return 500 + 40 * normal(&feeder->seed);
}

/* Half of a wandering value is forgotten in 69 windows. */
static double wandering(struct feeder *feeder)
{
    static double walk;
    walk = feeder->windows == 0 ? normal(&feeder->seed)
                                : 0.99 * walk + sqrt(1 - 0.99 * 0.99) * normal(&feeder->seed);
    return 500 + 40 * walk;
}

static double random_walk(struct feeder *feeder)
{
    static double walk;
    walk = feeder->windows == 0 ? 1e6 : walk + normal(&feeder->seed);
    return walk;
}

/* Of mean 4, by Knuth's method: a 0 in 55 windows. */
static double poisson(struct feeder *feeder)
{
    double count = 0;
    for (double product = uniform(&feeder->seed); product > exp(-4);
         product *= uniform(&feeder->seed)) {
        count++;
    }
    return count;
}

/* Alarms of 300 new series in so many windows, a month. */
static double alarms_of_the_young(double (*value)(struct feeder *), unsigned windows)
{
    unsigned alarms = 0;
    for (uint64_t series = 1; series <= 300; series++) {
        struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, series * 31);
        for (unsigned i = 0; i < windows; i++) {
            feed(feeder, value(feeder));
        }
        alarms += feeder->alarms;
        free(feeder);
    }
    return alarms * 259200.0 / (300.0 * windows);
}

/* A new series has seen nothing yet, and is not to report all of it. */
static void young_series_do_not_cry_wolf(void **context)
{
    (void)context;
    double (*const values[])(struct feeder *) = {noise, wandering, random_walk, poisson};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double early = alarms_of_the_young(values[i], 200);
        double later = alarms_of_the_young(values[i], DAY_WINDOWS / 4);
        print_message("series %zu: %.1f a month before window 200, %.1f in six hours\n", i, early,
                      later);
        assert_true(early <= 2 * AUTO_FALSE_ALARMS_DEFAULT);
        assert_true(later <= 1.5 * AUTO_FALSE_ALARMS_DEFAULT);
    }
}

static void the_knob_is_taken_to_its_bounds(void **context)
{
    (void)context;
    double least = (double)auto_rule_make(0).threshold;
    assert_true(least == (double)auto_rule_make(AUTO_FALSE_ALARMS_MIN).threshold);
    assert_true(least == (double)auto_rule_make(-(double)INFINITY).threshold);
    assert_true((double)auto_rule_make(1e9).threshold ==
                (double)auto_rule_make(AUTO_FALSE_ALARMS_MAX).threshold);
    for (double wanted = AUTO_FALSE_ALARMS_MIN; wanted < AUTO_FALSE_ALARMS_MAX; wanted *= 2) {
        assert_true(auto_rule_make(wanted).threshold > auto_rule_make(2 * wanted).threshold);
    }
}

/* An incident of a counter in its second day: each window is the usual one times `factor` plus
 * `deviations` of noise more. The windows until the alarm, or `windows` where none came. */
static unsigned windows_until_alarm(uint64_t seed, double factor, double deviations,
                                    unsigned windows)
{
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, seed);
    double mean = 400, stddev = 30;
    feed_noise(feeder, DAY_WINDOWS + 1000, mean, stddev);
    unsigned until = 0;
    while (until < windows &&
           !feed(feeder, factor * (mean + stddev * (normal(&feeder->seed) + deviations)))) {
        until++;
    }
    free(feeder);
    return until;
}

static unsigned caught(double factor, double deviations, unsigned windows)
{
    unsigned count = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        count += windows_until_alarm(seed * 91, factor, deviations, windows) < windows;
    }
    return count;
}

static void incidents_are_caught_in_time(void **context)
{
    (void)context;
    assert_int_equal(caught(0, 0, 2), 50); /* a drop to zero, within two windows */
    assert_true(caught(1, 6, 3) >= 48);    /* a rise by six deviations, within three */
    assert_true(caught(1, -6, 3) >= 48);
    assert_true(caught(1, 3, 60) >= 45); /* a shift by three, within ten minutes */
}

/* By so many deviations of noise in five hours of the second day. */
static bool drift_is_caught(uint64_t seed, double deviations)
{
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, seed);
    double mean = 400, stddev = 30;
    feed_noise(feeder, DAY_WINDOWS + 1000, mean, stddev);
    feeder->alarms = 0;
    for (unsigned i = 0; i < 1800; i++) {
        feed(feeder, mean + stddev * (normal(&feeder->seed) - deviations * i / 1800));
    }
    bool caught = feeder->alarms > 0;
    free(feeder);
    return caught;
}

static void slow_drifts_are_caught(void **context)
{
    (void)context;
    unsigned count = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        count += drift_is_caught(seed * 57, 6);
    }
    print_message("%u of 200 drifts\n", count);
    assert_true(count >= 100);
}

static void more_unrest_is_caught(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 8);
    feed_noise(feeder, DAY_WINDOWS, 100, 2);
    feeder->alarms = 0;
    feed_noise(feeder, 60, 100, 10);
    assert_true(feeder->alarms >= 1);
    free(feeder);
}

static void zeros_that_come_all_the_time_are_usual(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 9);
    for (unsigned i = 0; i < 2 * DAY_WINDOWS; i++) {
        feed(feeder, uniform(&feeder->seed) < 0.05 ? 0 : 5 + floor(10 * uniform(&feeder->seed)));
        assert_true(feeder->verdict.score < AUTO_ALARM || feeder->verdict.part != AUTO_ZERO ||
                    i < 200);
    }
    free(feeder);
}

static double of_day(unsigned window)
{
    return 500 + 300 * sin(2 * M_PI * window / DAY_WINDOWS);
}

static void the_usual_is_that_of_the_hour_from_the_second_day_on(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 10);
    for (unsigned i = 0; i < 6 * DAY_WINDOWS; i++) {
        feed(feeder, of_day(i) + 10 * normal(&feeder->seed));
        assert_true(feeder->verdict.of_the_hour == (i > DAY_WINDOWS));
        assert_true(i < AUTO_WARMUP_WINDOWS || feeder->verdict.lower < feeder->verdict.upper);
        if (i > 5 * DAY_WINDOWS) {
            assert_true(fabs(feeder->verdict.usual - of_day(i)) < 60);
            assert_true(feeder->verdict.lower < of_day(i) && feeder->verdict.upper > of_day(i));
        }
    }
    free(feeder);
}

static void a_verdict_tells_side_limits_extreme_and_the_way_back(void **context)
{
    (void)context;
    struct feeder *feeder = feeder_new(AUTO_FALSE_ALARMS_DEFAULT, 11);
    feed_noise(feeder, 2 * DAY_WINDOWS, 50, 5);
    assert_true(feed(feeder, 150));
    assert_int_equal(feeder->verdict.side, SIGMA_ABOVE);
    assert_true(feeder->verdict.part != AUTO_NOTHING);
    assert_true(feeder->verdict.upper > 55 && feeder->verdict.upper < 90);
    assert_true(feeder->verdict.lower > 10 && feeder->verdict.lower < 45);
    assert_false(feeder->verdict.inside);
    assert_true(feeder->verdict.extreme_s > 79200 && feeder->verdict.extreme_s <= AUTO_DAY_S);
    feed(feeder, 50);
    assert_true(feeder->verdict.inside);
    assert_int_equal(feeder->verdict.side, SIGMA_INSIDE);
    free(feeder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_series_never_alarm),
        cmocka_unit_test(a_constant_series_that_moves_alarms),
        cmocka_unit_test(what_is_not_finite_changes_nothing),
        cmocka_unit_test(extreme_values_and_times_leave_figures_finite),
        cmocka_unit_test(scale_and_origin_do_not_matter),
        cmocka_unit_test(equal_input_has_equal_verdicts_and_states_can_be_copied),
        cmocka_unit_test(there_is_no_alarm_before_the_warm_up),
        cmocka_unit_test(alarms_are_apart_by_the_hold_off),
        cmocka_unit_test(noise_alarms_no_more_often_than_was_asked_for),
        cmocka_unit_test(young_series_do_not_cry_wolf),
        cmocka_unit_test(the_knob_is_taken_to_its_bounds),
        cmocka_unit_test(incidents_are_caught_in_time),
        cmocka_unit_test(slow_drifts_are_caught),
        cmocka_unit_test(more_unrest_is_caught),
        cmocka_unit_test(zeros_that_come_all_the_time_are_usual),
        cmocka_unit_test(the_usual_is_that_of_the_hour_from_the_second_day_on),
        cmocka_unit_test(a_verdict_tells_side_limits_extreme_and_the_way_back),
    };
    return cmocka_run_group_tests_name("auto", tests, NULL, NULL);
}
