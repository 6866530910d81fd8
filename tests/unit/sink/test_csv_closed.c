/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/sink/csv_closed.h"
#include "server/sink/csv_rows.h"

static void names_read_back(void **state)
{
    static const struct {
        struct csv_closed_name name;
        const char *text;
    } cases[] = {
        {{CSV_COUNTERS, 1795219200000, 0, CSV_CLOSED_PLAIN}, "counters-20261121T000000Z.csv"},
        {{CSV_COUNTERS, 1795219200000, 0, CSV_CLOSED_GZIP}, "counters-20261121T000000Z.csv.gz"},
        {{CSV_TIMERS, 1795219201000, 1, CSV_CLOSED_PLAIN}, "timers-20261121T000001Z-1.csv"},
        {{CSV_ANOMALIES, 0, 99999, CSV_CLOSED_PARTIAL},
         "anomalies-19700101T000000Z-99999.csv.gz.tmp"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CSV_CLOSED_NAME_MAX];
        struct csv_closed_name name;
        csv_closed_format(text, &cases[i].name);
        assert_string_equal(text, cases[i].text);
        assert_true(csv_closed_parse(text, &name));
        assert_int_equal(name.kind, cases[i].name.kind);
        assert_int_equal(name.stamp_ms, cases[i].name.stamp_ms);
        assert_int_equal(name.suffix, cases[i].name.suffix);
        assert_int_equal(name.form, cases[i].name.form);
    }
}

static void other_names_are_left_alone(void **state)
{
    static const char *const others[] = {
        "",
        ".",
        ".lock",
        "counters.csv",
        "counters.csv.1",
        "counters.csv.gz",
        "counters-.csv",
        "counters-20261121.csv",
        "counters-20261121T000000Z",
        "counters-20261121T000000Z.txt",
        "counters-20261121T000000Z.csv.bak",
        "counters-20261121T000000Z-.csv",
        "counters-20261121T000000Z-0.csv",
        "counters-20261121T000000Z-x.csv",
        "counters-20261121T000000Z-100000.csv",
        "counters-20261121T0000Z.csv",
        "counters-20261341T000000Z.csv",
        "mycounters-20261121T000000Z.csv",
        "report-20261121T000000Z.csv",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct csv_closed_name name;
        if (csv_closed_parse(others[i], &name)) {
            fail_msg("taken for a closed file: %s", others[i]);
        }
    }
}

static void order_is_by_stamp_then_suffix_then_kind(void **state)
{
    static const struct csv_closed_name ascending[] = {
        {CSV_SETS, 1000, 0, CSV_CLOSED_PLAIN},      {CSV_COUNTERS, 2000, 0, CSV_CLOSED_PLAIN},
        {CSV_GAUGES, 2000, 0, CSV_CLOSED_GZIP},     {CSV_COUNTERS, 2000, 1, CSV_CLOSED_PLAIN},
        {CSV_COUNTERS, 2000, 10, CSV_CLOSED_PLAIN}, {CSV_COUNTERS, 3000, 0, CSV_CLOSED_PLAIN},
    };
    (void)state;
    size_t count = sizeof(ascending) / sizeof(ascending[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = csv_closed_compare(&ascending[i], &ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(other_names_are_left_alone),
        cmocka_unit_test(order_is_by_stamp_then_suffix_then_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
