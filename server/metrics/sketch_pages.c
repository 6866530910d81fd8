/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_pages.h"

#include <string.h>

_Static_assert(offsetof(struct sketch_histogram, directory) == 56, "no padding but what is needed");
_Static_assert(SKETCH_BYTES_MAX / 8 < 1 << 13, "an offset takes 13 bits of an entry");
_Static_assert(SKETCH_BYTES_MAX <= POOL_BLOCK_BYTES_MAX, "a histogram is one block");

#define WORDS_MAX ((unsigned)(SKETCH_BYTES_MAX / sizeof(uint64_t)))

/* The words before the pages with so many directory entries. */
static unsigned header_words(unsigned entries)
{
    return (unsigned)((offsetof(struct sketch_histogram, directory) + entries * 2 + 7) / 8);
}

static struct sketch_histogram *block_take(unsigned words, struct pool_cache *cache)
{
    size_t bytes = pool_block_bytes(words * sizeof(uint64_t));
    struct sketch_histogram *block = pool_take(cache, bytes);
    if (block) {
        block->words = (uint16_t)(bytes / sizeof(uint64_t));
    }
    return block;
}

struct sketch_histogram *sketch_pages_new(unsigned words, struct pool_cache *cache)
{
    struct sketch_histogram *histogram = block_take(header_words(words / 4 + 1) + words, cache);
    if (histogram) {
        unsigned block_words = histogram->words;
        *histogram = (struct sketch_histogram){.words = (uint16_t)block_words};
    }
    return histogram;
}

struct sketch_histogram *sketch_pages_copy(const struct sketch_histogram *histogram,
                                           struct pool_cache *cache)
{
    struct sketch_histogram *copy = block_take(histogram->words, cache);
    if (copy) {
        memcpy(copy, histogram, histogram->words * sizeof(uint64_t));
    }
    return copy;
}

void sketch_pages_free(struct sketch_histogram *histogram, struct pool_cache *cache)
{
    pool_give(cache, histogram, histogram->words * sizeof(uint64_t));
}

/* The entries of a directory that has to lead to one more page. */
struct reach {
    unsigned first, count;
};

static struct reach reach_with(const struct sketch_histogram *histogram, bool negative,
                               unsigned page)
{
    unsigned first = histogram->first[negative], count = histogram->count[negative];
    if (count == 0) {
        return (struct reach){page, 1};
    }
    if (page < first) {
        return (struct reach){page, count + first - page};
    }
    return (struct reach){first, page - first < count ? count : page - first + 1};
}

/* There must be room for the entries. */
static void directory_extend(struct sketch_histogram *histogram, bool negative, struct reach reach)
{
    unsigned count = histogram->count[negative], added = reach.count - count;
    unsigned before = count > 0 ? histogram->first[negative] - reach.first : 0;
    uint16_t *entries = sketch_pages_directory(histogram, negative);
    if (!negative) {
        memmove(entries + reach.count, entries + count, histogram->count[1] * sizeof *entries);
    }
    memmove(entries + before, entries, count * sizeof *entries);
    memset(entries, 0, before * sizeof *entries);
    memset(entries + before + count, 0, (added - before) * sizeof *entries);
    histogram->first[negative] = (uint16_t)reach.first;
    histogram->count[negative] = (uint16_t)reach.count;
}

static unsigned entry_count(const struct sketch_histogram *histogram)
{
    return (unsigned)histogram->count[0] + histogram->count[1];
}

unsigned sketch_pages_live(const struct sketch_histogram *histogram)
{
    unsigned words = 0;
    for (unsigned i = 0; i < entry_count(histogram); i++) {
        unsigned entry = histogram->directory[i];
        words += entry ? 1U << sketch_pages_code(entry) : 0;
    }
    return words;
}

/* Puts a new page below the others and returns its words. There must be room. */
static uint64_t *page_place(struct sketch_histogram *histogram, unsigned code, uint16_t *entry)
{
    histogram->filled = (uint16_t)(histogram->filled + (1U << code));
    *entry = (uint16_t)((unsigned)histogram->filled << 3 | code);
    return sketch_pages_words(histogram, *entry);
}

