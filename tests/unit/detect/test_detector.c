/* SPDX-License-Identifier: MIT
 *
 * The life of an anomaly: when it starts, goes on, changes sides and ends, and what a silent series
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/detect/harness.h"

#define WARMUP 5

/* Values around 100 whose deviation is 1.4: limits at 90 and 110 (min_change). */
static double usual(unsigned window)
{
    static const double values[] = {98, 102, 100, 99, 101};
    return values[window % 5];
}

static void learn(struct harness *harness, const struct identity *identity,
                  enum statistic statistic, unsigned windows)
{
    for (unsigned i = 0; i < windows; i++) {
        harness_window(harness, identity, statistic, usual(i));
        assert_int_equal(harness->row_count, 0);
    }
}

struct world {
    struct harness harness;
    struct identity *gauge;
    struct identity *counter;
    struct identity *timer;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    harness_start(&world->harness, WARMUP, 60);
    world->gauge = identity_make(STATSD_GAUGE, "queue.length", 0);
    world->counter = identity_make(STATSD_COUNTER, "requests", 0);
    world->timer = identity_make(STATSD_TIMER, "request.time", 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    harness_stop(&world->harness);
    free(world->gauge);
    free(world->counter);
    free(world->timer);
    free(world);
    return 0;
}

static void starts_with_the_first_window_after_warmup(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, WARMUP - 1);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 1000); /* still warming up: learnt */
    assert_int_equal(harness->row_count, 0);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 1e6);
    assert_int_equal(harness->row_count, 1);
    const struct anomaly_row *row = &harness->rows[0];
    assert_ptr_equal(row->identity, world->gauge);
    assert_int_equal(row->statistic, STATISTIC_VALUE);
    assert_int_equal(row->type, ANOMALY_HIGH_VALUE);
    assert_int_equal(row->severity, SEVERITY_CRITICAL);
    assert_false(row->end);
    assert_true(row->since == harness_time(harness, WARMUP + 1));
    assert_true(row->value == 1e6);
    assert_int_equal(detector_totals(harness->detector)->starts[SEVERITY_CRITICAL], 1);
}

static void one_row_at_the_start_and_one_at_the_end(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->timer, STATISTIC_MEAN, 20);
    harness_window(harness, world->timer, STATISTIC_MEAN, 214);
    assert_int_equal(harness->row_count, 1);
    assert_string_equal(harness->rows[0].reason,
                        "mean 214 is 80.6 sigma above the usual 100 (limit 110)");
    assert_int_equal(harness->rows[0].type, ANOMALY_HIGH_LATENCY);
    assert_int_equal(harness->rows[0].severity, SEVERITY_WARNING);
    harness_window(harness, world->timer, STATISTIC_MEAN, 213);
    assert_int_equal(harness->row_count, 0);
    assert_int_equal(harness->active_count, 1);
    harness_window(harness, world->timer, STATISTIC_MEAN, 104);
    assert_int_equal(harness->row_count, 1);
    assert_int_equal(harness->active_count, 0);
    const struct anomaly_row *row = &harness->rows[0];
    assert_true(row->end);
    assert_int_equal(row->type, ANOMALY_HIGH_LATENCY);
    assert_true(row->since == harness_time(harness, 21));
    assert_true(row->value == 104);
    assert_string_equal(row->reason, "mean 104 is back between 90 and 110");
    harness_window(harness, world->timer, STATISTIC_MEAN, 104);
    assert_int_equal(harness->row_count, 0);
}

static void deviating_windows_are_not_learnt(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    for (unsigned i = 0; i < 200; i++) {
        harness_window(harness, world->gauge, STATISTIC_VALUE, 500);
        assert_true(harness->rows[0].mean == 100);
        assert_true(fabs(harness->rows[0].stddev - sqrt(2)) < 1e-6 || i > 0);
        harness_window(harness, world->gauge, STATISTIC_VALUE, 100);
        assert_int_equal(harness->row_count, 1);
        assert_true(harness->rows[0].end);
    }
}

static void severity_rises_and_does_not_fall(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 120);
    assert_int_equal(harness->active[0].severity, SEVERITY_WARNING);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 300);
    assert_int_equal(harness->row_count, 0);
    assert_int_equal(harness->active[0].severity, SEVERITY_CRITICAL);
    assert_true(harness->active[0].value == 300);
    assert_string_equal(harness->active[0].reason,
                        "value 300 is 141.4 sigma above the usual 100 (limit 110)");
    harness_window(harness, world->gauge, STATISTIC_VALUE, 120);
    assert_int_equal(harness->active[0].severity, SEVERITY_CRITICAL);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 100);
    assert_int_equal(harness->rows[0].severity, SEVERITY_CRITICAL);
    const struct detector_totals *totals = detector_totals(harness->detector);
    assert_int_equal(totals->starts[SEVERITY_WARNING], 1);
    assert_int_equal(totals->starts[SEVERITY_CRITICAL], 0);
}

