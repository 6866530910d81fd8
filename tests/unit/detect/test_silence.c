/* SPDX-License-Identifier: MIT
 *
 * Windows without samples: a regular counter that stops is called out, a sporadic one never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/detect/harness.h"

#define WARMUP 5

static struct harness harness;
static struct identity *counter;
static struct identity *timer;
static struct identity *gauge;

static int setup(void **state)
{
    (void)state;
    harness_start(&harness, WARMUP, 60);
    counter = identity_make(STATSD_COUNTER, "requests", 3);
    timer = identity_make(STATSD_TIMER, "request.time", 3);
    gauge = identity_make(STATSD_GAUGE, "queue", 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_stop(&harness);
    free(counter);
    free(timer);
    free(gauge);
    return 0;
}

static void feed(const struct identity *identity, enum statistic statistic, unsigned windows,
                 double value)
{
    for (unsigned i = 0; i < windows; i++) {
        harness_window(&harness, identity, statistic, value + i % 2);
    }
}

/* A silent window of another length than usual. */
static void idle_for(const struct identity *identity, double seconds)
{
    harness.window++;
    detector_begin(harness.detector, harness_time(&harness, harness.window), seconds);
    detector_observe_idle(harness.detector, identity);
    harness_close(&harness);
}

static void a_counter_that_stops_is_a_flatline(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 20, 10);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 1);
    const struct anomaly_row *row = &harness.rows[0];
    assert_int_equal(row->type, ANOMALY_FLATLINE);
    assert_int_equal(row->statistic, STATISTIC_RATE);
    assert_int_equal(row->severity, SEVERITY_CRITICAL);
    assert_true(row->value == 0);
    assert_string_equal(row->reason, "no samples: rate 0 where 10.5 a second is usual (limit 9)");
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 0);
    assert_int_equal(harness.active_count, 1);
    feed(counter, STATISTIC_RATE, 1, 10);
    assert_int_equal(harness.row_count, 1);
    assert_true(harness.rows[0].end);
    assert_int_equal(harness.rows[0].type, ANOMALY_FLATLINE);
    assert_true(harness.rows[0].mean == 10.5); /* silence was not learnt */
}

static void a_timer_that_stops_is_a_flatline_of_its_rate(void **state)
{
    (void)state;
    for (unsigned window = 0; window < 20; window++) {
        harness_open(&harness);
        detector_observe(harness.detector, timer, STATISTIC_MEAN, 100, 0);
        detector_observe(harness.detector, timer, STATISTIC_RATE, 3, 0.5);
        harness_close(&harness);
    }
    harness_idle(&harness, timer);
    assert_int_equal(harness.row_count, 1);
    assert_int_equal(harness.rows[0].type, ANOMALY_FLATLINE);
    assert_int_equal(harness.rows[0].statistic, STATISTIC_RATE);
}

static void a_flatline_that_comes_back_weak_stays_the_same_anomaly(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 20, 10);
    harness_idle(&harness, counter);
    feed(counter, STATISTIC_RATE, 1, 2);
    assert_int_equal(harness.row_count, 0);
    assert_int_equal(harness.active_count, 1);
    assert_int_equal(harness.active[0].type, ANOMALY_FLATLINE);
    assert_true(harness.active[0].value == 2);
    feed(counter, STATISTIC_RATE, WARMUP - 1, 2);
    assert_int_equal(harness.row_count, 1);
    assert_string_equal(harness.rows[0].reason,
                        "rate was below the usual 10.5 for 5 windows: 2.4 is the new usual");
}

static void a_flatline_ends_after_warmup_silent_windows(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 20, 10);
    for (unsigned i = 0; i < WARMUP; i++) {
        assert_int_equal(harness.active_count, i > 0);
        harness_idle(&harness, counter);
    }
    assert_int_equal(harness.row_count, 1);
    assert_true(harness.rows[0].end);
    assert_string_equal(harness.rows[0].reason, "no rate to judge for 5 windows: taken as over");
    for (unsigned i = 0; i < 50; i++) {
        harness_idle(&harness, counter);
        assert_int_equal(harness.row_count, 0);
    }
    /* The baseline is the one from before. */
    feed(counter, STATISTIC_RATE, 1, 10);
    assert_int_equal(harness.row_count, 0);
    feed(counter, STATISTIC_RATE, 1, 30);
    assert_int_equal(harness.row_count, 1);
}