/* Copies everything but holes into a block with room for so many entries and words more. */
static bool move(struct sketch_histogram **histogram, unsigned words, struct pool_cache *cache)
{
    const struct sketch_histogram *old = *histogram;
    struct sketch_histogram *block = block_take(words, cache);
    if (!block) {
        return false;
    }
    unsigned block_words = block->words, entries = entry_count(old);
    memcpy(block, old, offsetof(struct sketch_histogram, directory) + entries * sizeof(uint16_t));
    block->words = (uint16_t)block_words;
    block->filled = 0;
    for (unsigned i = 0; i < entries; i++) {
        unsigned entry = old->directory[i], code = sketch_pages_code(entry);
        if (entry) {
            uint64_t *page = page_place(block, code, &block->directory[i]);
            memcpy(page, sketch_pages_words(old, entry), sizeof *page << code);
        }
    }
    sketch_pages_free(*histogram, cache);
    *histogram = block;
    return true;
}

void sketch_pages_reserve(struct sketch_histogram **histogram, unsigned words,
                          struct pool_cache *cache)
{
    unsigned header = header_words(entry_count(*histogram));
    if (header + (*histogram)->filled + words > (*histogram)->words) {
        words += header + sketch_pages_live(*histogram);
        if (words <= WORDS_MAX) {
            move(histogram, words, cache);
        }
    }
}

void sketch_pages_trim(struct sketch_histogram **histogram, struct pool_cache *cache)
{
    unsigned words = header_words(entry_count(*histogram)) + sketch_pages_live(*histogram);
    if (pool_block_bytes(words * sizeof(uint64_t)) < (*histogram)->words * sizeof(uint64_t)) {
        move(histogram, words, cache);
    }
}

/* Makes room for one page more, and its entry where it has none. */
static enum sketch_room make_room(struct sketch_histogram **histogram, bool negative, unsigned page,
                                  unsigned code, struct pool_cache *cache)
{
    struct reach reach = reach_with(*histogram, negative, page);
    unsigned entries = entry_count(*histogram) + reach.count - (*histogram)->count[negative];
    unsigned words = header_words(entries) + (1U << code);
    if (words + (*histogram)->filled > (*histogram)->words) {
        words += sketch_pages_live(*histogram);
        if (words > WORDS_MAX) {
            return SKETCH_TOO_LARGE;
        }
        /* A sixteenth to spare, so that not every page that is widened moves all. */
        unsigned ample = words + words / 16;
        if (!move(histogram, ample < WORDS_MAX ? ample : WORDS_MAX, cache)) {
            return SKETCH_NO_MEMORY;
        }
    }
    if (reach.count > (*histogram)->count[negative]) {
        directory_extend(*histogram, negative, reach);
    }
    return SKETCH_ROOM;
}

static uint16_t *slot_of(const struct sketch_histogram *histogram, bool negative, unsigned page)
{
    return sketch_pages_directory(histogram, negative) + (page - histogram->first[negative]);
}

/* Makes the page, or makes it wider; `code` must be wider than it is. */
static enum sketch_room page_make(struct sketch_histogram **histogram, bool negative, unsigned page,
                                  unsigned code, struct pool_cache *cache)
{
    enum sketch_room room = make_room(histogram, negative, page, code, cache);
    if (room == SKETCH_ROOM) {
        uint16_t *slot = slot_of(*histogram, negative, page);
        unsigned old = *slot;
        uint64_t *words = page_place(*histogram, code, slot);
        if (old) {
            sketch_page_widen(sketch_pages_words(*histogram, old), sketch_pages_code(old), code,
                              words);
        } else {
            memset(words, 0, sizeof *words << code);
        }
    }
    return room;
}

enum sketch_room sketch_pages_count(struct sketch_histogram **histogram, bool negative,
                                    int32_t ordinal, uint64_t units, struct pool_cache *cache)
{
    unsigned page = sketch_pages_number(ordinal), bucket = (uint32_t)ordinal % SKETCH_PAGE_BUCKETS;
    unsigned entry = sketch_pages_entry(*histogram, negative, page);
    unsigned code = sketch_pages_code(entry);
    uint64_t sum = units;
    if (entry) {
        uint64_t count = sketch_page_read(sketch_pages_words(*histogram, entry), code, bucket);
        sum = sketch_units_sum(count, units);
    }
    if (!entry || sum > sketch_page_limit(code)) {
        code = sketch_page_code(sum);
        enum sketch_room room = page_make(histogram, negative, page, code, cache);
        if (room != SKETCH_ROOM) {
            return room;
        }
        entry = *slot_of(*histogram, negative, page);
    }
    sketch_page_write(sketch_pages_words(*histogram, entry), code, bucket, sum);
    return SKETCH_ROOM;
}

