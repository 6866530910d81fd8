/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/random.h"
#include "tests/unit/report/made.h"

static uint64_t seed = 7;

static double noise(void)
{
    return (double)(random_next(&seed) >> 11) * 0x1p-53 - 0.5;
}

static double steady(size_t point)
{
    (void)point;
    return 100 + 20 * noise();
}

static double tripled(size_t point)
{
    return (point >= 70 ? 3 : 1) * (100 + 20 * noise());
}

static double tripled_at_once(size_t point)
{
    return point >= 50 ? 600 : 200;
}

static double rising(size_t point)
{
    return 100 + (double)point + noise();
}

static void take(struct report *report, const char *name, enum statsd_type type,
                 enum statistic statistic, double (*value)(size_t))
{
    struct series series;
    made_series(&series, name, "region=eu", type, statistic, value);
    gather_series(report, &series);
}

static void the_series_that_got_worse_is_first(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    (void)state;
    for (int i = 0; i < 300; i++) {
        take(report, "steady.timer", STATSD_TIMER, STATISTIC_MEAN, steady);
        take(report, "steady.counter", STATSD_COUNTER, STATISTIC_RATE, steady);
    }
    take(report, "worse", STATSD_TIMER, STATISTIC_P99, tripled);
    /* As large and clearer, but of a gauge, of which nobody can say what is better. */
    take(report, "other", STATSD_GAUGE, STATISTIC_VALUE, tripled_at_once);
    assert_int_equal(report->changed.count, 2);
    const struct series *first = report->changed.rows[0].series;
    assert_string_equal(first->name, "worse");
    assert_int_equal(first->changed, STATISTIC_P99);
    assert_in_range(first->change.from, 69, 71);
    assert_false(report->failed);
    made_drop(report, config);
}

static void tables_hold_the_largest_in_order(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    struct series series;
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        made_series(&series, "c", "", STATSD_COUNTER, STATISTIC_RATE, steady);
        series.count = (i * 37) % 100;
        gather_series(report, &series);
    }
    assert_int_equal(report->busiest.count, REPORT_ROWS);
    for (unsigned i = 0; i < REPORT_ROWS; i++) {
        assert_int_equal(report->busiest.rows[i].score, 99 - i);
    }
    assert_int_equal(report->series_count[STATSD_COUNTER], 100);
    made_drop(report, config);
}

static void a_line_that_rises_is_a_trend(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    (void)state;
    take(report, "steady", STATSD_GAUGE, STATISTIC_VALUE, steady);
    take(report, "rising", STATSD_GAUGE, STATISTIC_VALUE, rising);
    gather_end(report);
    assert_int_equal(report->rising.count, 1);
    const struct series *series = report->rising.rows[0].series;
    assert_string_equal(series->name, "rising");
    assert_true(fabs(trend_change(&series->trend) - 99 / 149.5) < 0.01);
    assert_true(series->trend.r_squared > 0.99);
    made_drop(report, config);
}

static void without_history_nothing_is_said_of_changes(void **state)
{
    struct config *config = made_config();
    struct ticks ticks;
    struct report *report = made_report(config, &ticks);
    (void)state;
    report->has_history = false;
    take(report, "worse", STATSD_TIMER, STATISTIC_P99, tripled);
    assert_int_equal(report->changed.count, 0);
    assert_int_equal(report->rising.count, 0);
    assert_int_equal(report->slowest.count, 1);
    made_drop(report, config);
}

static void points_hold_the_windows_that_end_in_them(void **state)
{
    struct points each = points_of(1000, 1600, 10), many = points_of(1000, 4700, 10);
    (void)state;
    assert_int_equal(each.count, 60);
    assert_int_equal(points_index(&each, 1010), 0);
    assert_int_equal(points_index(&each, 1600), 59);
    assert_int_equal(points_index(&each, 1000), each.count);
    assert_int_equal(points_index(&each, 1611), each.count);
    for (size_t i = 0; i < each.count; i++) {
        assert_int_equal(points_index(&each, points_stamp(&each, i)), i);
    }
    assert_int_equal(many.count, 93); /* 370 windows, 4 each */
    assert_int_equal(points_index(&many, 4700), 92);
    assert_int_equal(points_index(&many, 4660), 91);
    assert_int_equal(points_of(5, 5, 10).count, 1);
}

