/* SPDX-License-Identifier: MIT
 *
 * Decimal numbers of up to eight characters behind their sign, which nearly every sample is, read
 * all at once in the bytes of one integer. Private to proto; pure functions, no branch on the
 * digits.
 */
#ifndef PROTO_NUMBER_SHORT_H
#define PROTO_NUMBER_SHORT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/number_scan.h"

#define NUMBER_SHORT_BYTES 8
#define NUMBER_EVERY_BYTE UINT64_C(0x0101010101010101)

/* The value of eight digits, one a byte, the first in the lowest: neighbours are joined to numbers
 * of two, four and eight digits, each step in one multiplication. */
static inline uint32_t number_join_digits(uint64_t digits)
{
    digits = digits * (1 + (10 << 8)) >> 8 & UINT64_C(0x00FF00FF00FF00FF);
    digits = digits * (1 + (100 << 16)) >> 16 & UINT64_C(0x0000FFFF0000FFFF);
    return (uint32_t)(digits * (1 + (UINT64_C(10000) << 32)) >> 32);
}

/* Reads the `length` bytes in front of `end`, 1 to 8, as digits [. digits]; the eight bytes in
 * front of `end` must be readable. False when it is anything else. The value, less than 10^8 over a
 * power of ten less than 10^8, is correctly rounded as number_scan.h says; `negative` turns its
 * sign, and zero has none. */
static inline __attribute__((always_inline)) bool number_short(const char *end, size_t length,
                                                               bool negative, double *value)
{
    uint64_t bytes;
    memcpy(&bytes, end - sizeof bytes, sizeof bytes);
    unsigned before = 64 - 8 * (unsigned)length;
    uint64_t digits = (le64toh(bytes) ^ NUMBER_EVERY_BYTE * '0') >> before << before;
    /* The lowest mark of Hacker's Delight, 6-1, is exact; a second point is a bad digit below. */
    uint64_t point = digits ^ NUMBER_EVERY_BYTE * ('.' ^ '0');
    point = (point - NUMBER_EVERY_BYTE) & ~point & NUMBER_EVERY_BYTE * 0x80;
    point &= -point;
    /* The bits from the point upwards, none without one. What is in front of it moves up into its
     * place. */
    uint64_t from_point = -(point >> 7);
    uint64_t whole = digits & ~from_point;
    digits = (digits & from_point << 8) | whole << 8 * (point != 0);
    unsigned places = 7 - (unsigned)__builtin_ctzll(point | UINT64_C(1) << 63) / 8;
    bool bad = (((digits + NUMBER_EVERY_BYTE * 0x76) | digits) & NUMBER_EVERY_BYTE * 0x80) != 0;
    int64_t mantissa = number_join_digits(digits);
    *value = (double)(negative ? -mantissa : mantissa) / number_powers_of_ten[places];
    return !bad && length > (point != 0);
}

#endif
