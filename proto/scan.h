/* SPDX-License-Identifier: MIT
 *
 * Small steps that the readers of wire formats share: finding a byte, comparing, reading plain
 * digits. Positions are offsets into one datagram and `end` is never read. Private to proto; pure
 * functions.
 */
#ifndef PROTO_SCAN_H
#define PROTO_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/span.h"

static inline struct span scan_span(uint32_t from, uint32_t end)
{
    return (struct span){.offset = from, .length = end - from};
}

/* The first place in [from, end) that holds `wanted`, or `end`. */
static inline uint32_t scan_for(const char *bytes, uint32_t from, uint32_t end, char wanted)
{
    const char *found = from < end ? memchr(bytes + from, wanted, end - from) : NULL;
    return found ? (uint32_t)(found - bytes) : end;
}

/* Whether [from, end) begins with the NUL-terminated `prefix`. */
static inline bool scan_begins(const char *bytes, uint32_t from, uint32_t end, const char *prefix)
{
    size_t length = strlen(prefix);
    return end - from >= length && memcmp(bytes + from, prefix, length) == 0;
}

/* Whether [from, end) is exactly `word`. */
static inline bool scan_equals(const char *bytes, uint32_t from, uint32_t end, const char *word)
{
    return end - from == strlen(word) && scan_begins(bytes, from, end, word);
}

/* Reads [from, end) as 1 to 18 decimal digits, which fit an int64_t. */
static inline bool scan_digits(const char *bytes, uint32_t from, uint32_t end, int64_t *value)
{
    if (from >= end || end - from > 18) {
        return false;
    }
    int64_t sum = 0;
    for (uint32_t i = from; i < end; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return false;
        }
        sum = sum * 10 + (bytes[i] - '0');
    }
    *value = sum;
    return true;
}

#endif
