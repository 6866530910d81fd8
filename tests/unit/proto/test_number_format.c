/* SPDX-License-Identifier: MIT
 *
 * number_format() against printf(): first the whole text, made by trying one precision after
 * another, then on many more values what makes a text the shortest and closest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "proto/number_digits.h"
#include "proto/number_shortest.h"
#include "tests/unit/random.h"

#define PRECISION_MAX 17

static uint64_t seed = UINT64_C(88172645463325252);

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* digits * 10^exponent. */
static double value_of(uint64_t digits, int exponent)
{
    char text[40];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
    return strtod(text, NULL);
}

/* `value` rounded to that many digits by printf(). */
static struct number_decimal round_to(double value, int precision)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", precision - 1, value);
    uint64_t digits = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        digits = *at == '.' ? digits : digits * 10 + (uint64_t)(*at - '0');
    }
    return (struct number_decimal){digits, atoi(at + 1) - (precision - 1)};
}

/* Tries one digit, then two, and so on. Of the decimals of one length the closest is read back if
 * any is, but for the one above where the doubles below lie closer. */
static struct number_decimal naive_shortest(double value)
{
    struct number_decimal decimal = {0};
    for (int precision = 1; precision <= PRECISION_MAX; precision++) {
        decimal = round_to(value, precision);
        if (value_of(decimal.digits, decimal.exponent) == value) {
            break;
        }
        decimal.digits++;
        if (value_of(decimal.digits, decimal.exponent) == value) {
            break;
        }
    }
    return decimal;
}

static struct number_decimal without_zeros(struct number_decimal decimal)
{
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

/* The documented layout, by printf(), of a decimal without zeros at its end. */
static void naive_layout(char *out, size_t size, bool negative, struct number_decimal decimal)
{
    char digits[40];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)decimal.digits);
    int first = decimal.exponent + count - 1;
    const char *sign = negative ? "-" : "";
    if (first < -4 || first >= 15) {
        snprintf(out, size, "%s%c%s%se%+03d", sign, digits[0], count > 1 ? "." : "", digits + 1,
                 first);
    } else if (first < 0) {
        snprintf(out, size, "%s0.%.*s%s", sign, -first - 1, "000", digits);
    } else if (decimal.exponent >= 0) {
        snprintf(out, size, "%s%s%.*s", sign, digits, decimal.exponent, "000000000000000");
    } else {
        snprintf(out, size, "%s%.*s.%s", sign, first + 1, digits, digits + first + 1);
    }
}

static void assert_formats_as_naively(double value)
{
    char expected[64];
    naive_layout(expected, sizeof expected, value < 0, without_zeros(naive_shortest(fabs(value))));
    char out[NUMBER_TEXT_MAX];
    size_t length = number_format(out, value);
    if (strcmp(out, expected) != 0 || length != strlen(expected)) {
        print_error("%.17g is %s, not %s\n", value, expected, out);
        fail();
    }
}

static void assert_neighbourhood(double value)
{
    double below = value;
    double above = value;
    for (int i = 0; i < 3; i++) {
        if (below > 0 && isfinite(below)) {
            assert_formats_as_naively(below);
        }
        if (isfinite(above)) {
            assert_formats_as_naively(-above);
        }
        below = nextafter(below, 0);
        above = nextafter(above, (double)INFINITY);
    }
}

static void powers_of_two_and_their_neighbours(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent < 1024; exponent++) {
        assert_neighbourhood(ldexp(1, exponent));
    }
}

static void powers_of_ten_and_their_neighbours(void **state)
{
    (void)state;
    for (int exponent = -323; exponent < 309; exponent++) {
        assert_neighbourhood(value_of(1, exponent));
        assert_neighbourhood(value_of(5, exponent));
        assert_neighbourhood(value_of(random_next(&seed) % 1000 + 1, exponent));
    }
}

