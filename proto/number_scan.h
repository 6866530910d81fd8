/* SPDX-License-Identifier: MIT
 *
 * The quick and exact part of reading decimal numbers, inline for those who read numbers out of a
 * longer text. Private to proto; pure functions.
 */
#ifndef PROTO_NUMBER_SCAN_H
#define PROTO_NUMBER_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* The exact range of a double: 2^53, and the powers of ten that have no more than 53 significant
 * bits. One correctly rounded operation on two of these gives the correctly rounded result
 * (Clinger, "How to Read Floating Point Numbers Accurately", 1990). */
#define NUMBER_MANTISSA_EXACT_MAX (UINT64_C(1) << 53)
#define NUMBER_POWER_EXACT_MAX 22

static const double number_powers_of_ten[NUMBER_POWER_EXACT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* Reads the longest [+-] digits [. digits] that `text` begins with. Returns its length, or 0, with
 * *value untouched, when it has no digit or more than 18 characters or is beyond the exact range;
 * that says nothing about its being a number. Only the bytes given are read. */
static inline size_t number_scan(const char *text, size_t length, double *value)
{
    enum { CHARACTERS_MAX = 18 };
    size_t end = length < CHARACTERS_MAX ? length : CHARACTERS_MAX;
    size_t start = end > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t mantissa = 0;
    size_t i = start;
    size_t digits = 0;
    size_t fraction = 0;
    for (; i < end && (unsigned char)(text[i] - '0') <= 9; i++) {
        mantissa = mantissa * 10 + (uint64_t)(text[i] - '0');
    }
    digits = i - start;
    if (i < end && text[i] == '.') {
        size_t point = i++;
        for (; i < end && (unsigned char)(text[i] - '0') <= 9; i++) {
            mantissa = mantissa * 10 + (uint64_t)(text[i] - '0');
        }
        fraction = i - point - 1;
        digits += fraction;
    }
    if (digits == 0 || (i == CHARACTERS_MAX && length > CHARACTERS_MAX) ||
        mantissa > NUMBER_MANTISSA_EXACT_MAX) {
        return 0;
    }
    double result = (double)(int64_t)mantissa;
    if (fraction > 0) {
        result /= number_powers_of_ten[fraction];
    }
    *value = text[0] == '-' ? -result : result;
    return i;
}

#endif