static void restarts_after_warmup_windows_on_one_side(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    for (unsigned i = 0; i < WARMUP; i++) {
        assert_int_equal(harness->active_count, i > 0);
        harness_window(harness, world->gauge, STATISTIC_VALUE, 2 * usual(i));
    }
    assert_int_equal(harness->row_count, 1);
    assert_true(harness->rows[0].end);
    assert_true(harness->rows[0].mean == 100); /* the baseline before this window */
    assert_string_equal(harness->rows[0].reason,
                        "value was above the usual 100 for 5 windows: 200 is the new usual");
    assert_int_equal(harness->active_count, 0);
    /* Judged by the new level at once. */
    harness_window(harness, world->gauge, STATISTIC_VALUE, 219);
    assert_int_equal(harness->row_count, 0);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 100);
    assert_int_equal(harness->row_count, 1);
    assert_int_equal(harness->rows[0].type, ANOMALY_LOW_VALUE);
    assert_false(harness->rows[0].end);
}

static void sides_that_alternate_do_not_restart(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    for (unsigned i = 0; i < 4 * WARMUP; i++) {
        harness_window(harness, world->gauge, STATISTIC_VALUE, i % 2 == 0 ? 200 : 20);
        const struct anomaly_row *start = &harness->rows[harness->row_count - 1];
        assert_false(start->end);
        assert_int_equal(start->type, i % 2 == 0 ? ANOMALY_HIGH_VALUE : ANOMALY_LOW_VALUE);
        assert_true(start->mean == 100);
        if (i > 0) {
            assert_int_equal(harness->row_count, 2);
            assert_true(harness->rows[0].end);
            assert_string_equal(harness->rows[0].reason,
                                i % 2 == 0 ? "value 200 is no longer below but above the usual 100"
                                           : "value 20 is no longer above but below the usual 100");
        }
    }
    assert_int_equal(harness->active_count, 1);
}

static void a_window_inside_breaks_the_run(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    for (unsigned i = 0; i < 10 * WARMUP; i++) {
        bool inside = i % WARMUP == WARMUP - 1;
        harness_window(harness, world->gauge, STATISTIC_VALUE, inside ? 100 : 200);
        assert_int_equal(harness->active_count, !inside);
    }
}

static void identical_values_never_have_a_row(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    static const double values[] = {0.1, 1e15, 0, -7.3, 1e-12, 1.0 / 3};
    harness->config.anomaly.min_change = 0;
    detector_configure(harness->detector, &harness->config);
    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct identity *gauge = identity_make(STATSD_GAUGE, "constant", i + 1);
        for (unsigned window = 0; window < 2000; window++) {
            harness_window(harness, gauge, STATISTIC_VALUE, values[i]);
            assert_int_equal(harness->row_count, 0);
        }
        free(gauge);
    }
}

static void any_change_beyond_min_change_of_a_constant_is_called_out(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    for (unsigned i = 0; i < 20; i++) {
        harness_window(harness, world->gauge, STATISTIC_VALUE, 40);
    }
    harness_window(harness, world->gauge, STATISTIC_VALUE, 44.5);
    assert_int_equal(harness->row_count, 1);
    assert_true(harness->rows[0].stddev == 0);
    assert_true(harness->rows[0].upper == 44);
    assert_string_equal(harness->rows[0].reason,
                        "value 44.5 is above the usual 40, which did not vary (limit 44)");
}

static void noise_floor_is_respected_and_reported(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->counter, STATISTIC_RATE, 20);
    harness_open(harness);
    detector_observe(harness->detector, world->counter, STATISTIC_RATE, 130, 10);
    harness_close(harness);
    assert_int_equal(harness->row_count, 0);
    harness_open(harness);
    detector_observe(harness->detector, world->counter, STATISTIC_RATE, 140, 10);
    harness_close(harness);
    assert_int_equal(harness->row_count, 1);
    const struct anomaly_row *row = &harness->rows[0];
    assert_true(row->stddev == 10);
    assert_true(row->upper == row->mean + 30);
    assert_true(row->lower == row->mean - 30);
}

static void values_that_are_not_finite_are_ignored(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e300,
                                    -1e300};
    for (size_t i = 0; i < 5; i++) {
        harness_window(harness, world->gauge, STATISTIC_VALUE, values[i]);
        assert_int_equal(harness->row_count, 0);
    }
    assert_int_equal(detector_totals(harness->detector)->ignored, 5);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 200);
    assert_true(harness->rows[0].mean == 100);
}

static void a_series_of_a_reused_index_starts_afresh(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 200);
    struct identity *next = identity_make(STATSD_GAUGE, "another", 0);
    next->generation = 2;
    for (unsigned i = 0; i < 20; i++) {
        harness_window(harness, next, STATISTIC_VALUE, 900);
        assert_int_equal(harness->row_count, 0);
        assert_int_equal(harness->active_count, 0);
    }
    harness_window(harness, next, STATISTIC_VALUE, 100);
    assert_true(harness->rows[0].mean == 900);
    free(next);
}