static void bounds_of_layouts_and_ranges(void **state)
{
    (void)state;
    static const double values[] = {
        0x1p-1074,
        0x1p-1022,
        0x1.fffffffffffffp+1023,
        0x1p53,
        1e15,
        1e9,
        999999999.999999,
        999999999.9999999,
        1e8,
        1e16,
        1e-4,
        0.0001234,
        0.00001,
        0.000001,
        0.0000015,
        123456.5,
        99999999.5,
        100000000.5,
        1e22,
        1e23,
        9.5e-5,
        0.000099999999999,
        999999999999999.9,
        1234567.89,
        8.41e21,
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_neighbourhood(values[i]);
    }
}

static void subnormals(void **state)
{
    (void)state;
    for (uint64_t bits = 1; bits <= 5000; bits++) {
        assert_formats_as_naively(double_of(bits));
        assert_formats_as_naively(double_of((UINT64_C(1) << 52) - bits));
        assert_formats_as_naively(double_of(random_next(&seed) >> (12 + bits % 50) | 1));
    }
}

static void integers(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        double value = (double)(random_next(&seed) % UINT64_C(1000000000000000) >> round % 50);
        char expected[64];
        snprintf(expected, sizeof expected, "%.0f", -value - 1);
        char out[NUMBER_TEXT_MAX];
        assert_int_equal(number_format(out, -value - 1), strlen(expected));
        assert_string_equal(out, expected);
    }
}

static void decimals_of_few_places(void **state)
{
    (void)state;
    static const double powers[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (int round = 0; round < 50000; round++) {
        double value = (double)(random_next(&seed) >> (11 + round % 50) | 1) / powers[round % 9];
        assert_formats_as_naively(value);
        assert_formats_as_naively(-nextafter(value, 0));
    }
}

static void any_bits(void **state)
{
    (void)state;
    for (int round = 0; round < 50000; round++) {
        double value = double_of(random_next(&seed));
        if (isfinite(value)) {
            assert_formats_as_naively(value);
        }
    }
}

/* With one digit less, neither neighbour of a shortest decimal is read back: any that was would
 * have all decimals up to the shortest read back, the nearer of these two among them. */
static bool is_shortest(double value, struct number_decimal decimal)
{
    uint64_t fewer = decimal.digits / 10;
    return value_of(decimal.digits, decimal.exponent) == value &&
           (fewer == 0 || (value_of(fewer, decimal.exponent + 1) != value &&
                           value_of(fewer + 1, decimal.exponent + 1) != value));
}

/* The closest of the same length is what printf() rounds to, unless that is not read back. */
static bool is_closest(double value, struct number_decimal decimal)
{
    int precision = 1;
    for (uint64_t rest = decimal.digits; rest >= 10; rest /= 10) {
        precision++;
    }
    struct number_decimal rounded = round_to(value, precision);
    return rounded.digits == decimal.digits || value_of(rounded.digits, rounded.exponent) != value;
}

static void five_million_bit_patterns_are_shortest_and_closest(void **state)
{
    (void)state;
    for (int round = 0; round < 5000000; round++) {
        double value = fabs(double_of(random_next(&seed)));
        if (isfinite(value) && value > 0) {
            struct number_decimal decimal = without_zeros(number_shortest(value));
            assert_true(is_shortest(value, decimal) && is_closest(value, decimal));
        }
    }
}

static void eight_digits_are_split_and_joined(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 10000; half++) {
        char text[8];
        uint32_t again = 0;
        uint32_t value = half * 10000 + (9999 - half);
        number_digits_write(text, number_digits_split(value));
        assert_true(number_digits_read(text, &again) && again == value);
    }
    char text[9];
    number_digits_write(text, number_digits_split(1234567));
    assert_memory_equal(text, "01234567", 8);
    for (int place = 0; place < 8; place++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t value = 0;
            memcpy(text, "00000000", 8);
            text[place] = (char)byte;
            assert_int_equal(number_digits_read(text, &value), byte >= '0' && byte <= '9');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_of_two_and_their_neighbours),
        cmocka_unit_test(powers_of_ten_and_their_neighbours),
        cmocka_unit_test(bounds_of_layouts_and_ranges),
        cmocka_unit_test(subnormals),
        cmocka_unit_test(integers),
        cmocka_unit_test(decimals_of_few_places),
        cmocka_unit_test(any_bits),
        cmocka_unit_test(five_million_bit_patterns_are_shortest_and_closest),
        cmocka_unit_test(eight_digits_are_split_and_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
