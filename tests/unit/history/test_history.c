/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/history/history.h"

#define SERIES 8
#define BEGIN 1000.0
#define WINDOW 10.0

static const double percents[] = {50, 95, 99, 99.9};
static const double percentiles[] = {5, 8, 9, 10};

struct harness {
    struct config config;
    struct history *history;
    struct identity *identities[METRIC_KINDS][SERIES];
    unsigned window; /* the latest */
    struct counter_row counters[SERIES];
    struct gauge_row gauges[SERIES];
    struct timer_row timers[SERIES];
    struct set_row sets[SERIES];
};

static struct identity *make_identity(enum statsd_type type, uint32_t index, uint32_t generation)
{
    char name[] = "series.0";
    name[7] = (char)('0' + index);
    struct identity *identity = calloc(1, identity_bytes_max(strlen(name), NULL, 0));
    assert_non_null(identity);
    identity_init(identity, type, name, strlen(name), NULL, 0);
    identity->index = index;
    identity->generation = generation;
    return identity;
}

static void start(struct harness *harness, uint64_t keep_ms, uint64_t memory_bytes)
{
    static const enum statsd_type types[METRIC_KINDS] = {STATSD_COUNTER, STATSD_GAUGE, STATSD_TIMER,
                                                         STATSD_SET};
    *harness = (struct harness){0};
    harness->config.history.keep_ms = keep_ms;
    harness->config.history.memory_bytes = memory_bytes;
    harness->history = history_new(&harness->config);
    assert_non_null(harness->history);
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t i = 0; i < SERIES; i++) {
            harness->identities[kind][i] = make_identity(types[kind], i, 1);
        }
    }
}

static void stop(struct harness *harness)
{
    history_free(harness->history);
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t i = 0; i < SERIES; i++) {
            free(harness->identities[kind][i]);
        }
    }
}

static double time_of(unsigned window)
{
    return BEGIN + WINDOW * window;
}

static struct snapshot next_window(struct harness *harness)
{
    return (struct snapshot){
        .closed = true,
        .timestamp = time_of(++harness->window),
        .window_seconds = WINDOW,
        .percents = percents,
        .percentile_count = 4,
        .counters = harness->counters,
        .gauges = harness->gauges,
        .timers = harness->timers,
        .sets = harness->sets,
    };
}

/* A window with counters whose rate is 100 times the window plus the index. */
static void add_counters(struct harness *harness, size_t count)
{
    struct snapshot snapshot = next_window(harness);
    for (size_t i = 0; i < count; i++) {
        harness->counters[i] = (struct counter_row){
            .identity = harness->identities[METRIC_COUNTER][i],
            .rate = 100.0 * harness->window + (double)i,
            .updated = true,
        };
    }
    snapshot.counter_count = count;
    history_add(harness->history, &snapshot);
}

static struct history_range all(struct harness *harness)
{
    return history_find(harness->history, 0, (double)INFINITY, HISTORY_WINDOWS_MAX);
}

static size_t read_rate(struct harness *harness, const struct history_range *range, uint32_t index,
                        double *values)
{
    return history_read(harness->history, range, harness->identities[METRIC_COUNTER][index],
                        STATISTIC_RATE, values);
}

static void off_keeps_nothing(void **state)
{
    struct harness harness;
    struct history_figures figures;
    (void)state;
    start(&harness, 0, 1 << 20);
    add_counters(&harness, SERIES);
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows + figures.bytes + figures.dropped, 0);
    assert_int_equal(all(&harness).count, 0);
    stop(&harness);
}

