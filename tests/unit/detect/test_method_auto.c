/* SPDX-License-Identifier: MIT
 *
 * The method auto in the detector: starts, words and ends, what has no room for a state, changes of
 * the method, silence, series that come and go, odd values, short windows and steps of the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/detect/states.h"
#include "tests/unit/detect/harness.h"
#include "tests/unit/random.h"

#define WARMUP 20
#define LEARNT 3000 /* windows: 500 minutes */

static struct harness harness;
static struct identity *gauge, *counter, *timer;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    harness_start(&harness, WARMUP, 60);
    harness.config.anomaly.method = ANOMALY_AUTO;
    harness.config.anomaly.sensitivity = 20;
    harness.config.anomaly.max_memory_bytes = 1 << 24;
    detector_configure(harness.detector, &harness.config);
    detector_keep_reading(harness.detector);
    gauge = identity_make(STATSD_GAUGE, "queue.length", 0);
    counter = identity_make(STATSD_COUNTER, "requests", 0);
    timer = identity_make(STATSD_TIMER, "request.time", 0);
    seed = 4711;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_stop(&harness);
    free(gauge);
    free(counter);
    free(timer);
    return 0;
}

/* Nearly normal, deviation 1: the sum of twelve uniform draws. */
static double noise(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += (double)(random_next(&seed) >> 11) * 0x1p-53;
    }
    return sum;
}

/* Windows of noise; returns how many anomalies started. */
static size_t feed(const struct identity *identity, enum statistic statistic, unsigned windows,
                   double mean, double deviation)
{
    size_t starts = 0;
    for (unsigned i = 0; i < windows; i++) {
        harness_window(&harness, identity, statistic, mean + deviation * noise());
        for (size_t k = 0; k < harness.row_count; k++) {
            starts += !harness.rows[k].end;
        }
    }
    return starts;
}

static void a_spike_starts_an_anomaly_and_says_what_is_usual(void **state)
{
    (void)state;
    feed(timer, STATISTIC_P99, LEARNT, 50, 4);
    harness_window(&harness, timer, STATISTIC_P99, 214);
    assert_int_equal(harness.row_count, 1);
    const struct anomaly_row *row = &harness.rows[0];
    assert_false(row->end);
    assert_int_equal(row->type, ANOMALY_HIGH_LATENCY);
    assert_int_equal(row->severity, SEVERITY_CRITICAL);
    assert_true(row->value == 214 && row->mean > 45 && row->mean < 55);
    assert_true(row->lower > 30 && row->lower < 50 && row->upper > 50 && row->upper < 70);
    assert_memory_equal(row->reason, "p99 214 ms, usual ", 18);
    assert_non_null(strstr(row->reason, "\xe2\x80\x93"));
    assert_non_null(strstr(row->reason, ", highest in 8 h"));
    assert_true(detector_reading(harness.detector).score >= 0.5);
    assert_int_equal(harness.active_count, 1);
    harness_window(&harness, timer, STATISTIC_P99, 50);
    assert_int_equal(harness.row_count, 1);
    assert_true(harness.rows[0].end);
    assert_memory_equal(harness.rows[0].reason, "p99 50 is back between ", 23);
    assert_int_equal(harness.active_count, 0);
}

static void a_gauge_that_drops_to_zero_is_called_out(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, LEARNT, 50, 4);
    harness_window(&harness, gauge, STATISTIC_VALUE, 0);
    assert_int_equal(harness.row_count, 1);
    assert_int_equal(harness.rows[0].type, ANOMALY_LOW_VALUE);
    assert_int_equal(harness.rows[0].severity, SEVERITY_CRITICAL);
}

/* Shifts, spikes and calm by turns. */
static double restless(unsigned window)
{
    double level = window / 700 % 3 == 1 ? 180 : 100;
    return level + 5 * noise() + (window % 271 == 0 ? 90 : 0);
}

static void each_start_has_its_end_and_a_score_that_alarms(void **state)
{
    size_t starts = 0;
    bool lasts = false;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        bool started = false;
        harness_window(&harness, gauge, STATISTIC_VALUE, restless(i));
        for (size_t k = 0; k < harness.row_count; k++) {
            assert_true(harness.rows[k].end == lasts);
            lasts = !harness.rows[k].end;
            started |= lasts;
        }
        starts += started;
        assert_true((detector_reading(harness.detector).score >= 0.5) == started);
        assert_int_equal(harness.active_count, lasts);
    }
    assert_in_range(starts, 5, 200);
    assert_int_equal(detector_totals(harness.detector)->starts[SEVERITY_WARNING] +
                         detector_totals(harness.detector)->starts[SEVERITY_CRITICAL],
                     starts);
}