enum sketch_room sketch_pages_add(struct sketch_histogram **histogram, bool negative, unsigned page,
                                  const uint64_t *words, unsigned code, struct pool_cache *cache)
{
    uint64_t wide[SKETCH_PAGE_WORDS_MAX];
    for (unsigned need = code;; need++) {
        unsigned entry = sketch_pages_entry(*histogram, negative, page);
        if (!entry || sketch_pages_code(entry) < need) {
            enum sketch_room room = page_make(histogram, negative, page, need, cache);
            if (room != SKETCH_ROOM) {
                return room;
            }
            entry = *slot_of(*histogram, negative, page);
        }
        need = sketch_pages_code(entry);
        sketch_page_widen(words, code, need, wide);
        if (sketch_page_add(sketch_pages_words(*histogram, entry), wide, need)) {
            return SKETCH_ROOM;
        }
    }
}

void sketch_walk_init(struct sketch_walk *walk, const struct sketch_histogram *histogram)
{
    walk->histogram = histogram;
    walk->next = 0;
}

static bool walk_zero(struct sketch_walk *walk)
{
    walk->sign = SKETCH_ZERO;
    walk->words = &walk->histogram->zero;
    walk->units = walk->histogram->zero;
    return walk->units > 0;
}

/* False where the page is missing. */
static bool walk_page(struct sketch_walk *walk, bool negative, unsigned at)
{
    const struct sketch_histogram *histogram = walk->histogram;
    unsigned entry = sketch_pages_directory(histogram, negative)[at];
    if (!entry) {
        return false;
    }
    walk->sign = negative ? SKETCH_NEGATIVE : SKETCH_POSITIVE;
    walk->page = histogram->first[negative] + at;
    walk->code = sketch_pages_code(entry);
    walk->words = sketch_pages_words(histogram, entry);
    walk->units = sketch_page_sum(walk->words, walk->code);
    return true;
}

bool sketch_walk_next(struct sketch_walk *walk)
{
    unsigned negatives = walk->histogram->count[1], last = entry_count(walk->histogram) + 1;
    bool found = false;
    while (!found && walk->next < last) {
        unsigned at = walk->next++;
        found = at < negatives    ? walk_page(walk, true, negatives - 1 - at)
                : at == negatives ? walk_zero(walk)
                                  : walk_page(walk, false, at - negatives - 1);
    }
    return found;
}

static int32_t ordinal_of(const struct sketch_walk *walk, unsigned bucket)
{
    return ((int32_t)walk->page - SKETCH_PAGES_BIAS) * SKETCH_PAGE_BUCKETS + (int32_t)bucket;
}

int32_t sketch_walk_select(const struct sketch_walk *walk, uint64_t target)
{
    if (walk->sign == SKETCH_ZERO) {
        return 0;
    }
    /* From the other end, the sum to the same bucket passes what is left. */
    uint64_t upwards = walk->sign == SKETCH_POSITIVE ? target : walk->units - target + 1;
    return ordinal_of(walk, sketch_page_select(walk->words, walk->code, upwards));
}

void sketch_cursor_init(struct sketch_cursor *cursor, const struct sketch_histogram *histogram)
{
    sketch_walk_init(&cursor->walk, histogram);
    cursor->step = SKETCH_PAGE_BUCKETS;
}

/* The next bucket of the page the cursor is in. */
static bool page_next(struct sketch_cursor *cursor)
{
    const struct sketch_walk *walk = &cursor->walk;
    unsigned mirror = walk->sign == SKETCH_NEGATIVE ? SKETCH_PAGE_BUCKETS - 1 : 0;
    while (cursor->step < SKETCH_PAGE_BUCKETS) {
        unsigned bucket = cursor->step++ ^ mirror;
        cursor->units = sketch_page_read(walk->words, walk->code, bucket);
        if (cursor->units > 0) {
            cursor->ordinal = ordinal_of(walk, bucket);
            return true;
        }
    }
    return false;
}

bool sketch_cursor_next(struct sketch_cursor *cursor)
{
    for (;;) {
        if (page_next(cursor)) {
            return true;
        }
        if (!sketch_walk_next(&cursor->walk)) {
            return false;
        }
        cursor->step = 0;
        if (cursor->walk.sign == SKETCH_ZERO) {
            cursor->step = SKETCH_PAGE_BUCKETS;
            cursor->ordinal = 0;
            cursor->units = cursor->walk.units;
            return true;
        }
    }
}
