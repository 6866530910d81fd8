/* SPDX-License-Identifier: MIT
 *
 * number_format() of number.h: what kind of number it is and how its digits are laid out. The
 * digits of an integer or a short decimal come from integer arithmetic, all others from
 * number_shortest(). Digits are written eight at a time, up to 8 bytes more than the text is long,
 * which NUMBER_TEXT_MAX has room for.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/number.h"
#include "proto/number_digits.h"
#include "proto/number_shortest.h"

#define SIGNIFICANT_DIGITS_MAX 17

/* A buffer for that many that may be read in whole words. */
#define DIGITS_SIZE 24

/* Values from here on, and below, are written with an exponent. */
#define PLAIN_END 1e15
#define PLAIN_MIN 1e-4

/* With no more than six digits behind the point these have at most 15 digits. */
#define SHORT_END 1e9
#define SHORT_UNITS 1000000

/* 10^8 and 10^16: a word of digits and two. */
#define ONE_WORD UINT64_C(100000000)
#define TWO_WORDS UINT64_C(10000000000000000)

/* Writes a value below 10^8 without zeros in front. */
static size_t write_word(char *out, uint32_t value)
{
    uint64_t digits = number_digits_split(value);
    /* The last digit stays, be it zero. */
    unsigned leading = number_digits_leading(digits | UINT64_C(1) << 56);
    number_digits_write(out, digits >> leading * 8);
    return sizeof digits - leading;
}

/* Writes a value below 10^16. */
static size_t write_integer(char *out, uint64_t value)
{
    if (value < ONE_WORD) {
        return write_word(out, (uint32_t)value);
    }
    size_t length = write_word(out, (uint32_t)(value / ONE_WORD));
    number_digits_write(out + length, number_digits_split((uint32_t)(value % ONE_WORD)));
    return length + 8;
}

/* Writes a value that has at most six digits behind the point and 15 in all; 0 when it has more.
 * The quotient of two integers that are exact as doubles is rounded as strtod() rounds the decimal,
 * and no two decimals of up to 15 digits are read as one double: the one found is the shortest. */
static size_t write_short(char *out, double value)
{
    uint64_t units = (uint64_t)(int64_t)(value * SHORT_UNITS + 0.5);
    if ((double)(int64_t)units / SHORT_UNITS != value) {
        return 0;
    }
    size_t length = write_integer(out, units / SHORT_UNITS);
    out[length++] = '.';
    /* Six digits are the word's last. */
    uint64_t digits = number_digits_split((uint32_t)(units % SHORT_UNITS)) >> 16;
    number_digits_write(out + length, digits);
    return length + 8 - number_digits_trailing(digits);
}

/* Lays digits out as 0.00123 or 123.45. A caller's value with an exponent from 0 to 14 is no
 * integer, so that there are digits behind the point. */
static size_t layout_plain(char *out, const char digits[DIGITS_SIZE], size_t count, int exponent)
{
    if (exponent < 0) {
        size_t start = (size_t)(1 - exponent);
        memcpy(out, "0.000", sizeof "0.000");
        memcpy(out + start, digits, SIGNIFICANT_DIGITS_MAX);
        return start + count;
    }
    size_t whole = (size_t)exponent + 1;
    memcpy(out, digits, 16);
    out[whole] = '.';
    memcpy(out + whole + 1, digits + whole, 8);
    if (whole + 8 < count) {
        memcpy(out + whole + 9, digits + whole + 8, 8);
    }
    return count + 1;
}

/* Lays digits out as 1.234e+50, with at least two digits of exponent. */
static size_t layout_scientific(char *out, const char digits[DIGITS_SIZE], size_t count,
                                int exponent)
{
    out[0] = digits[0];
    out[1] = '.';
    memcpy(out + 2, digits + 1, SIGNIFICANT_DIGITS_MAX - 1);
    size_t length = count > 1 ? count + 1 : 1;
    out[length++] = 'e';
    out[length++] = exponent < 0 ? '-' : '+';
    unsigned size = exponent < 0 ? (unsigned)-exponent : (unsigned)exponent;
    out[length] = (char)('0' + size / 100);
    length += size >= 100;
    out[length++] = (char)('0' + size / 10 % 10);
    out[length++] = (char)('0' + size % 10);
    return length;
}

static size_t write_shortest(char *out, double value)
{
    struct number_decimal decimal = number_shortest(value);
    /* A normal double has 16 or 17 digits as it is; a branch here would be hard to predict. */
    bool is_short = decimal.digits < TWO_WORDS;
    decimal.digits *= is_short ? 10 : 1;
    decimal.exponent -= is_short;
    while (decimal.digits < TWO_WORDS) {
        decimal.digits *= 10;
        decimal.exponent--;
    }
    uint64_t rest = decimal.digits % TWO_WORDS;
    uint64_t upper = number_digits_split((uint32_t)(rest / ONE_WORD));
    uint64_t lower = number_digits_split((uint32_t)(rest % ONE_WORD));
    char digits[DIGITS_SIZE] = {0};
    digits[0] = (char)('0' + decimal.digits / TWO_WORDS);
    number_digits_write(digits + 1, upper);
    number_digits_write(digits + 9, lower);
    size_t count = 1;
    if (lower != 0) {
        count = SIGNIFICANT_DIGITS_MAX - number_digits_trailing(lower);
    } else if (upper != 0) {
        count = SIGNIFICANT_DIGITS_MAX - 8 - number_digits_trailing(upper);
    }
    int exponent = decimal.exponent + SIGNIFICANT_DIGITS_MAX - 1;
    return value >= PLAIN_MIN && value < PLAIN_END
               ? layout_plain(out, digits, count, exponent)
               : layout_scientific(out, digits, count, exponent);
}

/* Writes a finite value that is not negative. */
static size_t write_size(char *out, double value)
{
    if (value < PLAIN_END && value == (double)(int64_t)value) {
        return write_integer(out, (uint64_t)(int64_t)value);
    }
    size_t length = value >= PLAIN_MIN && value < SHORT_END ? write_short(out, value) : 0;
    return length > 0 ? length : write_shortest(out, value);
}

size_t number_format(char out[NUMBER_TEXT_MAX], double value)
{
    if (!isfinite(value)) {
        const char *word = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
        size_t length = strlen(word);
        memcpy(out, word, length + 1);
        return length;
    }
    size_t sign = value < 0;
    out[0] = '-';
    size_t length = sign + write_size(out + sign, fabs(value));
    out[length] = '\0';
    return length;
}