static void tags_count_distinct_values_and_when_they_began(void **state)
{
    struct tag_keys keys = {0};
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char tags[64];
        int length = snprintf(tags, sizeof(tags), "a\\=b=x%u;user=u%u", i % 3, i);
        assert_true(tag_keys_add(&keys, "hits", 4, tags, (size_t)length, true, i < 100 ? 0 : 40));
    }
    const struct tag_key *most = tag_keys_next(&keys, NULL);
    const struct tag_key *other = tag_keys_next(&keys, most);
    assert_string_equal(most->key, "user");
    assert_true(fabs(tag_key_values(most) - 20000) < 400);
    assert_string_equal(other->key, "a\\=b");
    assert_true(fabs(tag_key_values(other) - 3) < 0.1);
    assert_null(tag_keys_next(&keys, other));
    assert_int_equal(tag_key_since(most, 100), 40);
    assert_string_equal(tag_key_metric(most), "hits");
    tag_keys_deinit(&keys);
}

static void more_keys_than_there_is_room_for_are_counted(void **state)
{
    struct tag_keys keys = {0};
    (void)state;
    for (unsigned i = 0; i < TAG_KEYS_MAX + 5; i++) {
        char tags[32];
        int length = snprintf(tags, sizeof(tags), "k%u=v", i);
        assert_true(tag_keys_add(&keys, "m", 1, tags, (size_t)length, false, POINTS_MAX));
    }
    assert_int_equal(keys.count, TAG_KEYS_MAX);
    assert_int_equal(keys.left_out, 5);
    tag_keys_deinit(&keys);
}

static void ticks_are_what_totals_have_grown_by(void **state)
{
    static struct ticks ticks;
    struct ingest_figures ingest = {0}, recent;
    struct flush_figures flush = {.duration_seconds = 0.5};
    double workers[2] = {1, 2};
    struct tick_totals totals = {&ingest, &flush, 10, workers, 2};
    (void)state;
    for (unsigned i = 1; i <= TICKS_MAX + 10; i++) {
        ingest.samples_received[STATSD_GAUGE] += i;
        ingest.datagrams_dropped += i == 100;
        workers[1] += 5;
        ticks_add(&ticks, i * 10, 10, &totals);
    }
    assert_int_equal(ticks.count, TICKS_MAX);
    assert_true(ticks_at(&ticks, 0)->timestamp >= 110 && ticks_at(&ticks, 0)->timestamp <= 110);
    assert_int_equal(ticks_at(&ticks, 0)->figures[TICK_RECEIVED], 11);
    assert_int_equal(ticks_at(&ticks, TICKS_MAX - 1)->figures[TICK_RECEIVED], TICKS_MAX + 10);
    assert_true(fabs(ticks_at(&ticks, 5)->figures[TICK_WORKER] - 0.5) < 1e-9);
    assert_int_equal(ticks_most(&ticks, TICK_DROPPED, 0)->timestamp, 1000);
    ticks_ingest(&ticks, 990, &recent);
    assert_int_equal(recent.datagrams_dropped, 1);
    ticks_ingest(&ticks, 1000, &recent);
    assert_int_equal(recent.datagrams_dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_series_that_got_worse_is_first),
        cmocka_unit_test(tables_hold_the_largest_in_order),
        cmocka_unit_test(a_line_that_rises_is_a_trend),
        cmocka_unit_test(without_history_nothing_is_said_of_changes),
        cmocka_unit_test(points_hold_the_windows_that_end_in_them),
        cmocka_unit_test(tags_count_distinct_values_and_when_they_began),
        cmocka_unit_test(more_keys_than_there_is_room_for_are_counted),
        cmocka_unit_test(ticks_are_what_totals_have_grown_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
