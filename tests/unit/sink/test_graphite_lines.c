/* SPDX-License-Identifier: MIT
 *
 * What rows become for Graphite, where the corpus has no case: which statistics are shown, idle
 * gauges, names. Whole windows are compared in tests/system/test_graphite.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "server/sink/graphite_lines.h"
#include "tests/unit/sink/make_snapshot.h"

/* The window as text; to be freed. */
static char *render(struct graphite_lines *lines, struct snapshot *snapshot)
{
    struct blocks blocks = {0};
    graphite_lines_render(lines, snapshot, &blocks);
    assert_false(blocks.failed);
    char *text = calloc(1, blocks.length + 1);
    assert_non_null(text);
    size_t at = 0;
    for (struct block *block = blocks.first; block; block = block->next) {
        memcpy(text + at, block->bytes, block->length);
        at += block->length;
    }
    blocks_deinit(&blocks);
    return text;
}

static struct graphite_lines *make_lines(const char *const *overrides, size_t count)
{
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = count};
    struct config *config = config_load(&sources, stderr, NULL);
    assert_non_null(config);
    struct graphite_lines *lines = graphite_lines_new(config);
    assert_non_null(lines);
    config_free(config);
    return lines;
}

static void shows_the_statistics_that_are_wanted(void **state)
{
    static const char *const overrides[] = {"graphite.statistics=upper_percent, mean, count_ps"};
    static const double percentiles[] = {1, 2, 3, 4, 5};
    struct graphite_lines *lines = make_lines(overrides, 1);
    struct snapshot *snapshot = make_snapshot(1, 1700000000.5);
    struct timer_row *row = make_timer(snapshot, STATSD_TIMER, "t", "");
    (void)state;
    row->mean = 2.5;
    row->rate = 0.25;
    row->percentiles = percentiles;
    char *text = render(lines, snapshot);
    /* 99.9 ends in `_9` behind `_99`, so that etsy's filter never takes it. */
    assert_string_equal(text, "stats.timers.t.upper_50 1 1700000001\n"
                              "stats.timers.t.upper_90 2 1700000001\n"
                              "stats.timers.t.upper_95 3 1700000001\n"
                              "stats.timers.t.upper_99 4 1700000001\n"
                              "stats.timers.t.count_ps 0.25 1700000001\n"
                              "stats.timers.t.mean 2.5 1700000001\n"
                              "statsd.numStats 1 1700000001\n");
    free(text);
    snapshot_unref(snapshot);
    graphite_lines_free(lines);
}

static void shows_an_idle_gauge_for_as_many_windows_as_told(void **state)
{
    static const char *const overrides[] = {"graphite.delete_gauges=true",
                                            "graphite.gauges_max_ttl=3"};
    struct graphite_lines *lines = make_lines(overrides, 2);
    (void)state;
    for (uint64_t window = 1; window <= 6; window++) {
        struct snapshot *snapshot = make_snapshot(window, 1700000000);
        make_gauge(snapshot, "g", "", 7)->updated = window == 1;
        char *text = render(lines, snapshot);
        assert_int_equal(strstr(text, "stats.gauges.g 7 ") != NULL, window <= 3);
        free(text);
        snapshot_unref(snapshot);
    }
    graphite_lines_free(lines);
}

static void leaves_out_what_is_no_number(void **state)
{
    struct graphite_lines *lines = make_lines(NULL, 0);
    struct snapshot *snapshot = make_snapshot(1, 1700000000);
    (void)state;
    make_gauge(snapshot, "g", "", (double)INFINITY);
    char *text = render(lines, snapshot);
    assert_string_equal(text, "statsd.numStats 1 1700000000\n");
    free(text);
    snapshot_unref(snapshot);
    graphite_lines_free(lines);
}

static void a_name_goes_up_to_its_first_semicolon(void **state)
{
    static const char *const overrides[] = {"graphite.legacy_namespace=false",
                                            "graphite.global_prefix=", "graphite.global_suffix=h"};
    struct graphite_lines *lines = make_lines(overrides, 3);
    struct snapshot *snapshot = make_snapshot(1, 1700000000);
    (void)state;
    make_counter(snapshot, "a;b=c", "", 5);
    char *text = render(lines, snapshot);
    assert_string_equal(text, "counters.a.rate.h;b=c 0.5 1700000000\n"
                              "counters.a.count.h;b=c 5 1700000000\n"
                              "statsd.numStats.h 1 1700000000\n");
    free(text);
    snapshot_unref(snapshot);
    graphite_lines_free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_statistics_that_are_wanted),
        cmocka_unit_test(shows_an_idle_gauge_for_as_many_windows_as_told),
        cmocka_unit_test(leaves_out_what_is_no_number),
        cmocka_unit_test(a_name_goes_up_to_its_first_semicolon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