static void a_new_level_becomes_usual(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    assert_int_equal(feed(gauge, STATISTIC_VALUE, 1, 300, 4), 1);
    feed(gauge, STATISTIC_VALUE, 60, 300, 4);
    assert_int_equal(harness.active_count, 0);
}

static void what_has_no_room_is_judged_by_sigma_and_counted(void **state)
{
    (void)state;
    harness.config.anomaly.max_memory_bytes = 1;
    detector_configure(harness.detector, &harness.config);
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    assert_int_equal(detector_state_bytes(harness.detector), 0);
    assert_int_equal(detector_totals(harness.detector)->substitutes, 1);
    harness_window(&harness, gauge, STATISTIC_VALUE, 300);
    assert_int_equal(harness.row_count, 1);
    assert_non_null(strstr(harness.rows[0].reason, "sigma above the usual"));
    harness_open(&harness);
    harness_close(&harness);
    assert_int_equal(detector_totals(harness.detector)->substitutes, 0);
}

static void use_method(enum config_anomaly_method method)
{
    harness.config.anomaly.method = method;
    detector_configure(harness.detector, &harness.config);
}

static void a_change_of_the_method_ends_what_lasts_and_keeps_the_baseline(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    harness_window(&harness, gauge, STATISTIC_VALUE, 300);
    assert_true(detector_state_bytes(harness.detector) > 0);
    use_method(ANOMALY_SIGMA);
    assert_int_equal(detector_state_bytes(harness.detector), 0);
    harness_window(&harness, gauge, STATISTIC_VALUE, 300);
    assert_int_equal(harness.row_count, 2);
    assert_string_equal(harness.rows[0].reason, "the method of detection was changed");
    assert_non_null(strstr(harness.rows[1].reason, "sigma above the usual"));
    assert_true(fabs(harness.rows[1].mean - 100) < 5);
    use_method(ANOMALY_OFF);
    harness_window(&harness, gauge, STATISTIC_VALUE, 300);
    assert_string_equal(harness.rows[0].reason, "detection was switched off");
    use_method(ANOMALY_AUTO);
    assert_int_equal(feed(gauge, STATISTIC_VALUE, AUTO_WARMUP_WINDOWS, 100, 4), 0);
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    assert_int_equal(feed(gauge, STATISTIC_VALUE, 1, 300, 4), 1);
}

static void a_busy_counter_that_stops_is_a_flatline(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, LEARNT, 100, 10);
    harness_idle(&harness, counter);
    assert_int_equal(harness.row_count, 1);
    assert_int_equal(harness.rows[0].type, ANOMALY_FLATLINE);
    harness_window(&harness, counter, STATISTIC_RATE, 100);
    assert_int_equal(harness.row_count, 1);
    assert_true(harness.rows[0].end);
}

/* About eight samples a window, so that none at all comes by chance sooner or later. */
static void a_counter_of_few_samples_may_fall_silent(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        if (i % 200 == 199) {
            harness_idle(&harness, counter);
        } else {
            double count = floor(8 + 2.8 * noise());
            harness_window(&harness, counter, STATISTIC_RATE, fmax(count, 1) / WINDOW_SECONDS);
        }
        for (size_t k = 0; k < harness.row_count; k++) {
            assert_int_not_equal(harness.rows[k].type, ANOMALY_FLATLINE);
        }
    }
}

static void odd_values_are_ignored_and_leave_no_trace(void **state)
{
    static const double odd[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 1e200};
    (void)state;
    for (unsigned i = 0; i < LEARNT; i++) {
        harness_window(&harness, gauge, STATISTIC_VALUE, odd[i % 4]);
        assert_int_equal(harness.row_count, 0);
        feed(gauge, STATISTIC_VALUE, 1, 100, 4);
    }
    assert_int_equal(detector_totals(harness.detector)->ignored, LEARNT);
    assert_true(fabs(detector_reading(harness.detector).upper - 110) < 10);
    assert_int_equal(feed(gauge, STATISTIC_VALUE, 1, 300, 4), 1);
}

static void the_largest_values_break_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        double value = (i % 3 == 0 ? 1e150 : i % 3 == 1 ? -1e150 : 1e-150) * (1 + noise() / 10);
        harness_window(&harness, gauge, STATISTIC_VALUE, fmax(-1e150, fmin(1e150, value)));
        struct detector_reading reading = detector_reading(harness.detector);
        assert_true(reading.score >= 0 && reading.score <= 1);
    }
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
}

static void a_constant_never_alarms(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        harness_window(&harness, gauge, STATISTIC_VALUE, 7);
        assert_int_equal(harness.row_count, 0);
    }
}

static void the_next_series_at_an_index_starts_afresh(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    gauge->generation++;
    assert_int_equal(feed(gauge, STATISTIC_VALUE, AUTO_WARMUP_WINDOWS, 9000, 90), 0);
    detector_forget(harness.detector, METRIC_GAUGE, 0);
    gauge->generation++;
    assert_int_equal(feed(gauge, STATISTIC_VALUE, AUTO_WARMUP_WINDOWS, -5, 1), 0);
}

