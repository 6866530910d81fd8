/* SPDX-License-Identifier: MIT
 *
 * The detector with a history beside it: gauges by made snapshots, all of them watched for slow
 * trends for the worse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/detector.h"
#include "server/detect/trend_watch.h"
#include "server/history/history.h"
#include "tests/unit/random.h"

#define WINDOW 10.0

static char memory_word[] = "mem";
static char *memory_words[] = {memory_word};

struct harness {
    struct config config;
    struct history *history;
    struct detector *detector;
    struct identity *identity;
    unsigned window;
    unsigned starts, ends;
    size_t active;
    struct anomaly_row latest; /* of severity info */
};

static void start(struct harness *harness, const char *name)
{
    *harness = (struct harness){
        .config = {.anomaly = {.method = ANOMALY_SIGMA,
                               .sigma = 3,
                               .history_windows = 60,
                               .warmup_windows = 20,
                               .min_change = 0.1,
                               .memory = {memory_words, 1}},
                   .history = {.keep_ms = 86400000, .memory_bytes = 1 << 24}},
    };
    harness->history = history_new(&harness->config);
    harness->detector = detector_new(&harness->config);
    assert_true(detector_watch_trends(harness->detector, harness->history));
    size_t length = strlen(name);
    harness->identity = calloc(1, identity_bytes_max(length, NULL, 0));
    identity_init(harness->identity, STATSD_GAUGE, name, length, NULL, 0);
    harness->identity->generation = 1;
}

static void stop(struct harness *harness)
{
    detector_free(harness->detector);
    history_free(harness->history);
    free(harness->identity);
}

static void count(struct harness *harness, const struct anomaly_row *rows, size_t row_count)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].severity == SEVERITY_INFO) {
            harness->starts += !rows[i].end;
            harness->ends += rows[i].end;
            harness->latest = rows[i];
        }
    }
}

static void end_window(struct harness *harness)
{
    const struct anomaly_row *rows, *active;
    size_t row_count, active_count;
    detector_end(harness->detector, &rows, &row_count, &active, &active_count);
    count(harness, rows, row_count);
    harness->active = 0;
    for (size_t i = 0; i < active_count; i++) {
        harness->active += active[i].severity == SEVERITY_INFO;
    }
}

static void window(struct harness *harness, double value)
{
    double timestamp = 1e9 + WINDOW * ++harness->window;
    detector_begin(harness->detector, timestamp, WINDOW);
    detector_observe(harness->detector, harness->identity, STATISTIC_VALUE, value, 0);
    end_window(harness);
    struct gauge_row row = {.identity = harness->identity, .value = value, .updated = true};
    struct snapshot snapshot = {.closed = true,
                                .timestamp = timestamp,
                                .window_seconds = WINDOW,
                                .gauges = &row,
                                .gauge_count = 1};
    history_add(harness->history, &snapshot);
}

/* From `from`, by `step` a window, with a little noise. */
static void windows(struct harness *harness, unsigned number, double from, double step)
{
    static uint64_t seed = 7;
    for (unsigned i = 0; i < number; i++) {
        double noise = (double)(random_next(&seed) % 1000) / 1000 - 0.5;
        window(harness, from + step * i + noise);
    }
}

static void a_memory_that_grows_slowly_is_told_of_once(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    windows(&harness, 3 * TREND_WATCH_TURNS, 100, 0.1);
    assert_int_equal(harness.starts, 1);
    assert_int_equal(harness.ends, 0);
    assert_int_equal(harness.active, 1);
    assert_int_equal(harness.latest.type, ANOMALY_HIGH_MEMORY);
    assert_true(harness.latest.lower < harness.latest.upper);
    assert_non_null(strstr(harness.latest.reason, "value rises by "));
    stop(&harness);
}

static void it_ends_when_it_is_level_again(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    windows(&harness, 2 * TREND_WATCH_TURNS, 100, 0.1);
    assert_int_equal(harness.starts, 1);
    windows(&harness, TREND_WATCH_WINDOWS_MAX + TREND_WATCH_TURNS, 151, 0);
    assert_int_equal(harness.ends, 1);
    assert_int_equal(harness.active, 0);
    assert_non_null(strstr(harness.latest.reason, "no longer a trend"));
    stop(&harness);
}

static void it_ends_when_it_gets_better(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    windows(&harness, 2 * TREND_WATCH_TURNS, 100, 0.1);
    assert_int_equal(harness.starts, 1);
    /* At the next look it falls already, and was never level. */
    windows(&harness, TREND_WATCH_TURNS, 60, -0.1);
    assert_int_equal(harness.starts, 1);
    assert_int_equal(harness.ends, 1);
    assert_int_equal(harness.active, 0);
    stop(&harness);
}

static void what_falls_or_says_nothing_or_is_level_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double from, step;
    } cases[] = {{"app.mem", 200, -0.1}, {"app.queue", 100, 0.1}, {"app.mem", 100, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct harness harness;
        start(&harness, cases[i].name);
        windows(&harness, 3 * TREND_WATCH_TURNS, cases[i].from, cases[i].step);
        assert_int_equal(harness.starts, 0);
        stop(&harness);
    }
}

static void it_ends_with_its_series(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    windows(&harness, 2 * TREND_WATCH_TURNS, 100, 0.1);
    detector_begin(harness.detector, 2e9, WINDOW);
    detector_forget(harness.detector, METRIC_GAUGE, 0);
    end_window(&harness);
    assert_int_equal(harness.ends, 1);
    assert_int_equal(harness.active, 0);
    stop(&harness);
}

static void it_ends_when_nothing_is_known_for_long(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    windows(&harness, 2 * TREND_WATCH_TURNS, 100, 0.1);
    for (unsigned i = 0; i <= TREND_WATCH_PATIENCE + 1; i++) {
        detector_begin(harness.detector, 1e9 + WINDOW * ++harness.window, WINDOW);
        end_window(&harness);
    }
    assert_int_equal(harness.ends, 1);
    stop(&harness);
}

static void without_a_history_nothing_is_looked_at(void **state)
{
    (void)state;
    struct harness harness;
    start(&harness, "app.mem");
    harness.config.history.keep_ms = 0;
    history_configure(harness.history, &harness.config);
    windows(&harness, 3 * TREND_WATCH_TURNS, 100, 0.1);
    assert_int_equal(harness.starts, 0);
    stop(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memory_that_grows_slowly_is_told_of_once),
        cmocka_unit_test(it_ends_when_it_is_level_again),
        cmocka_unit_test(it_ends_when_it_gets_better),
        cmocka_unit_test(what_falls_or_says_nothing_or_is_level_is_not),
        cmocka_unit_test(it_ends_with_its_series),
        cmocka_unit_test(it_ends_when_nothing_is_known_for_long),
        cmocka_unit_test(without_a_history_nothing_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