static void every_statistic_comes_back_from_where_it_was_put(void **state)
{
    struct harness harness;
    (void)state;
    start(&harness, 3600000, 1 << 20);
    struct snapshot snapshot = next_window(&harness);
    for (size_t i = 0; i < SERIES; i++) {
        double value = (double)i;
        harness.counters[i] = (struct counter_row){
            .identity = harness.identities[METRIC_COUNTER][i], .rate = value, .updated = true};
        harness.gauges[i] =
            (struct gauge_row){.identity = harness.identities[METRIC_GAUGE][i], .value = -value};
        harness.timers[i] = (struct timer_row){.identity = harness.identities[METRIC_TIMER][i],
                                               .rate = value + 20,
                                               .mean = value + 30,
                                               .max = value + 70,
                                               .percentiles = percentiles,
                                               .updated = true};
        harness.sets[i] = (struct set_row){
            .identity = harness.identities[METRIC_SET][i], .unique = value + 40, .updated = true};
    }
    snapshot.counter_count = snapshot.gauge_count = SERIES;
    snapshot.timer_count = snapshot.set_count = SERIES;
    history_add(harness.history, &snapshot);
    struct history_range range = all(&harness);
    assert_int_equal(range.count, 1);
    for (size_t i = 0; i < SERIES; i++) {
        static const struct {
            enum metric_kind kind;
            enum statistic statistic;
            double offset, factor;
        } expected[] = {
            {METRIC_COUNTER, STATISTIC_RATE, 0, 1}, {METRIC_GAUGE, STATISTIC_VALUE, 0, -1},
            {METRIC_TIMER, STATISTIC_RATE, 20, 1},  {METRIC_TIMER, STATISTIC_MEAN, 30, 1},
            {METRIC_TIMER, STATISTIC_P99, 9, 0},    {METRIC_SET, STATISTIC_UNIQUE, 40, 1},
        };
        for (size_t j = 0; j < sizeof(expected) / sizeof(expected[0]); j++) {
            double value = 0;
            assert_int_equal(history_read(harness.history, &range,
                                          harness.identities[expected[j].kind][i],
                                          expected[j].statistic, &value),
                             1);
            assert_true(value == expected[j].offset + expected[j].factor * (double)i);
        }
    }
    double untouched = 7;
    assert_int_equal(history_read(harness.history, &range, harness.identities[METRIC_SET][0],
                                  STATISTIC_MEAN, &untouched),
                     0);
    assert_int_equal(history_read_timer(harness.history, &range, harness.identities[METRIC_SET][0],
                                        HISTORY_TIMER_MAX, &untouched),
                     0);
    assert_true(untouched == 7);
    stop(&harness);
}

static size_t read_timer(struct harness *harness, const struct history_range *range,
                         enum history_timer figure, double *values)
{
    return history_read_timer(harness->history, range, harness->identities[METRIC_TIMER][1], figure,
                              values);
}

/* Two timers, the second of which has no samples in the second window; then without p95. */
static void percentiles_and_maxima_of_timers_are_kept_as_they_are_configured(void **state)
{
    struct harness harness;
    double values[3];
    (void)state;
    start(&harness, 3600000, 1 << 20);
    for (unsigned window = 0; window < 3; window++) {
        struct snapshot snapshot = next_window(&harness);
        static const double other_percents[] = {50};
        for (size_t i = 0; i < 2; i++) {
            harness.timers[i] = (struct timer_row){.identity = harness.identities[METRIC_TIMER][i],
                                                   .max = 100.0 * window + (double)i,
                                                   .percentiles = percentiles,
                                                   .updated = i == 0 || window != 1};
        }
        snapshot.timer_count = 2;
        if (window == 2) {
            snapshot.percents = other_percents;
            snapshot.percentile_count = 1;
        }
        history_add(harness.history, &snapshot);
    }
    struct history_range range = all(&harness);
    assert_int_equal(range.count, 3);
    assert_int_equal(read_timer(&harness, &range, HISTORY_TIMER_P50, values), 2);
    assert_true(values[0] == 5 && isnan(values[1]) && values[2] == 5);
    assert_int_equal(read_timer(&harness, &range, HISTORY_TIMER_P95, values), 1);
    assert_true(values[0] == 8 && isnan(values[1]) && isnan(values[2]));
    assert_int_equal(read_timer(&harness, &range, HISTORY_TIMER_MAX, values), 2);
    assert_true(values[0] == 1 && isnan(values[1]) && values[2] == 201);
    stop(&harness);
}

static void idle_windows_and_those_before_a_series_are_no_numbers(void **state)
{
    struct harness harness;
    double values[4];
    (void)state;
    start(&harness, 3600000, 1 << 20);
    add_counters(&harness, 1);
    add_counters(&harness, 3);
    struct snapshot snapshot = next_window(&harness);
    harness.counters[2].updated = false;
    snapshot.counter_count = 3;
    history_add(harness.history, &snapshot);
    add_counters(&harness, 3);
    struct history_range range = all(&harness);
    assert_int_equal(range.count, 4);
    assert_int_equal(read_rate(&harness, &range, 2, values), 2);
    assert_true(isnan(values[0]) && values[1] == 202 && isnan(values[2]) && values[3] == 402);
    assert_int_equal(read_rate(&harness, &range, 7, values), 0);
    assert_true(isnan(values[3]));
    stop(&harness);
}

