/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "tools/sigmactl/snapshot_series.h"

static struct csv_series_list list;
static char reason[CSV_READER_REASON_MAX];

static int begin(void **state)
{
    (void)state;
    return csv_series_init(&list) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    csv_series_deinit(&list);
    return 0;
}

static bool add(const char *text, const char *metric)
{
    json_error_t error;
    json_t *snapshot = json_loads(text, 0, &error);
    assert_non_null(snapshot);
    bool added = snapshot_series_add(&list, snapshot, metric, reason);
    json_decref(snapshot);
    return added;
}

static void rows_are_what_the_csv_files_would_hold(void **state)
{
    (void)state;
    assert_true(
        add("{\"timestamp\": 10.5, \"counters\": [{\"name\": \"c\", \"tags\": {\"b\": \"x;y\","
            "\"a\": [\"2\", \"1\"], \"bare\": \"\"}, \"count\": 3, \"rate\": 0.3,"
            "\"total\": 9}], \"gauges\": [{\"name\": \"g\", \"tags\": {}, \"value\": -4}],"
            "\"timers\": [{\"name\": \"t\", \"tags\": {}, \"type\": \"ms\", \"count\": 2,"
            "\"mean\": null, \"percentiles\": {\"50\": 7, \"99.9\": 8}}],"
            "\"sets\": [{\"name\": \"s\", \"tags\": {}, \"unique\": 5}]}",
            NULL));
    assert_int_equal(list.count, 4);
    assert_string_equal(list.items[0]->tags, "a=1;a=2;b=x\\;y;bare");
    assert_true(list.items[0]->stamps[0] == 10.5);
    assert_true(csv_series_statistic(list.items[0], "rate")->values[0] == 0.3);
    assert_null(csv_series_statistic(list.items[0], "total"));
    assert_true(csv_series_statistic(list.items[1], "value")->values[0] == -4);
    assert_string_equal(list.items[2]->type, "ms");
    assert_true(csv_series_statistic(list.items[2], "p99.9")->values[0] == 8);
    assert_true(isnan(csv_series_statistic(list.items[2], "mean")->values[0]));
    assert_true(csv_series_statistic(list.items[3], "unique")->values[0] == 5);
}

static void only_metrics_of_the_glob_are_taken(void **state)
{
    (void)state;
    assert_true(add("{\"timestamp\": 1, \"gauges\": [{\"name\": \"api.x\", \"value\": 1},"
                    "{\"name\": \"db\", \"value\": 1}]}",
                    "api.*"));
    assert_int_equal(list.count, 1);
}

static void what_is_no_snapshot_is_refused_or_left_out(void **state)
{
    (void)state;
    assert_false(add("{\"status\": \"ok\"}", NULL));
    assert_non_null(strstr(reason, "no timestamp"));
    assert_true(add("{\"timestamp\": 1, \"counters\": 7, \"gauges\": [3, {}, {\"name\": 5}],"
                    "\"timers\": [{\"name\": \"t\", \"tags\": [1], \"percentiles\": 3}]}",
                    NULL));
    assert_int_equal(list.count, 1);
    assert_true(isnan(csv_series_statistic(list.items[0], "mean")->values[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_what_the_csv_files_would_hold),
        TEST(only_metrics_of_the_glob_are_taken),
        TEST(what_is_no_snapshot_is_refused_or_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
