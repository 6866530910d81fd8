/* SPDX-License-Identifier: MIT */
#include "proto/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number_scan.h"

#define TEXT_LENGTH_MAX 1024
#define SIGNIFICANT_DIGITS_MAX 17

/* Far outside what a double can hold, far inside an int. */
#define EXPONENT_MAX 1000000

/* The value is mantissa * 10^exponent, up to digits that no longer fitted the mantissa. */
struct decimal {
    bool negative;
    bool truncated;
    uint64_t mantissa;
    int exponent;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Takes digits from [text, end) into the mantissa; `fraction` says that they stand behind the
 * point. Returns the first byte that is no digit. */
static const char *take_digits(const char *text, const char *end, bool fraction,
                               struct decimal *decimal)
{
    for (; text < end && is_digit(*text); text++) {
        if (decimal->mantissa < UINT64_MAX / 10 - 1) {
            decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(*text - '0');
            decimal->exponent -= fraction;
        } else {
            decimal->truncated = decimal->truncated || *text != '0';
            decimal->exponent += !fraction;
        }
    }
    return text;
}

/* Reads `e`, a sign and at least one digit. NULL when they are not there. */
static const char *take_exponent(const char *text, const char *end, struct decimal *decimal)
{
    text++;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+')) {
        text++;
    }
    if (text == end) {
        return NULL;
    }
    int exponent = 0;
    for (; text < end && is_digit(*text); text++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*text - '0') : EXPONENT_MAX;
    }
    decimal->exponent += negative ? -exponent : exponent;
    return text;
}

/* Checks the grammar and takes the number apart. */
static bool parse_decimal(const char *text, size_t length, struct decimal *decimal)
{
    const char *end = text + length;
    decimal->negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+')) {
        text++;
    }
    const char *whole = text;
    text = take_digits(text, end, false, decimal);
    size_t digits = (size_t)(text - whole);
    if (text < end && *text == '.') {
        const char *fraction = text + 1;
        text = take_digits(fraction, end, true, decimal);
        digits += (size_t)(text - fraction);
    }
    if (digits == 0) {
        return false;
    }
    if (text < end && (*text == 'e' || *text == 'E')) {
        text = take_exponent(text, end, decimal);
    }
    return text == end;
}

/* Succeeds where number_scan.h says that one operation rounds correctly. */
static bool convert_exactly(const struct decimal *decimal, double *value)
{
    if (decimal->truncated || decimal->mantissa > NUMBER_MANTISSA_EXACT_MAX ||
        decimal->exponent > NUMBER_POWER_EXACT_MAX || decimal->exponent < -NUMBER_POWER_EXACT_MAX) {
        return false;
    }
    double mantissa = (double)decimal->mantissa;
    if (decimal->exponent < 0) {
        mantissa /= number_powers_of_ten[-decimal->exponent];
    } else {
        mantissa *= number_powers_of_ten[decimal->exponent];
    }
    *value = decimal->negative ? -mantissa : mantissa;
    return true;
}

/* strtod() of a text whose grammar has been checked, whatever locale the process has set. glibc and
 * musl answer newlocale() for "C" with a constant object: nothing is allocated. */
static bool convert_slowly(const char *text, size_t length, double *value)
{
    char copy[TEXT_LENGTH_MAX + 1];
    memcpy(copy, text, length);
    copy[length] = '\0';
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return false;
    }
    double result = strtod_l(copy, NULL, plain);
    freelocale(plain);
    if (!isfinite(result)) {
        return false;
    }
    *value = result;
    return true;
}

bool number_parse(const char *text, size_t length, double *value)
{
    if (length == 0 || length > TEXT_LENGTH_MAX) {
        return false;
    }
    double scanned = 0;
    if (number_scan(text, length, &scanned) == length) {
        *value = scanned;
        return true;
    }
    struct decimal decimal = {0};
    if (!parse_decimal(text, length, &decimal)) {
        return false;
    }
    return convert_exactly(&decimal, value) || convert_slowly(text, length, value);
}

static size_t format_integer(char *out, int64_t value)
{
    char reversed[NUMBER_TEXT_MAX];
    size_t count = 0;
    size_t length = 0;
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        out[length++] = '-';
    }
    while (count > 0) {
        out[length++] = reversed[--count];
    }
    out[length] = '\0';
    return length;
}

