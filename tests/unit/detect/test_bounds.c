/* SPDX-License-Identifier: MIT
 *
 * What the detector does at its bounds: lists no more, starts no more, says so, and loses no end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/detect/harness.h"

#define WARMUP 5

static struct harness harness;

static int setup(void **state)
{
    (void)state;
    harness_start(&harness, WARMUP, 60);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    harness_stop(&harness);
    return 0;
}

/* Values around 100 whose deviation is 1.4: limits at 90 and 110 (min_change). */
static double usual(unsigned window)
{
    static const double values[] = {98, 102, 100, 99, 101};
    return values[window % 5];
}

static void lists_at_most_a_thousand_and_the_critical_first(void **state)
{
    (void)state;
    enum { SERIES = 3000 };
    static struct identity *gauges[SERIES];
    for (uint32_t i = 0; i < SERIES; i++) {
        gauges[i] = identity_make(STATSD_GAUGE, "g", i);
    }
    for (unsigned window = 0; window <= WARMUP; window++) {
        harness_open(&harness);
        for (uint32_t i = 0; i < SERIES; i++) {
            double odd = i % 10 == 9 ? 1000 : 150;
            detector_observe(harness.detector, gauges[i], STATISTIC_VALUE,
                             window < WARMUP ? usual(window) : odd, 0);
        }
        harness_close(&harness);
    }
    assert_int_equal(harness.row_count, SERIES);
    assert_int_equal(harness.active_count, DETECTOR_ACTIVE_MAX);
    for (size_t i = 0; i < DETECTOR_ACTIVE_MAX; i++) {
        assert_int_equal(harness.active[i].severity,
                         i < SERIES / 10 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    }
    for (uint32_t i = 0; i < SERIES; i++) {
        free(gauges[i]);
    }
}

static void refuses_and_counts_beyond_the_bound_of_episodes(void **state)
{
    (void)state;
    enum { EPISODES = 65535, SERIES = 66000 };
    struct identity *gauge = identity_make(STATSD_GAUGE, "g", 0);
    for (unsigned window = 0; window < 2 * WARMUP; window++) {
        harness_open(&harness);
        for (uint32_t i = 0; i < SERIES; i++) {
            gauge->index = i;
            detector_observe(harness.detector, gauge, STATISTIC_VALUE, window < WARMUP ? 1 : 100,
                             0);
        }
        harness_close(&harness);
        bool odd = window == WARMUP || window == 2 * WARMUP - 1;
        assert_int_equal(harness.row_count >= EPISODES, odd);
    }
    assert_int_equal(detector_totals(harness.detector)->starts[SEVERITY_CRITICAL], SERIES);
    assert_int_equal(detector_totals(harness.detector)->refused,
                     (SERIES - EPISODES) * (WARMUP - 1));
    free(gauge);
}

static void every_start_has_its_end_at_the_bound_of_rows(void **state)
{
    (void)state;
    enum { SERIES = 140000 };
    struct identity *gauge = identity_make(STATSD_GAUGE, "g", 0);
    harness.config.anomaly.warmup_windows = 1; /* an anomaly ends in the window it starts in */
    detector_configure(harness.detector, &harness.config);
    size_t starts = 0;
    size_t ends = 0;
    for (unsigned window = 0; window < 3; window++) {
        harness_open(&harness);
        for (uint32_t i = 0; i < SERIES; i++) {
            gauge->index = i;
            detector_observe(harness.detector, gauge, STATISTIC_VALUE, window % 2 == 0 ? 1 : 100,
                             0);
        }
        harness_close(&harness);
        for (size_t i = 0; i < harness.row_count; i++) {
            starts += !harness.rows[i].end;
            ends += harness.rows[i].end;
        }
        assert_int_equal(harness.active_count, 0);
    }
    assert_int_equal(starts, ends);
    assert_true(detector_totals(harness.detector)->refused > 0);
    free(gauge);
}

static void memory_grows_with_series_and_is_reported(void **state)
{
    (void)state;
    size_t before = detector_bytes(harness.detector);
    struct identity *timer = identity_make(STATSD_TIMER, "t", 0);
    enum { SERIES = 10240 };
    for (uint32_t i = 0; i < SERIES; i++) {
        timer->index = i;
        harness_window(&harness, timer, STATISTIC_MEAN, 1);
    }
    double a_timer = (double)(detector_bytes(harness.detector) - before) / SERIES;
    assert_true(a_timer >= 57 && a_timer < 58);
    free(timer);
}

int main(void)
{
#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(lists_at_most_a_thousand_and_the_critical_first),
        CLAIM(refuses_and_counts_beyond_the_bound_of_episodes),
        CLAIM(every_start_has_its_end_at_the_bound_of_rows),
        CLAIM(memory_grows_with_series_and_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
