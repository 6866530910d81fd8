/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/sigmactl/stamp.h"

static void assert_stamp(const char *text, double expected)
{
    double seconds = -1;
    assert_true(stamp_parse_relative(text, 1000000, &seconds));
    assert_true(seconds == expected);
}

static void reads_seconds_dates_and_durations_before_now(void **state)
{
    (void)state;
    assert_stamp("1764316800", 1764316800);
    assert_stamp("1764316800.5", 1764316800.5);
    assert_stamp("1970-01-02", 86400);
    assert_stamp("2025-11-28T08:00:00Z", 1764316800);
    assert_stamp("2025-11-28 08:00:00", 1764316800);
    assert_stamp("2025-11-28 08:00", 1764316800);
    assert_stamp("2025-11-28T08:00:00.250Z", 1764316800.25);
    assert_stamp("2024-02-29", 1709164800);
    assert_stamp("now", 1000000);
    assert_stamp("-1h", 996400);
    assert_stamp("-500ms", 999999.5);
}

static void refuses_what_is_no_moment(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "2025-13-01",
        "2025-02-29",
        "2025-11-28T",
        "2025-11-28T25:00:00Z",
        "2025-11-28T08:00:60",
        "2025-11-28T08:00:0",
        "2025-11-28T08:00:00+01:00",
        "2025-11-28Z08:00",
        "25-11-28",
        "-1x",
        "tomorrow",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double seconds = -1;
        assert_false(stamp_parse_relative(bad[i], 0, &seconds));
        assert_true(seconds == -1);
    }
}

static void formats_what_it_reads(void **state)
{
    static const double stamps[] = {0, 1764316800, 1764316800.25, 951782400, 4102444799.999};
    char text[STAMP_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        stamp_format(text, stamps[i]);
        assert_int_equal(text[10], 'T');
        assert_stamp(text, stamps[i]);
    }
    stamp_format(text, 1764316800);
    assert_string_equal(text, "2025-11-28T08:00:00Z");
    stamp_format(text, -5);
    assert_string_equal(text, "-5");
    stamp_format(text, 1e300);
    assert_string_equal(text, "1e+300");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_seconds_dates_and_durations_before_now),
        cmocka_unit_test(refuses_what_is_no_moment),
        cmocka_unit_test(formats_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
