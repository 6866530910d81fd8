/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "config/condition.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define MINUTE UINT64_C(60000)

static void reads_every_form(void **state)
{
    static const struct {
        const char *text;
        struct condition expected;
    } cases[] = {
        {"p99 > 250", {.statistic = CONDITION_PERCENTILE, .percent = 99, .threshold = 250}},
        {"p99.9>=1e3",
         {.statistic = CONDITION_PERCENTILE,
          .percent = 99.9,
          .compare = CONDITION_AT_LEAST,
          .threshold = 1000}},
        {"  rate\t< 10  ",
         {.statistic = CONDITION_RATE, .compare = CONDITION_BELOW, .threshold = 10}},
        {"mean > 0.25s", {.statistic = CONDITION_MEAN, .threshold = 250, .seconds = true}},
        {"max <= 40ms",
         {.statistic = CONDITION_MAX,
          .compare = CONDITION_AT_MOST,
          .threshold = 40,
          .seconds = true}},
        {"value = -1.5",
         {.statistic = CONDITION_VALUE, .compare = CONDITION_EQUAL, .threshold = -1.5}},
        {"unique == 0", {.statistic = CONDITION_UNIQUE, .compare = CONDITION_EQUAL}},
        {"count != 7",
         {.statistic = CONDITION_COUNT, .compare = CONDITION_UNEQUAL, .threshold = 7}},
        {"min > 1", {.statistic = CONDITION_MIN, .threshold = 1}},
        {"sum > 1", {.statistic = CONDITION_SUM, .threshold = 1}},
        {"stddev > 1", {.statistic = CONDITION_STDDEV, .threshold = 1}},
        {"anomaly >= warning",
         {.form = CONDITION_ANOMALY, .compare = CONDITION_AT_LEAST, .threshold = 1}},
        {"anomaly = critical",
         {.form = CONDITION_ANOMALY, .compare = CONDITION_EQUAL, .threshold = 2}},
        {"absent 5m", {.form = CONDITION_ABSENT, .time_ms = 5 * MINUTE}},
        {"absent 31d", {.form = CONDITION_ABSENT, .time_ms = CONDITION_TIME_MS_MAX}},
        {"change > 20% over 1h",
         {.form = CONDITION_CHANGE, .threshold = 0.2, .time_ms = 60 * MINUTE}},
        {"p50 change < -20% over 10m",
         {.form = CONDITION_CHANGE,
          .statistic = CONDITION_PERCENTILE,
          .percent = 50,
          .compare = CONDITION_BELOW,
          .threshold = -0.2,
          .time_ms = 10 * MINUTE}},
        {"|change| >= 50% over 1s",
         {.form = CONDITION_CHANGE,
          .compare = CONDITION_AT_LEAST,
          .threshold = 0.5,
          .magnitude = true,
          .time_ms = 1000}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct condition read;
        char why[CONDITION_WHY_MAX] = "";
        const struct condition *expected = &cases[i].expected;
        print_message("%s\n", cases[i].text);
        assert_true(condition_parse(cases[i].text, &read, why));
        assert_int_equal(read.form, expected->form);
        assert_int_equal(read.statistic, expected->statistic);
        assert_int_equal(read.compare, expected->compare);
        assert_true(read.percent == expected->percent);
        assert_true(fabs(read.threshold - expected->threshold) < 1e-12);
        assert_int_equal(read.seconds, expected->seconds);
        assert_int_equal(read.magnitude, expected->magnitude);
        assert_int_equal(read.time_ms, expected->time_ms);
    }
}

static void refuses_what_is_none_and_names_the_place(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "ends where a statistic"},
        {"   ", "ends where a statistic"},
        {"speed > 1", "has 'speed' where a statistic"},
        {"P99 > 1", "has 'P99'"},
        {"p0 > 1", "has 'p0'"},
        {"p101 > 1", "has 'p101'"},
        {"p > 1", "has 'p'"},
        {"p99x > 1", "has 'p99x'"},
        {"p-5 > 1", "has 'p-5'"},
        {"p99", "ends where one of > >= < <= = !="},
        {"p99 250", "has '250' where one of"},
        {"p99 => 250", "has '=>' where one of"},
        {"p99 >> 250", "has '>>' where one of"},
        {"p99 >", "ends where a number"},
        {"p99 > much", "has 'much' where a number"},
        {"p99 > nan", "has 'nan' where a number"},
        {"p99 > inf", "has 'inf' where a number"},
        {"p99 > 1e999", "has '1e999' where a number"},
        {"p99 > 1 2", "goes on with '2' where it should end"},
        {"p99 > 5h", "a unit other than ms or s"},
        {"p99 > 5%", "a unit other than ms or s"},
        {"rate < 10 and p99 > 5", "goes on with 'and'"},
        {"anomaly", "ends where one of"},
        {"anomaly >= bad", "has 'bad' where info, warning or critical"},
        {"anomaly >= warning now", "goes on with 'now'"},
        {"absent", "ends where a duration"},
        {"absent 5", "has '5' where a duration"},
        {"absent 100ms", "not within 1s to 31d"},
        {"absent 32d", "not within 1s to 31d"},
        {"absent 5m or so", "goes on with 'or'"},
        {"change > 20 over 1h", "where a percentage"},
        {"change > 20%", "ends where 'over'"},
        {"change > 20% in 1h", "has 'in' where 'over'"},
        {"change > 20% over", "ends where a duration"},
        {"change > 20% over 1ms", "not within"},
        {"|change > 20% over 1h", "has '|change'"},
        {"mean mean > 1", "has 'mean' where one of"},
        {"mean absent 5m", "has 'absent' where one of"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa > "
         "1",
         "where a statistic"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct condition read;
        char why[CONDITION_WHY_MAX] = "";
        print_message("'%s'\n", cases[i].text);
        assert_false(condition_parse(cases[i].text, &read, why));
        print_message("  %s\n", why);
        assert_non_null(strstr(why, cases[i].why));
    }
}

