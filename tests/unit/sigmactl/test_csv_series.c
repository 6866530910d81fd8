/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/sink/temporary.h"
#include "tools/sigmactl/csv_series.h"

static char *folder;
static struct csv_series_list list;
static char reason[CSV_READER_REASON_MAX];

static int make_folder(void **state)
{
    (void)state;
    folder = temporary_make();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    csv_series_deinit(&list);
    temporary_remove(folder);
    return 0;
}

static void put(const char *name, const char *text)
{
    temporary_write(folder, name, text, strlen(text));
}

static bool collect(const char *metric, const char *statistic, size_t values_max)
{
    const struct csv_series_query query = {folder,           CSV_SERIES_KINDS, -(double)INFINITY,
                                           (double)INFINITY, metric,           statistic,
                                           values_max};
    csv_series_deinit(&list);
    return csv_series_collect(&list, &query, reason);
}

static void assert_values(const struct csv_series *series, const char *statistic, size_t count,
                          const double *expected)
{
    const struct csv_statistic *found = csv_series_statistic(series, statistic);
    assert_non_null(found);
    assert_int_equal(series->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(found->values[i] == expected[i] ||
                    (isnan(found->values[i]) && isnan(expected[i])));
    }
}

static void series_are_told_by_kind_name_tags_and_type(void **state)
{
    (void)state;
    put("counters.csv", "timestamp,metric,tags,count,rate\n"
                        "10,a,,1,.1\n10,a,k=v,2,.2\n20,a,,3,.3\n20,a,k=v,4,.4\n");
    put("gauges.csv", "timestamp,metric,tags,value\n10,a,,7\n");
    put("timers.csv", "timestamp,metric,tags,type,count,mean\n10,a,,ms,1,5\n10,a,,h,1,6\n");
    assert_true(collect(NULL, NULL, 0));
    assert_int_equal(list.count, 5);
    assert_int_equal(list.rows, 7);
    assert_int_equal(list.faults, 0);
    assert_string_equal(list.items[1]->tags, "k=v");
    assert_values(list.items[0], "count", 2, (double[]){1, 3});
    assert_values(list.items[1], "rate", 2, (double[]){.2, .4});
    assert_true(list.items[1]->stamps[1] == 20);
    assert_int_equal(list.items[2]->kind, CSV_GAUGES);
    assert_string_equal(list.items[3]->type, "ms");
    assert_string_equal(list.items[4]->type, "h");
    assert_null(csv_series_statistic(list.items[0], "mean"));
}

static void figures_that_a_file_has_not_are_nan(void **state)
{
    (void)state;
    put("timers-20261120T000000Z.csv",
        "timestamp,metric,tags,type,p50,p99\n10,t,,ms,1,2\n20,t,,ms,3,\n");
    put("timers.csv", "timestamp,metric,tags,type,p99,p95\n30,t,,ms,4,5\n");
    assert_true(collect(NULL, NULL, 0));
    assert_int_equal(list.count, 1);
    assert_values(list.items[0], "p50", 3, (double[]){1, 3, (double)NAN});
    assert_values(list.items[0], "p99", 3, (double[]){2, (double)NAN, 4});
    assert_values(list.items[0], "p95", 3, (double[]){(double)NAN, (double)NAN, 5});
}

static void statistics_are_chosen_by_glob(void **state)
{
    (void)state;
    put("timers.csv", "timestamp,metric,tags,type,mean,p50,p99\n10,t,,ms,1,2,3\n");
    assert_true(collect("t*", "p*", 0));
    assert_int_equal(list.items[0]->statistic_count, 2);
    assert_true(collect("t*", "mean,p9*", 0));
    assert_int_equal(list.items[0]->statistic_count, 2);
    assert_non_null(csv_series_statistic(list.items[0], "p99"));
    assert_true(collect("u*", "p*", 0));
    assert_int_equal(list.count, 0);
}

static void many_series_and_windows_are_kept_apart(void **state)
{
    (void)state;
    FILE *file = fopen(temporary_path(folder, "gauges.csv"), "w");
    fputs("timestamp,metric,tags,value\n", file);
    for (int window = 0; window < 50; window++) {
        for (int i = 0; i < 700; i++) {
            fprintf(file, "%d,g%d,,%d\n", window, i, i * 1000 + window);
        }
    }
    fclose(file);
    assert_true(collect(NULL, NULL, 0));
    assert_int_equal(list.count, 700);
    for (int i = 0; i < 700; i++) {
        assert_int_equal(list.items[i]->count, 50);
        for (int window = 0; window < 50; window++) {
            assert_true(list.items[i]->statistics[0].values[window] == i * 1000 + window);
        }
    }
    assert_int_equal(list.values, 2 * 35000);
}

static void more_than_the_bound_is_refused_as_a_whole(void **state)
{
    (void)state;
    put("gauges.csv", "timestamp,metric,tags,value\n1,g,,1\n2,g,,1\n3,g,,1\n");
    assert_true(collect(NULL, NULL, 6));
    assert_false(collect(NULL, NULL, 5));
    assert_non_null(strstr(reason, "fewer metrics"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(series_are_told_by_kind_name_tags_and_type),
        TEST(figures_that_a_file_has_not_are_nan),
        TEST(statistics_are_chosen_by_glob),
        TEST(many_series_and_windows_are_kept_apart),
        TEST(more_than_the_bound_is_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