static void a_series_that_expires_ends_what_it_had(void **state)
{
    (void)state;
    feed(gauge, STATISTIC_VALUE, LEARNT, 100, 4);
    harness_window(&harness, gauge, STATISTIC_VALUE, 300);
    harness_open(&harness);
    detector_forget(harness.detector, METRIC_GAUGE, 0);
    harness_close(&harness);
    assert_int_equal(harness.row_count, 1);
    assert_string_equal(harness.rows[0].reason, "series expired");
}

/* 100 samples a second, so 5 in a twentieth of one, give or take 2.2: 15 are a rate of 300. */
static void a_window_closed_early_alarms_nobody(void **state)
{
    (void)state;
    feed(counter, STATISTIC_RATE, LEARNT, 100, 3.2);
    for (unsigned i = 0; i < 40; i++) {
        double count = fmax(0, floor(5.5 + 2.2 * noise())) + (i == 20 ? 8 : 0);
        harness.window++;
        detector_begin(harness.detector, harness_time(&harness, harness.window), 0.05);
        detector_observe(harness.detector, counter, STATISTIC_RATE, count / 0.05,
                         sqrt(count) / 0.05);
        harness_close(&harness);
        for (size_t k = 0; k < harness.row_count; k++) {
            assert_true(harness.rows[k].end);
        }
        feed(counter, STATISTIC_RATE, 5, 100, 3.2);
    }
}

static void steps_of_the_clock_alarm_nobody(void **state)
{
    static const double steps[] = {-3600, 3 * 86400.0, -20 * 365 * 86400.0, 0, 1e9};
    double stamp = 1767225600;
    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        stamp += i % 1000 == 999 ? steps[i / 1000 % 5] : WINDOW_SECONDS;
        detector_begin(harness.detector, stamp, WINDOW_SECONDS);
        detector_observe(harness.detector, gauge, STATISTIC_VALUE, 100 + 4 * noise(), 0);
        harness_close(&harness);
        for (size_t k = 0; k < harness.row_count && i % 1000 < 20; k++) {
            assert_true(i < 1000);
        }
    }
}

static void states_keep_within_their_budget(void **state)
{
    struct states states = {0};
    size_t chunk = (size_t)STATES_CHUNK_SERIES * 3 * sizeof(struct auto_state);
    (void)state;
    size_t budget = 2 * chunk + 1000;
    struct auto_state *first = states_add(&states, METRIC_TIMER, 0, 2, budget);
    assert_non_null(first);
    assert_ptr_equal(states_find(&states, METRIC_TIMER, 0, 2), first);
    assert_ptr_equal(states_find(&states, METRIC_TIMER, 1, 2), first + 3);
    assert_null(states_find(&states, METRIC_TIMER, STATES_CHUNK_SERIES, 0));
    assert_non_null(states_add(&states, METRIC_TIMER, 5 * STATES_CHUNK_SERIES, 0, budget));
    assert_null(states_add(&states, METRIC_TIMER, STATES_CHUNK_SERIES, 0, budget));
    assert_null(states_add(&states, METRIC_GAUGE, 0, 0, budget));
    assert_null(states_add(&states, METRIC_TIMER, UINT32_MAX / 4, 0, budget));
    assert_true(states.bytes <= budget);
    assert_ptr_equal(states_find(&states, METRIC_TIMER, 0, 2), first);
    states_deinit(&states);
    assert_int_equal(states.bytes, 0);
    assert_null(states_find(&states, METRIC_TIMER, 0, 2));
}

int main(void)
{
#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(a_spike_starts_an_anomaly_and_says_what_is_usual),
        CLAIM(a_gauge_that_drops_to_zero_is_called_out),
        CLAIM(each_start_has_its_end_and_a_score_that_alarms),
        CLAIM(a_new_level_becomes_usual),
        CLAIM(what_has_no_room_is_judged_by_sigma_and_counted),
        CLAIM(a_change_of_the_method_ends_what_lasts_and_keeps_the_baseline),
        CLAIM(a_busy_counter_that_stops_is_a_flatline),
        CLAIM(a_counter_of_few_samples_may_fall_silent),
        CLAIM(odd_values_are_ignored_and_leave_no_trace),
        CLAIM(the_largest_values_break_nothing),
        CLAIM(a_constant_never_alarms),
        CLAIM(the_next_series_at_an_index_starts_afresh),
        CLAIM(a_series_that_expires_ends_what_it_had),
        CLAIM(a_window_closed_early_alarms_nobody),
        CLAIM(steps_of_the_clock_alarm_nobody),
        cmocka_unit_test(states_keep_within_their_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
