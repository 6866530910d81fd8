/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "tests/unit/random.h"

static uint64_t seed = UINT64_C(88172645463325252);

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Parses an exact-size heap copy, so that the sanitizer sees a read behind its end. */
static bool parse_copy(const char *text, size_t length, double *value)
{
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    bool parsed = number_parse(copy, length, value);
    free(copy);
    return parsed;
}

static void assert_equals_strtod(const char *text)
{
    double value = 0;
    double expected = strtod(text, NULL);
    bool parsed = parse_copy(text, strlen(text), &value);
    if (parsed != (bool)isfinite(expected) || (parsed && bits_of(value) != bits_of(expected))) {
        print_error("differs from strtod: %s\n", text);
        fail();
    }
}

static void accepts_the_grammar_and_nothing_else(void **state)
{
    (void)state;
    const char *const good[] = {"0", "-0", "+1", "1.", ".5", "-.5", "1e5", "1E+5", "1.e-5", "007"};
    const char *const bad[] = {"",     "+",    "-",   ".",     "+.",   "e5",      "1e",
                               "1e+",  "1e5.", "--1", "+-1",   "1 ",   " 1",      "1_0",
                               "0x10", "1d1",  "inf", "NaN",   "1,5",  "1..",     "1e 5",
                               "1e5e", "Inf",  "nan", "1.2.3", "1e5x", "\xC2\xB2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_equals_strtod(good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double value = 42;
        assert_false(parse_copy(bad[i], strlen(bad[i]), &value));
        assert_true(value == 42);
    }
}

static void rounds_hard_cases_as_strtod_does(void **state)
{
    (void)state;
    const char *const texts[] = {
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994.999999",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e400",
        "-1e400",
        "1e-400",
        "-1e-400",
        "0.1",
        "0.3",
        "1e22",
        "1e23",
        "8.5e22",
        "123456789012345678",
        "1234567890123456789012",
        "0.000000000000000000000000000001",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0e99999999999999999999",
        "6929495644600919.5",
        "3.518437208883201171875e13",
        "1090544144181609348671888949248",
        "1090544144181609348835077142190",
        "18446744073709551615",
        "18446744073709551616",
        "99999999.99999999",
        "123456.123456789012",
        "10000000000000000000000e-22",
        "1.00000000000000011102230246251565",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_equals_strtod(texts[i]);
    }
}

static void equals_strtod_on_random_decimals(void **state)
{
    (void)state;
    for (int round = 0; round < 1000000; round++) {
        char text[64];
        uint64_t random = random_next(&seed);
        unsigned digits = (unsigned)(random >> 8) % 20;
        unsigned long long mantissa = random_next(&seed);
        for (unsigned i = 19; i > digits; i--) {
            mantissa /= 10;
        }
        size_t length =
            (size_t)snprintf(text, sizeof text, "%s%llu", (random & 1) != 0 ? "-" : "", mantissa);
        if ((random & 2) != 0) {
            size_t point = (random & 1) + (size_t)(random >> 20) % length;
            point = point < length ? point : length;
            memmove(text + point + 1, text + point, length - point + 1);
            text[point] = '.';
            length++;
        }
        if ((random & 4) != 0) {
            int bound = (random & 8) != 0 ? 345 : 30;
            snprintf(text + length, sizeof text - length, "e%d",
                     (int)(random_next(&seed) % (uint64_t)(2 * bound)) - bound);
        }
        assert_equals_strtod(text);
    }
}

/* 16 to 19 digits, what other programs print of a double; half-way between two doubles, where the
 * even one is right; and next to that. */
static void equals_strtod_on_long_decimals(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char text[64];
        uint64_t bits = random_next(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            for (int digits = 15; digits < 19; digits++) {
                snprintf(text, sizeof text, "%.*e", digits, value);
                assert_equals_strtod(text);
            }
        }
        unsigned long long half = (random_next(&seed) >> 10) | 1;
        int power = (int)(random_next(&seed) % 40) - 20;
        for (unsigned long long mantissa = half - 1; mantissa <= half + 1; mantissa++) {
            snprintf(text, sizeof text, "%lluE%d", mantissa, round % 2 == 0 ? power : 0);
            assert_equals_strtod(text);
            snprintf(text, sizeof text, "-%.4f", ldexp((double)mantissa, -(round % 50)));
            assert_equals_strtod(text);
        }
    }
}