/* The `precision` significant digits of a positive value and the exponent of the first one. Skips
 * whatever point the locale put behind the first digit. */
static void round_to_digits(double value, int precision, char digits[SIGNIFICANT_DIGITS_MAX],
                            int *exponent)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", precision - 1, value);
    const char *at = text;
    for (int count = 0; *at != 'e'; at++) {
        if (is_digit(*at) && count < precision) {
            digits[count++] = *at;
        }
    }
    *exponent = atoi(at + 1);
}

/* Adds one to the last of the digits. */
static void increment_digits(char *digits, int count, int *exponent)
{
    int i = count - 1;
    while (i > 0 && digits[i] == '9') {
        digits[i--] = '0';
    }
    if (digits[i] == '9') {
        digits[i] = '1';
        ++*exponent;
    } else {
        digits[i]++;
    }
}

/* Lays digits out as 0.00123 or 123.45. A caller's value with an exponent from 0 to 14 is no
 * integer, so that there are digits behind the point. */
static size_t layout_plain(char *out, const char *digits, size_t count, int exponent)
{
    size_t length = 0;
    size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1;
    if (whole == 0) {
        out[length++] = '0';
    }
    for (size_t i = 0; i < whole; i++) {
        out[length++] = i < count ? digits[i] : '0';
    }
    out[length++] = '.';
    for (int i = -1; i > exponent; i--) {
        out[length++] = '0';
    }
    for (size_t i = whole; i < count; i++) {
        out[length++] = digits[i];
    }
    return length;
}

/* Lays digits out as 1.234e+50, with at least two digits of exponent. */
static size_t layout_scientific(char *out, const char *digits, size_t count, int exponent)
{
    size_t length = 0;
    out[length++] = digits[0];
    if (count > 1) {
        out[length++] = '.';
        memcpy(out + length, digits + 1, count - 1);
        length += count - 1;
    }
    unsigned size = exponent < 0 ? (unsigned)-exponent : (unsigned)exponent;
    out[length++] = 'e';
    out[length++] = exponent < 0 ? '-' : '+';
    if (size >= 100) {
        out[length++] = (char)('0' + size / 100);
    }
    out[length++] = (char)('0' + size / 10 % 10);
    out[length++] = (char)('0' + size % 10);
    return length;
}

/* Writes the digits without the zeros at their end. Returns the length, or 0 when the text is not
 * read back as `value`. */
static size_t layout_if_exact(char *out, const char *digits, int precision, int exponent,
                              double value)
{
    size_t count = (size_t)precision;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    size_t length = exponent >= -4 && exponent < 15
                        ? layout_plain(out, digits, count, exponent)
                        : layout_scientific(out, digits, count, exponent);
    double again = 0;
    return number_parse(out, length, &again) && again == value ? length : 0;
}

/* A decimal of 15 digits survives the way through a normal double, so that rounding to 15 finds
 * every text that short; a subnormal has fewer bits and may need as little as one digit. 17 always
 * suffice. The doubles below a power of two lie closer than those above it, so that there the
 * decimal next above may be read back where the nearest is not. */
static size_t format_positive(char *out, double value)
{
    size_t length = 0;
    for (int precision = value < DBL_MIN ? 1 : 15;
         length == 0 && precision <= SIGNIFICANT_DIGITS_MAX; precision++) {
        char digits[SIGNIFICANT_DIGITS_MAX];
        int exponent = 0;
        round_to_digits(value, precision, digits, &exponent);
        length = layout_if_exact(out, digits, precision, exponent, value);
        if (length == 0) {
            increment_digits(digits, precision, &exponent);
            length = layout_if_exact(out, digits, precision, exponent, value);
        }
    }
    return length;
}

static size_t format_word(char *out, const char *word)
{
    size_t length = strlen(word);
    memcpy(out, word, length + 1);
    return length;
}

size_t number_format(char out[NUMBER_TEXT_MAX], double value)
{
    if (isnan(value)) {
        return format_word(out, "NaN");
    }
    if (isinf(value)) {
        return format_word(out, value > 0 ? "+Inf" : "-Inf");
    }
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        return format_integer(out, (int64_t)value);
    }
    size_t sign = value < 0;
    if (sign) {
        out[0] = '-';
    }
    size_t length = sign + format_positive(out + sign, fabs(value));
    out[length] = '\0';
    return length;
}