static void an_index_used_again_does_not_show_the_earlier_series(void **state)
{
    struct harness harness;
    double values[4];
    (void)state;
    start(&harness, 3600000, 1 << 20);
    add_counters(&harness, 2);
    add_counters(&harness, 2);
    struct identity *before = harness.identities[METRIC_COUNTER][1];
    harness.identities[METRIC_COUNTER][1] = make_identity(STATSD_COUNTER, 1, 2);
    add_counters(&harness, 2);
    add_counters(&harness, 2);
    struct history_range range = all(&harness);
    assert_int_equal(read_rate(&harness, &range, 1, values), 2);
    assert_true(isnan(values[0]) && isnan(values[1]) && values[2] == 301 && values[3] == 401);
    assert_int_equal(history_read(harness.history, &range, before, STATISTIC_RATE, values), 0);
    free(before);
    stop(&harness);
}

/* 200 windows of which 30 are kept: the ring goes round several times. */
static void windows_leave_when_they_are_older_than_keep(void **state)
{
    struct harness harness;
    struct history_figures figures;
    double values[64], ends[64], seconds[64];
    (void)state;
    start(&harness, 300000, 1 << 20);
    for (unsigned i = 0; i < 200; i++) {
        add_counters(&harness, SERIES);
    }
    struct history_range range = all(&harness);
    assert_int_equal(range.count, 30);
    history_stamps(harness.history, &range, ends, seconds);
    assert_int_equal(read_rate(&harness, &range, 5, values), 30);
    for (unsigned i = 0; i < 30; i++) {
        assert_true(ends[i] == time_of(171 + i) && seconds[i] == WINDOW);
        assert_true(values[i] == 100.0 * (171 + i) + 5);
    }
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows, 30);
    assert_int_equal(figures.dropped, 0);
    assert_true(figures.from == time_of(170));
    stop(&harness);
}

static void memory_is_a_bound_that_drops_and_counts_the_oldest(void **state)
{
    struct harness harness;
    struct history_figures figures;
    (void)state;
    start(&harness, 3600000, 2000);
    for (unsigned i = 0; i < 100; i++) {
        add_counters(&harness, SERIES);
        history_figures(harness.history, &figures);
        assert_true(figures.bytes <= 2000);
        assert_int_equal(figures.windows + figures.dropped, i + 1);
    }
    assert_in_range(figures.windows, 2, 20);
    assert_true(figures.from == time_of(100 - (unsigned)figures.windows));
    stop(&harness);
}

static void a_window_larger_than_the_memory_is_not_kept(void **state)
{
    struct harness harness;
    struct history_figures figures;
    (void)state;
    start(&harness, 3600000, 16);
    add_counters(&harness, SERIES);
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows, 0);
    assert_int_equal(figures.dropped, 1);
    stop(&harness);
}

static void a_range_has_the_windows_that_end_in_it_the_latest_first(void **state)
{
    struct harness harness;
    double ends[3];
    (void)state;
    start(&harness, 3600000, 1 << 20);
    for (unsigned i = 0; i < 100; i++) {
        add_counters(&harness, 1);
    }
    assert_int_equal(history_find(harness.history, time_of(10), time_of(20), 100).count, 10);
    struct history_range few = history_find(harness.history, time_of(10), time_of(20), 3);
    assert_int_equal(few.count, 3);
    history_stamps(harness.history, &few, ends, NULL);
    assert_true(ends[0] == time_of(18) && ends[2] == time_of(20));
    assert_int_equal(history_find(harness.history, time_of(200), time_of(300), 100).count, 0);
    assert_int_equal(history_find(harness.history, time_of(20), time_of(10), 100).count, 0);
    stop(&harness);
}

static void what_left_since_it_was_found_is_no_number(void **state)
{
    struct harness harness;
    double values[30], ends[30];
    (void)state;
    start(&harness, 300000, 1 << 20);
    for (unsigned i = 0; i < 30; i++) {
        add_counters(&harness, 1);
    }
    struct history_range range = all(&harness);
    for (unsigned i = 0; i < 10; i++) {
        add_counters(&harness, 1);
    }
    assert_int_equal(read_rate(&harness, &range, 0, values), 20);
    history_stamps(harness.history, &range, ends, NULL);
    assert_true(isnan(values[9]) && isnan(ends[9]) && values[10] == 1100 &&
                ends[10] == time_of(11));
    stop(&harness);
}

