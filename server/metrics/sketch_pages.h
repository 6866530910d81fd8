/* SPDX-License-Identifier: MIT
 *
 * The storage of a histogram: one pool block with a header, two directories and pages of counters.
 * It knows nothing of schemas, nor of values but their order. One thread at a time; private to the
 * sketch.
 *
 * A directory a sign has an entry for each page from the first to the last that was needed, so that
 * an entry is found by a subtraction: offset << 3 | code, the offset in words from the end of the
 * block to the page, 0 for a page that is missing. Directories grow from the header up, positive
 * before negative, and pages from the end of the block down, so that neither moves when the block
 * grows. A page that is widened leaves a hole; when directories and pages meet, the block is copied
 * without holes into one of the next size that has room.
 */
#ifndef SERVER_METRICS_SKETCH_PAGES_H
#define SERVER_METRICS_SKETCH_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_page.h"
#include "server/metrics/sketch_private.h"

struct sketch_histogram {
    struct sketch sketch;
    uint8_t schema;
    uint16_t words;    /* of the block */
    uint16_t filled;   /* of them by pages and holes, from the end */
    uint16_t first[2]; /* page number of the first entry, by whether values are negative */
    uint16_t count[2]; /* entries */
    double carry;      /* the fraction of a unit that no bucket counts yet */
    uint64_t units;    /* in all buckets */
    uint64_t zero;     /* the bucket of zero */
    double minimum;    /* of the values added; +Inf and -Inf before the first */
    double maximum;
    uint16_t directory[];
};

#define SKETCH_PAGES_BIAS 8192

/* Above zero for any ordinal of a double. */
static inline unsigned sketch_pages_number(int32_t ordinal)
{
    return (unsigned)(ordinal + SKETCH_PAGES_BIAS * SKETCH_PAGE_BUCKETS) / SKETCH_PAGE_BUCKETS;
}

static inline uint16_t *sketch_pages_directory(const struct sketch_histogram *histogram,
                                               bool negative)
{
    return (uint16_t *)(uintptr_t)histogram->directory + (negative ? histogram->count[0] : 0);
}

/* 0 for a page that is missing. */
static inline unsigned sketch_pages_entry(const struct sketch_histogram *histogram, bool negative,
                                          unsigned page)
{
    unsigned at = page - histogram->first[negative];
    return at < histogram->count[negative] ? sketch_pages_directory(histogram, negative)[at] : 0;
}

static inline uint64_t *sketch_pages_words(const struct sketch_histogram *histogram, unsigned entry)
{
    return (uint64_t *)(uintptr_t)histogram + histogram->words - (entry >> 3);
}

static inline unsigned sketch_pages_code(unsigned entry)
{
    return entry & 7;
}

/* A block with room for `words` words of pages and as many directory entries as they take, empty
 * but for its sizes. NULL at the budget. */
struct sketch_histogram *sketch_pages_new(unsigned words, struct pool_cache *cache);

/* The same storage in a block of its own. NULL at the budget. */
struct sketch_histogram *sketch_pages_copy(const struct sketch_histogram *histogram,
                                           struct pool_cache *cache);

void sketch_pages_free(struct sketch_histogram *histogram, struct pool_cache *cache);

/* Makes room for `words` words of pages more in one step, if memory and SKETCH_BYTES_MAX allow, and
 * takes back what is left of it. The block may move. */
void sketch_pages_reserve(struct sketch_histogram **histogram, unsigned words,
                          struct pool_cache *cache);
void sketch_pages_trim(struct sketch_histogram **histogram, struct pool_cache *cache);

/* The words of all pages. */
unsigned sketch_pages_live(const struct sketch_histogram *histogram);

/* Why counts found no room, if they did not: then nothing is changed. */
enum sketch_room { SKETCH_ROOM, SKETCH_NO_MEMORY, SKETCH_TOO_LARGE /* for SKETCH_BYTES_MAX */ };

/* Adds units to one bucket. The block may move. */
enum sketch_room sketch_pages_count(struct sketch_histogram **histogram, bool negative,
                                    int32_t ordinal, uint64_t units, struct pool_cache *cache);

/* Adds a page of counters to one of the same number. The block may move. */
enum sketch_room sketch_pages_add(struct sketch_histogram **histogram, bool negative, unsigned page,
                                  const uint64_t *words, unsigned code, struct pool_cache *cache);

/* Walks the pages that are there, and the bucket of zero as if it were one, in ascending order of
 * their values. */
struct sketch_walk {
    const struct sketch_histogram *histogram;
    unsigned next; /* entry, counted in that order, zero among them */
    enum sketch_sign sign;
    unsigned page; /* number; means nothing for zero */
    unsigned code;
    const uint64_t *words; /* the counter of zero for zero */
    uint64_t units;        /* their sum */
};

void sketch_walk_init(struct sketch_walk *walk, const struct sketch_histogram *histogram);
bool sketch_walk_next(struct sketch_walk *walk);

/* The bucket, in ascending order of values, at which the units of the page found reach `target`, 1
 * to their sum. */
int32_t sketch_walk_select(const struct sketch_walk *walk, uint64_t target);

/* Walks the buckets that are not empty in ascending order of their values. */
struct sketch_cursor {
    struct sketch_walk walk;
    unsigned step; /* in the page, against its bucket order where negative */
    int32_t ordinal;
    uint64_t units;
};

void sketch_cursor_init(struct sketch_cursor *cursor, const struct sketch_histogram *histogram);
bool sketch_cursor_next(struct sketch_cursor *cursor);

#endif