static void nothing_holds_of_what_is_no_number(void **state)
{
    (void)state;
    for (int compare = CONDITION_ABOVE; compare <= CONDITION_UNEQUAL; compare++) {
        struct condition condition = {.compare = (enum condition_operator)compare};
        assert_false(condition_holds(&condition, (double)NAN));
    }
}

static void relations_are_strict_where_they_say_so(void **state)
{
    static const bool expected[][3] = {
        /* below, at and above the threshold */
        [CONDITION_ABOVE] = {false, false, true}, [CONDITION_AT_LEAST] = {false, true, true},
        [CONDITION_BELOW] = {true, false, false}, [CONDITION_AT_MOST] = {true, true, false},
        [CONDITION_EQUAL] = {false, true, false}, [CONDITION_UNEQUAL] = {true, false, true},
    };
    (void)state;
    for (size_t compare = 0; compare < COUNT(expected); compare++) {
        struct condition condition = {.compare = (enum condition_operator)compare, .threshold = 5};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(condition_holds(&condition, 4 + i), expected[compare][i]);
        }
    }
}

static void statistics_are_named_as_they_are_written(void **state)
{
    static const char *const names[] = {"p99.9", "mean", "unique"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char text[64], why[CONDITION_WHY_MAX], room[CONDITION_NAME_MAX];
        struct condition condition;
        strcat(strcpy(text, names[i]), " > 1");
        assert_true(condition_parse(text, &condition, why));
        assert_string_equal(condition_statistic_name(&condition, room), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_what_is_none_and_names_the_place),
        cmocka_unit_test(nothing_holds_of_what_is_no_number),
        cmocka_unit_test(relations_are_strict_where_they_say_so),
        cmocka_unit_test(statistics_are_named_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