static void a_sporadic_counter_never_is_a_flatline(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        if (i % WARMUP == WARMUP - 1) {
            harness_idle(&harness, counter);
        } else {
            feed(counter, STATISTIC_RATE, 1, 10);
        }
        assert_int_equal(harness.row_count, 0);
    }
}

static void the_windows_before_the_stop_must_be_warmup_in_a_row(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 20, 10);
    harness_idle(&harness, counter);
    feed(counter, STATISTIC_RATE, WARMUP - 1, 10);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 0);
    feed(counter, STATISTIC_RATE, WARMUP, 10);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 1);
}

static void a_counter_as_noisy_as_its_mean_is_no_flatline(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        feed(counter, STATISTIC_RATE, 1, i % 2 == 0 ? 1 : 19);
    }
    for (unsigned i = 0; i < 5; i++) {
        harness_idle(&harness, counter);
        assert_int_equal(harness.row_count, 0);
    }
}

static void gauges_may_be_silent(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, 20, 10);
    harness_idle(&harness, gauge);
    assert_int_equal(harness.row_count, 0);
}

static void an_unknown_series_may_be_silent(void **state)
{
    (void)state;
    harness_idle(&harness, counter);
    feed(counter, STATISTIC_RATE, 20, 10);
    counter->generation = 2;
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 0);
    counter->index = 1 << 20;
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 0);
}

static void a_high_rate_ends_with_the_first_silent_window(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 3, 10);
    harness_idle(&harness, counter);
    feed(counter, STATISTIC_RATE, 3, 10);
    feed(counter, STATISTIC_RATE, 1, 90);
    assert_int_equal(harness.active_count, 1);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 1);
    assert_string_equal(harness.rows[0].reason, "no samples: rate is no longer above 11.75");
}

static void a_high_rate_that_stops_turns_into_a_flatline(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, 20, 10);
    feed(counter, STATISTIC_RATE, 1, 90);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 2);
    assert_true(harness.rows[0].end);
    assert_int_equal(harness.rows[0].type, ANOMALY_HIGH_RATE);
    assert_false(harness.rows[1].end);
    assert_int_equal(harness.rows[1].type, ANOMALY_FLATLINE);
}

static void a_statistic_without_samples_ends_after_warmup_windows(void **state)
{
    (void)state;
    feed(timer, STATISTIC_P99, 20, 100);
    feed(timer, STATISTIC_P99, 1, 900);
    assert_int_equal(harness.active_count, 1);
    for (unsigned i = 0; i < WARMUP; i++) { /* too few samples for a p99 */
        feed(timer, STATISTIC_MEAN, 1, 50);
        assert_int_equal(harness.row_count, i == WARMUP - 1);
    }
    assert_string_equal(harness.rows[0].reason, "no p99 to judge for 5 windows: taken as over");
}

static void a_short_window_without_samples_alarms_nobody(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        harness_window(&harness, counter, STATISTIC_RATE, 0.5);
    }
    idle_for(counter, 3);
    assert_int_equal(harness.row_count, 0);
    /* Together with the next one the silence is longer than a usual window. */
    idle_for(counter, 7);
    assert_int_equal(harness.row_count, 1);
}

static void a_short_window_is_enough_where_many_samples_are_missing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        harness_window(&harness, counter, STATISTIC_RATE, 50);
    }
    idle_for(counter, 0.5);
    assert_int_equal(harness.row_count, 1);
    assert_true(harness.rows[0].stddev == 10); /* √25 a half second */
}

int main(void)
{
#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(a_counter_that_stops_is_a_flatline),
        CLAIM(a_timer_that_stops_is_a_flatline_of_its_rate),
        CLAIM(a_flatline_that_comes_back_weak_stays_the_same_anomaly),
        CLAIM(a_flatline_ends_after_warmup_silent_windows),
        CLAIM(a_sporadic_counter_never_is_a_flatline),
        CLAIM(the_windows_before_the_stop_must_be_warmup_in_a_row),
        CLAIM(a_counter_as_noisy_as_its_mean_is_no_flatline),
        CLAIM(gauges_may_be_silent),
        CLAIM(an_unknown_series_may_be_silent),
        CLAIM(a_high_rate_ends_with_the_first_silent_window),
        CLAIM(a_high_rate_that_stops_turns_into_a_flatline),
        CLAIM(a_statistic_without_samples_ends_after_warmup_windows),
        CLAIM(a_short_window_without_samples_alarms_nobody),
        CLAIM(a_short_window_is_enough_where_many_samples_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