static void turning_it_off_frees_what_there_was(void **state)
{
    struct harness harness;
    struct history_figures figures;
    (void)state;
    start(&harness, 3600000, 1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        add_counters(&harness, SERIES);
    }
    harness.config.history.keep_ms = 0;
    history_configure(harness.history, &harness.config);
    add_counters(&harness, SERIES);
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows + figures.bytes, 0);
    harness.config.history.keep_ms = 60000;
    history_configure(harness.history, &harness.config);
    add_counters(&harness, SERIES);
    assert_int_equal(all(&harness).count, 1);
    stop(&harness);
}

static void the_short_window_of_a_stop_is_left_out(void **state)
{
    struct harness harness;
    (void)state;
    start(&harness, 3600000, 1 << 20);
    struct snapshot snapshot = next_window(&harness);
    snapshot.final = true;
    history_add(harness.history, &snapshot);
    assert_int_equal(all(&harness).count, 0);
    stop(&harness);
}

/* Ten windows, then the third once more: those before it stay. */
static void a_clock_set_back_takes_the_windows_whose_time_comes_again(void **state)
{
    struct harness harness;
    (void)state;
    start(&harness, 3600000, 1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        add_counters(&harness, 1);
    }
    harness.window = 2;
    add_counters(&harness, 1);
    struct history_range range = all(&harness);
    struct history_figures figures;
    double ends[16], values[16];
    assert_in_range(range.count, 3, 16);
    history_stamps(harness.history, &range, ends, NULL);
    assert_int_equal(read_rate(&harness, &range, 0, values), 3);
    assert_true(ends[0] == time_of(1) && ends[1] == time_of(2));
    assert_true(ends[range.count - 1] == time_of(3) && values[range.count - 1] == 300);
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows, 3);
    harness.window = 0;
    add_counters(&harness, 1);
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows, 1);
    assert_true(figures.from == BEGIN);
    for (unsigned i = 0; i < 400; i++) {
        add_counters(&harness, 1);
    }
    history_figures(harness.history, &figures);
    assert_int_equal(figures.windows, 360);
    stop(&harness);
}

static void *read_on(void *context)
{
    struct harness *harness = context;
    double values[64];
    for (unsigned i = 0; i < 2000; i++) {
        struct history_range range = history_find(harness->history, 0, (double)INFINITY, 64);
        read_rate(harness, &range, 3, values);
        for (size_t j = 0; j < range.count; j++) {
            assert_true(isnan(values[j]) || fmod(values[j], 100) == 3);
        }
    }
    return NULL;
}

static void a_reader_beside_the_writer_sees_whole_windows(void **state)
{
    struct harness harness;
    pthread_t reader;
    (void)state;
    start(&harness, 300000, 1 << 20);
    add_counters(&harness, SERIES);
    assert_int_equal(pthread_create(&reader, NULL, read_on, &harness), 0);
    for (unsigned i = 0; i < 2000; i++) {
        add_counters(&harness, SERIES);
    }
    pthread_join(reader, NULL);
    stop(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_keeps_nothing),
        cmocka_unit_test(every_statistic_comes_back_from_where_it_was_put),
        cmocka_unit_test(percentiles_and_maxima_of_timers_are_kept_as_they_are_configured),
        cmocka_unit_test(idle_windows_and_those_before_a_series_are_no_numbers),
        cmocka_unit_test(an_index_used_again_does_not_show_the_earlier_series),
        cmocka_unit_test(windows_leave_when_they_are_older_than_keep),
        cmocka_unit_test(memory_is_a_bound_that_drops_and_counts_the_oldest),
        cmocka_unit_test(a_window_larger_than_the_memory_is_not_kept),
        cmocka_unit_test(a_range_has_the_windows_that_end_in_it_the_latest_first),
        cmocka_unit_test(what_left_since_it_was_found_is_no_number),
        cmocka_unit_test(turning_it_off_frees_what_there_was),
        cmocka_unit_test(the_short_window_of_a_stop_is_left_out),
        cmocka_unit_test(a_clock_set_back_takes_the_windows_whose_time_comes_again),
        cmocka_unit_test(a_reader_beside_the_writer_sees_whole_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