static void refuses_more_than_1024_bytes(void **state)
{
    (void)state;
    char text[1026];
    memset(text, '0', sizeof text);
    text[0] = '1';
    text[1] = '.';
    double value = 0;
    assert_true(parse_copy(text, 1024, &value));
    assert_true(value == 1);
    assert_false(parse_copy(text, 1025, &value));
    memset(text, '9', sizeof text);
    assert_false(parse_copy(text, 1024, &value));
}

static void assert_format(double value, const char *expected)
{
    char out[NUMBER_TEXT_MAX];
    size_t length = number_format(out, value);
    assert_string_equal(out, expected);
    assert_int_equal(length, strlen(expected));
}

static void formats_as_documented(void **state)
{
    (void)state;
    assert_format(0, "0");
    assert_format(-0.0, "0");
    assert_format(1, "1");
    assert_format(-42, "-42");
    assert_format(999999999999999, "999999999999999");
    assert_format(-999999999999999, "-999999999999999");
    assert_format(1e15, "1e+15");
    assert_format(9007199254740993.0, "9.007199254740992e+15");
    assert_format(0.1, "0.1");
    assert_format(1.0 / 3, "0.3333333333333333");
    assert_format(-2.0 / 3, "-0.6666666666666666");
    assert_format(1234567.89, "1234567.89");
    assert_format(99999999999999.98, "99999999999999.98");
    assert_format(0.0001, "0.0001");
    assert_format(0.00012345, "0.00012345");
    assert_format(0.00001, "1e-05");
    assert_format(2.5e-5, "2.5e-05");
    assert_format(1e50, "1e+50");
    assert_format(1.5e300, "1.5e+300");
    assert_format(5e-324, "5e-324");
    assert_format(0x1p-1017, "7.120236347223045e-307");
    assert_format(1.964393875e-314, "1.964393875e-314");
    assert_format(-1.7976931348623157e308, "-1.7976931348623157e+308");
    assert_format(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_format((double)NAN, "NaN");
    assert_format((double)INFINITY, "+Inf");
    assert_format(-(double)INFINITY, "-Inf");
}

static void assert_round_trip(double value)
{
    char out[NUMBER_TEXT_MAX];
    size_t length = number_format(out, value);
    double again = 0;
    assert_true(length < NUMBER_TEXT_MAX && out[length] == '\0');
    assert_true(number_parse(out, length, &again));
    assert_true(again == value);
}

static void parsing_undoes_formatting_of_any_bits(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        uint64_t bits = random_next(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_round_trip(value);
        }
        assert_round_trip((double)(random_next(&seed) % 1000000) / 1000);
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        assert_round_trip(ldexp(1, exponent));
        assert_round_trip(nextafter(ldexp(1, exponent), 0));
    }
}

static void a_locale_with_comma_changes_nothing(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    bool set = false;
    for (size_t i = 0; i < sizeof locales / sizeof locales[0] && !set; i++) {
        set = setlocale(LC_ALL, locales[i]) != NULL;
    }
    if (!set) {
        skip();
    }
    double value = 0;
    bool parsed = number_parse("1234567890.12345678901", 22, &value);
    char out[NUMBER_TEXT_MAX];
    number_format(out, 0.1);
    setlocale(LC_ALL, "C");
    assert_true(parsed && value == 1234567890.12345678901);
    assert_string_equal(out, "0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_grammar_and_nothing_else),
        cmocka_unit_test(rounds_hard_cases_as_strtod_does),
        cmocka_unit_test(equals_strtod_on_random_decimals),
        cmocka_unit_test(equals_strtod_on_long_decimals),
        cmocka_unit_test(refuses_more_than_1024_bytes),
        cmocka_unit_test(formats_as_documented),
        cmocka_unit_test(parsing_undoes_formatting_of_any_bits),
        cmocka_unit_test(a_locale_with_comma_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
