/* SPDX-License-Identifier: MIT
 *
 * Eight decimal digits at a time, in one 64-bit word. Private to proto; pure functions.
 */
#ifndef PROTO_NUMBER_DIGITS_H
#define PROTO_NUMBER_DIGITS_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The eight digits of a value below 10^8, one a byte as 0 to 9, the first digit in the lowest byte:
 * the value is split in halves, these into hundreds, these into digits, all parts side by side
 * (after Paul Khuong, "How to print integers really fast", 2017). Quotients by 100 and 10 are
 * multiplications by 10486 / 2^20 and 103 / 2^10, exact below 10^4 and 10^2. */
static inline uint64_t number_digits_split(uint32_t value)
{
    uint64_t halves = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (halves * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = (pairs * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return tens | (pairs - tens * 10) << 8;
}

/* Writes the eight digits of such a word as text. */
static inline void number_digits_write(char *out, uint64_t digits)
{
    uint64_t text = htole64(digits | UINT64_C(0x3030303030303030));
    memcpy(out, &text, sizeof text);
}

/* Reads eight bytes of text into `value` when all of them are digits: pairs are joined, then pairs
 * of these, then the halves, all side by side. */
static inline bool number_digits_read(const char *text, uint32_t *value)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    word = le64toh(word);
    /* The upper halves of a digit's byte and of the digit's plus six are both 3. */
    uint64_t upper = UINT64_C(0xf0f0f0f0f0f0f0f0);
    uint64_t raised = (word + UINT64_C(0x0606060606060606)) & upper;
    if (((word & upper) | raised >> 4) != UINT64_C(0x3333333333333333)) {
        return false;
    }
    uint64_t digits = word & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t pairs = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    uint64_t halves = (pairs * 100 + (pairs >> 16)) & UINT64_C(0x0000ffff0000ffff);
    *value = (uint32_t)(halves * 10000 + (halves >> 32));
    return true;
}

/* How many of the eight digits are zeros in front of or behind the others; `digits` is not 0. */
static inline unsigned number_digits_leading(uint64_t digits)
{
    return (unsigned)__builtin_ctzll(digits) / 8;
}

static inline unsigned number_digits_trailing(uint64_t digits)
{
    return (unsigned)__builtin_clzll(digits) / 8;
}

#endif
