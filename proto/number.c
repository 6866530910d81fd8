/* SPDX-License-Identifier: MIT */
#include "proto/number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number_digits.h"
#include "proto/number_powers.h"
#include "proto/number_scan.h"

#define TEXT_LENGTH_MAX 1024

/* Far outside what a double can hold, far inside an int. */
#define EXPONENT_MAX 1000000

/* A mantissa up to this takes eight digits more. */
#define EIGHT_MORE_MAX (UINT64_MAX / 100000000 - 1)

__extension__ typedef unsigned __int128 uint128;

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
    uint32_t eight = 0;
    while (end - text >= 8 && decimal->mantissa < EIGHT_MORE_MAX &&
           number_digits_read(text, &eight)) {
        decimal->mantissa = decimal->mantissa * 100000000 + eight;
        decimal->exponent -= fraction ? 8 : 0;
        text += 8;
    }
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

/* The mantissa times a power of 128 bits, after Daniel Lemire, "Number Parsing at a Gigabyte per
 * Second" (2021). The upper 128 bits of that product are off by less than one, because the power is
 * off by less than one in its last place, and by less than two when moved up a place. This decides
 * the rounding unless the bits behind the 53rd are that close to a half. Fails there, on subnormals
 * and on the largest doubles. */
static bool convert_by_power(const struct decimal *decimal, double *value)
{
    enum { FRACTION_BITS = 52, REST_BITS = 127 - FRACTION_BITS, BIAS = 1075, BIASED_MAX = 2045 };
    if (decimal->truncated || decimal->mantissa == 0 || decimal->exponent < NUMBER_POWER_FIRST ||
        decimal->exponent > NUMBER_POWER_LAST) {
        return false;
    }
    struct number_power power = number_powers[decimal->exponent - NUMBER_POWER_FIRST];
    int shift = __builtin_clzll(decimal->mantissa);
    uint64_t mantissa = decimal->mantissa << shift;
    uint128 product = (uint128)power.high * mantissa + ((uint128)power.low * mantissa >> 64);
    bool low = product >> 127 == 0;
    product <<= low;
    uint128 rest = product & (((uint128)1 << REST_BITS) - 1);
    uint128 half = (uint128)1 << (REST_BITS - 1);
    int biased = BIAS + number_power_log2(decimal->exponent) - shift - low + REST_BITS - 63;
    if ((rest >= half - 2 && rest <= half + 2) || biased < 1 || biased > BIASED_MAX) {
        return false;
    }
    /* The significand's top bit adds one to the exponent, and so does a carry out of it. */
    uint64_t bits = (uint64_t)(product >> REST_BITS) + (rest > half) +
                    ((uint64_t)(biased - 1) << FRACTION_BITS) + ((uint64_t)decimal->negative << 63);
    memcpy(value, &bits, sizeof bits);
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
    return convert_exactly(&decimal, value) || convert_by_power(&decimal, value) ||
           convert_slowly(text, length, value);
}
