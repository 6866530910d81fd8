/* SPDX-License-Identifier: MIT
 *
 * The storage of a histogram: pages of counters by key, a hash table to find them, and a cursor
 * over what is counted. It knows nothing of schemas, nor of values but their order. One thread at a
 * time; private to the sketch.
 *
 * The key of a page is the common part of its ordinals, ordinal >> 6, moved above zero, negated for
 * the mirrored buckets of negative values, and moved above zero again: keys ascend as the values
 * do. An entry of the hash table is key << 16 | position << 8 | bits of a counter, or 0 for a free
 * slot, so that one load tells all about a page, and entries sort by key.
 */
#ifndef SERVER_METRICS_SKETCH_PAGES_H
#define SERVER_METRICS_SKETCH_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_private.h"

#define SKETCH_KEY_ZERO 0x8000 /* between negative and positive values; no page has it */
#define SKETCH_KEY_BIAS 8192

struct sketch_histogram {
    struct sketch sketch;
    uint8_t schema;
    uint8_t page_count;
    uint8_t page_capacity;
    uint32_t slot_mask;
    double carry;   /* the fraction of a unit that no bucket counts yet */
    uint64_t units; /* in all buckets */
    uint64_t zero;  /* the bucket of zero */
    double minimum; /* of the values added; +Inf and -Inf before the first */
    double maximum;
    uint64_t *counters[]; /* of each page; behind page_capacity of them the slots */
};

/* Where a count belongs. */
struct sketch_place {
    uint32_t key;
    uint32_t bucket; /* in the page */
};

static inline struct sketch_place sketch_place_of(int32_t ordinal, bool negative)
{
    int32_t distance = (ordinal >> 6) + SKETCH_KEY_BIAS;
    return (struct sketch_place){
        .key = (uint32_t)(SKETCH_KEY_ZERO + (negative ? -distance : distance)),
        .bucket = (uint32_t)ordinal % SKETCH_PAGE_BUCKETS,
    };
}

static inline uint32_t *sketch_pages_slots(const struct sketch_histogram *histogram)
{
    return (uint32_t *)(uintptr_t)(histogram->counters + histogram->page_capacity);
}

/* The slot with the entry of `key`, or the free one where it would be. Pages side by side have
 * slots side by side: most histograms see no collision at all. */
static inline uint32_t *sketch_pages_find(const struct sketch_histogram *histogram, uint32_t key)
{
    uint32_t *slots = sketch_pages_slots(histogram);
    for (uint32_t at = key;; at++) {
        uint32_t *slot = &slots[at & histogram->slot_mask];
        if (__builtin_expect(*slot >> 16 == key || *slot == 0, 1)) {
            return slot;
        }
    }
}

/* A counter is a part of a word, whatever its bits, so that no branch has to tell the widths apart.
 */
struct sketch_counter {
    uint64_t *word;
    unsigned shift;
    uint64_t limit; /* the largest count, and the mask */
};

static inline struct sketch_counter sketch_counter_of(const struct sketch_histogram *histogram,
                                                      uint32_t entry, uint32_t bucket)
{
    unsigned bits = entry & 0xff;
    unsigned at = bucket * bits;
    return (struct sketch_counter){
        .word = histogram->counters[entry >> 8 & 0xff] + at / 64,
        .shift = at % 64,
        .limit = UINT64_MAX >> (64 - bits),
    };
}

static inline uint64_t sketch_counter_read(struct sketch_counter counter)
{
    return *counter.word >> counter.shift & counter.limit;
}

static inline void sketch_counter_write(struct sketch_counter counter, uint64_t units)
{
    *counter.word = (*counter.word & ~(counter.limit << counter.shift)) | units << counter.shift;
}

/* The bytes of a header block with room for `capacity` pages. */
size_t sketch_pages_header_bytes(unsigned capacity);

/* Room for how many pages a new header has, and how many after `capacity` are used up. */
unsigned sketch_pages_capacity(unsigned capacity_before);

/* Makes all slots of a new header free; page_capacity must be set. */
void sketch_pages_init(struct sketch_histogram *histogram);

/* Gives the counters of all pages back. */
void sketch_pages_deinit(struct sketch_histogram *histogram, struct pool_cache *cache);

/* Adds units to a bucket; where its page is missing there must be fewer than SKETCH_PAGES_MAX. The
 * header block may move. False at the budget: nothing is counted. */
bool sketch_pages_count(struct sketch_histogram **histogram, struct sketch_place place,
                        uint64_t units, struct pool_cache *cache);

/* Bytes of all counters. */
size_t sketch_pages_bytes(const struct sketch_histogram *histogram);

/* Walks the buckets that are not empty in ascending order of their values. */
struct sketch_cursor {
    const struct sketch_histogram *histogram;
    uint32_t entries[SKETCH_PAGES_MAX]; /* in order */
    unsigned page;                      /* number in that order */
    unsigned step;                      /* in the page, against its bucket order where negative */
    double taken;                       /* units found in the page */
    bool zero_done;
    enum sketch_sign sign; /* of the bucket found, and its ordinal and count */
    int32_t ordinal;
    uint64_t units;
};

void sketch_cursor_init(struct sketch_cursor *cursor, const struct sketch_histogram *histogram);
bool sketch_cursor_next(struct sketch_cursor *cursor);

/* Passes over the rest of the page and over whole pages while their sum stays below `units`, and
 * returns what they sum up to. */
double sketch_cursor_skip(struct sketch_cursor *cursor, double units);

#endif
