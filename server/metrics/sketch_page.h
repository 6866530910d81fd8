/* SPDX-License-Identifier: MIT
 *
 * A page: 64 counters of 1 << code bits each (code 0 to 6), packed into 1 << code words, lowest
 * first. Sums and sums of pages are made a word at a time, all counters of it at once. It knows
 * nothing of what is counted. Pure functions; private to the sketch.
 */
#ifndef SERVER_METRICS_SKETCH_PAGE_H
#define SERVER_METRICS_SKETCH_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/metrics/sketch.h"

#define SKETCH_PAGE_CODE_MAX 6
#define SKETCH_PAGE_WORDS_MAX 64

/* The largest count, which is also the mask, of a counter. */
extern const uint64_t sketch_page_limits[SKETCH_PAGE_CODE_MAX + 1];

static inline uint64_t sketch_page_limit(unsigned code)
{
    return sketch_page_limits[code];
}

/* The narrowest counters that hold a count. */
unsigned sketch_page_code(uint64_t count);

/* One counter. It must have room for what is written. */
static inline uint64_t sketch_page_read(const uint64_t *words, unsigned code, unsigned bucket)
{
    unsigned at = bucket << code;
    return words[at / 64] >> at % 64 & sketch_page_limit(code);
}

static inline void sketch_page_write(uint64_t *words, unsigned code, unsigned bucket,
                                     uint64_t count)
{
    unsigned at = bucket << code;
    uint64_t mask = sketch_page_limit(code) << at % 64;
    words[at / 64] = (words[at / 64] & ~mask) | count << at % 64;
}

/* The sum of all counters, and of those before `bucket` (0 to 64); UINT64_MAX where it overflows.
 */
uint64_t sketch_page_sum(const uint64_t *words, unsigned code);
uint64_t sketch_page_sum_before(const uint64_t *words, unsigned code, unsigned bucket);

/* The first bucket at which the sum of the counters to it reaches `target`, from 1 to the sum of
 * the page. */
unsigned sketch_page_select(const uint64_t *words, unsigned code, uint64_t target);

/* Writes the page with counters of `wide_code` >= code; `out` may be the page itself. */
void sketch_page_widen(const uint64_t *words, unsigned code, unsigned wide_code, uint64_t *out);

/* Adds a page of the same width. False when a counter has no room: nothing is changed. Counters of
 * 64 bits stop at their top. */
bool sketch_page_add(uint64_t *into, const uint64_t *from, unsigned code);

#endif
