/* SPDX-License-Identifier: MIT
 *
 * Sigma with a hold-off, and how far from usual its readings are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/detect/harness.h"

#define WARMUP 5

static struct harness harness;
static struct identity *gauge;

static int setup(void **state)
{
    (void)state;
    harness_start(&harness, WARMUP, 60);
    detector_keep_reading(harness.detector);
    gauge = identity_make(STATSD_GAUGE, "queue.length", 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_stop(&harness);
    free(gauge);
    return 0;
}

static void hold_off(uint64_t seconds)
{
    harness.config.anomaly.hold_off_ms = seconds * 1000;
    detector_configure(harness.detector, &harness.config);
}

static void learn(const struct identity *identity)
{
    for (unsigned i = 0; i < 20; i++) {
        harness_window(&harness, identity, STATISTIC_VALUE, 99 + i % 3);
    }
}

static bool starts_with(const struct identity *identity, double value)
{
    harness_window(&harness, identity, STATISTIC_VALUE, value);
    return harness.row_count > 0 && !harness.rows[harness.row_count - 1].end;
}

/* Windows are ten seconds long. */
static void no_other_anomaly_starts_within_the_hold_off(void **state)
{
    (void)state;
    hold_off(60);
    learn(gauge);
    assert_true(starts_with(gauge, 500));
    for (unsigned i = 0; i < 2; i++) {
        assert_false(starts_with(gauge, 100));
        assert_false(starts_with(gauge, 500));
    }
    assert_false(starts_with(gauge, 100));
    assert_true(starts_with(gauge, 500));
}

static void what_is_held_off_is_not_learnt(void **state)
{
    (void)state;
    hold_off(600);
    learn(gauge);
    starts_with(gauge, 500);
    for (unsigned i = 0; i < 20; i++) {
        starts_with(gauge, 100);
        starts_with(gauge, 500);
    }
    hold_off(0);
    assert_true(starts_with(gauge, 900));
    assert_true(fabs(harness.rows[harness.row_count - 1].mean - 100) < 1);
}

static void other_series_and_the_next_at_the_index_are_not_held_off(void **state)
{
    struct identity *other = identity_make(STATSD_GAUGE, "other", 1);
    (void)state;
    hold_off(3600);
    learn(gauge);
    learn(other);
    assert_true(starts_with(gauge, 500));
    assert_true(starts_with(other, 500));
    gauge->generation++;
    learn(gauge);
    assert_true(starts_with(gauge, 500));
    free(other);
}

static void without_hold_off_each_return_is_a_start(void **state)
{
    (void)state;
    learn(gauge);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(starts_with(gauge, 500));
        assert_false(starts_with(gauge, 100));
    }
}

static double score_of(double value)
{
    harness_window(&harness, gauge, STATISTIC_VALUE, value);
    return detector_reading(harness.detector).score;
}

static void scores_rise_with_the_distance_and_alarm_at_the_limit(void **state)
{
    (void)state;
    assert_true(score_of(100) == 0);
    assert_true(isnan(detector_reading(harness.detector).lower));
    learn(gauge);
    harness.config.anomaly.history_windows = 1000000; /* what comes now weighs next to nothing */
    detector_configure(harness.detector, &harness.config);
    double near = score_of(103);
    double farther = score_of(107);
    assert_true(near < farther && farther < 0.5);
    double beyond = score_of(115);
    struct detector_reading reading = detector_reading(harness.detector);
    assert_true(reading.lower < 91 && reading.upper > 109 && reading.upper < 111);
    double far_out = score_of(500);
    assert_true(beyond >= 0.5 && far_out > beyond && far_out < 1);
}

static void with_hold_off_only_a_start_alarms(void **state)
{
    (void)state;
    hold_off(60);
    learn(gauge);
    assert_true(score_of(500) >= 0.5);
    assert_true(score_of(501) < 0.5);
    assert_true(score_of(100) < 0.5);
    assert_true(score_of(-500) < 0.5);
}

int main(void)
{
#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(no_other_anomaly_starts_within_the_hold_off),
        CLAIM(what_is_held_off_is_not_learnt),
        CLAIM(other_series_and_the_next_at_the_index_are_not_held_off),
        CLAIM(without_hold_off_each_return_is_a_start),
        CLAIM(scores_rise_with_the_distance_and_alarm_at_the_limit),
        CLAIM(with_hold_off_only_a_start_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
