/* SPDX-License-Identifier: MIT
 *
 * Numbers as JavaScript writes them. The expected texts are String(value) of Node 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"

static void writes_what_javascript_writes(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-5, "-5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {100.5, "100.5"},
        {1e15, "1000000000000000"},
        {123456789012345678.0, "123456789012345680"},
        {1e20, "100000000000000000000"},
        {999999999999999900000.0, "999999999999999900000"},
        {1e21, "1e+21"},
        {-1.5e300, "-1.5e+300"},
        {1e-4, "0.0001"},
        {1.25e-5, "0.0000125"},
        {1e-6, "0.000001"},
        {-1.2345678901234567e-6, "-0.0000012345678901234567"},
        {1e-7, "1e-7"},
        {3.3333333333333335e-7, "3.3333333333333335e-7"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {(double)NAN, "NaN"},
        {(double)INFINITY, "Infinity"},
        {-(double)INFINITY, "-Infinity"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[NUMBER_TEXT_MAX];
        size_t length = number_format_javascript(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void is_read_back_as_the_same_number(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 100000; i++) {
        double value;
        char text[NUMBER_TEXT_MAX];
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            assert_true(number_format_javascript(text, value) < sizeof(text));
            assert_true(strtod(text, NULL) == value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_javascript_writes),
        cmocka_unit_test(is_read_back_as_the_same_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