static void a_forgotten_series_ends_what_lasts(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->timer, STATISTIC_MEAN, 20);
    harness_window(harness, world->timer, STATISTIC_MEAN, 214);
    harness_open(harness);
    detector_forget(harness->detector, METRIC_TIMER, 0);
    detector_forget(harness->detector, METRIC_TIMER, 4000000);
    harness_close(harness);
    assert_int_equal(harness->row_count, 1);
    assert_int_equal(harness->active_count, 0);
    assert_true(harness->rows[0].end);
    assert_string_equal(harness->rows[0].reason, "series expired");
    assert_ptr_equal(harness->rows[0].identity, world->timer);
    harness_window(harness, world->timer, STATISTIC_MEAN, 9000);
    assert_int_equal(harness->row_count, 0);
}

static void rows_of_a_series_forgotten_between_windows_go_with_the_next(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->timer, STATISTIC_MEAN, 20);
    harness_window(harness, world->timer, STATISTIC_MEAN, 214);
    detector_forget(harness->detector, METRIC_TIMER, 0);
    harness_open(harness);
    harness_close(harness);
    assert_int_equal(harness->row_count, 1);
    assert_true(harness->rows[0].end);
    harness_open(harness);
    harness_close(harness);
    assert_int_equal(harness->row_count, 0);
}

static void statistics_of_a_timer_are_judged_apart(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    static const enum statistic statistics[] = {STATISTIC_MEAN, STATISTIC_P99, STATISTIC_RATE};
    for (unsigned window = 0; window < 20; window++) {
        harness_open(harness);
        for (unsigned i = 0; i < 3; i++) {
            detector_observe(harness->detector, world->timer, statistics[i],
                             (i + 1) * usual(window), 0);
        }
        harness_close(harness);
        assert_int_equal(harness->row_count, 0);
    }
    harness_open(harness);
    for (unsigned i = 0; i < 3; i++) {
        detector_observe(harness->detector, world->timer, statistics[i], (i + 1) * 300, 0);
    }
    harness_close(harness);
    assert_int_equal(harness->row_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(harness->rows[i].statistic, statistics[i]);
        assert_true(harness->rows[i].mean == (i + 1) * 100);
        assert_int_equal(harness->rows[i].severity, SEVERITY_CRITICAL);
    }
}

static void reload_keeps_baselines(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    harness->config.anomaly.min_change = 0.5;
    detector_configure(harness->detector, &harness->config);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 149);
    assert_int_equal(harness->row_count, 0);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 400);
    assert_int_equal(harness->row_count, 1);
    /* A longer warmup does not end what lasts. */
    harness->config.anomaly.warmup_windows = 100;
    detector_configure(harness->detector, &harness->config);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 400);
    assert_int_equal(harness->row_count, 0);
    assert_int_equal(harness->active_count, 1);
}

static void switching_off_ends_what_lasts(void **state)
{
    struct world *world = *state;
    struct harness *harness = &world->harness;
    learn(harness, world->gauge, STATISTIC_VALUE, 20);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 400);
    harness->config.anomaly.method = ANOMALY_OFF;
    detector_configure(harness->detector, &harness->config);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 400);
    assert_int_equal(harness->row_count, 1);
    assert_string_equal(harness->rows[0].reason, "detection was switched off");
    harness->config.anomaly.method = ANOMALY_SIGMA;
    detector_configure(harness->detector, &harness->config);
    harness_window(harness, world->gauge, STATISTIC_VALUE, 400);
    assert_int_equal(harness->row_count, 1);
    assert_true(harness->rows[0].mean == 100);
}

int main(void)
{
#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(starts_with_the_first_window_after_warmup),
        CLAIM(one_row_at_the_start_and_one_at_the_end),
        CLAIM(deviating_windows_are_not_learnt),
        CLAIM(severity_rises_and_does_not_fall),
        CLAIM(restarts_after_warmup_windows_on_one_side),
        CLAIM(sides_that_alternate_do_not_restart),
        CLAIM(a_window_inside_breaks_the_run),
        CLAIM(identical_values_never_have_a_row),
        CLAIM(any_change_beyond_min_change_of_a_constant_is_called_out),
        CLAIM(noise_floor_is_respected_and_reported),
        CLAIM(values_that_are_not_finite_are_ignored),
        CLAIM(a_series_of_a_reused_index_starts_afresh),
        CLAIM(a_forgotten_series_ends_what_lasts),
        CLAIM(rows_of_a_series_forgotten_between_windows_go_with_the_next),
        CLAIM(statistics_of_a_timer_are_judged_apart),
        CLAIM(reload_keeps_baselines),
        CLAIM(switching_off_ends_what_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
