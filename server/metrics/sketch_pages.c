/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_pages.h"

#include <string.h>

#include "server/core/require.h"

_Static_assert(SKETCH_PAGE_BUCKETS == 64, "keys take six bits off an ordinal");
_Static_assert(SKETCH_PAGES_MAX <= 256, "a position must fit its byte of an entry");

static unsigned bits_for(uint64_t units)
{
    unsigned bits = 8;
    while (units > UINT64_MAX >> (64 - bits)) {
        bits *= 2;
    }
    return bits;
}

static size_t page_bytes(unsigned bits)
{
    return SKETCH_PAGE_BUCKETS * bits / 8;
}

static uint32_t entry_of(uint32_t key, unsigned position, unsigned bits)
{
    return key << 16 | position << 8 | bits;
}

/* The power of two that is at most three quarters full. */
static unsigned slot_count(unsigned capacity)
{
    return 1U << (32 - __builtin_clz(capacity * 4 / 3 - 1));
}

size_t sketch_pages_header_bytes(unsigned capacity)
{
    return offsetof(struct sketch_histogram, counters) + capacity * sizeof(uint64_t *) +
           slot_count(capacity) * sizeof(uint32_t);
}

unsigned sketch_pages_capacity(unsigned capacity_before)
{
    unsigned capacity = capacity_before + (capacity_before < 48 ? 6 : 24);
    return capacity < SKETCH_PAGES_MAX ? capacity : SKETCH_PAGES_MAX;
}

void sketch_pages_init(struct sketch_histogram *histogram)
{
    unsigned slots = slot_count(histogram->page_capacity);
    histogram->page_count = 0;
    histogram->slot_mask = slots - 1;
    memset(sketch_pages_slots(histogram), 0, slots * sizeof(uint32_t));
}

/* Writes the entries of all pages to `entries`, in no order. */
static void entries_collect(const struct sketch_histogram *histogram, uint32_t *entries)
{
    const uint32_t *slots = sketch_pages_slots(histogram);
    unsigned count = 0;
    for (unsigned i = 0; i <= histogram->slot_mask; i++) {
        if (slots[i] != 0) {
            entries[count++] = slots[i];
        }
    }
}

void sketch_pages_deinit(struct sketch_histogram *histogram, struct pool_cache *cache)
{
    uint32_t entries[SKETCH_PAGES_MAX];
    entries_collect(histogram, entries);
    for (unsigned i = 0; i < histogram->page_count; i++) {
        pool_give(cache, histogram->counters[entries[i] >> 8 & 0xff],
                  page_bytes(entries[i] & 0xff));
    }
}

size_t sketch_pages_bytes(const struct sketch_histogram *histogram)
{
    uint32_t entries[SKETCH_PAGES_MAX];
    entries_collect(histogram, entries);
    size_t bytes = 0;
    for (unsigned i = 0; i < histogram->page_count; i++) {
        bytes += page_bytes(entries[i] & 0xff);
    }
    return bytes;
}

/* Moves the header into a block with room for more pages. */
static bool header_grow(struct sketch_histogram **histogram, struct pool_cache *cache)
{
    struct sketch_histogram *old = *histogram;
    unsigned capacity = sketch_pages_capacity(old->page_capacity);
    struct sketch_histogram *grown = pool_take(cache, sketch_pages_header_bytes(capacity));
    if (!grown) {
        return false;
    }
    memcpy(grown, old, offsetof(struct sketch_histogram, counters));
    grown->page_capacity = (uint8_t)capacity;
    sketch_pages_init(grown);
    grown->page_count = old->page_count;
    memcpy(grown->counters, old->counters, old->page_count * sizeof *old->counters);
    uint32_t entries[SKETCH_PAGES_MAX];
    entries_collect(old, entries);
    for (unsigned i = 0; i < old->page_count; i++) {
        *sketch_pages_find(grown, entries[i] >> 16) = entries[i];
    }
    pool_give(cache, old, sketch_pages_header_bytes(old->page_capacity));
    *histogram = grown;
    return true;
}

/* Adds a page with one count. */
static bool page_add(struct sketch_histogram **histogram, struct sketch_place place, uint64_t units,
                     struct pool_cache *cache)
{
    REQUIRE((*histogram)->page_count < SKETCH_PAGES_MAX);
    if ((*histogram)->page_count == (*histogram)->page_capacity && !header_grow(histogram, cache)) {
        return false;
    }
    unsigned bits = bits_for(units);
    uint64_t *counters = pool_take(cache, page_bytes(bits));
    if (!counters) {
        return false;
    }
    memset(counters, 0, page_bytes(bits));
    unsigned position = (*histogram)->page_count++;
    uint32_t entry = entry_of(place.key, position, bits);
    (*histogram)->counters[position] = counters;
    *sketch_pages_find(*histogram, place.key) = entry;
    sketch_counter_write(sketch_counter_of(*histogram, entry, place.bucket), units);
    return true;
}

/* Moves the counters of a page into ones that are wide enough for `units`. */
static bool page_widen(struct sketch_histogram *histogram, uint32_t *slot, uint64_t units,
                       struct pool_cache *cache)
{
    uint32_t narrow = *slot;
    unsigned bits = bits_for(units), position = narrow >> 8 & 0xff;
    uint64_t *counters = pool_take(cache, page_bytes(bits));
    if (!counters) {
        return false;
    }
    uint64_t counts[SKETCH_PAGE_BUCKETS];
    for (unsigned bucket = 0; bucket < SKETCH_PAGE_BUCKETS; bucket++) {
        counts[bucket] = sketch_counter_read(sketch_counter_of(histogram, narrow, bucket));
    }
    pool_give(cache, histogram->counters[position], page_bytes(narrow & 0xff));
    memset(counters, 0, page_bytes(bits));
    histogram->counters[position] = counters;
    *slot = entry_of(narrow >> 16, position, bits);
    for (unsigned bucket = 0; bucket < SKETCH_PAGE_BUCKETS; bucket++) {
        sketch_counter_write(sketch_counter_of(histogram, *slot, bucket), counts[bucket]);
    }
    return true;
}

bool sketch_pages_count(struct sketch_histogram **histogram, struct sketch_place place,
                        uint64_t units, struct pool_cache *cache)
{
    uint32_t *slot = sketch_pages_find(*histogram, place.key);
    if (*slot == 0) {
        return page_add(histogram, place, units, cache);
    }
    struct sketch_counter counter = sketch_counter_of(*histogram, *slot, place.bucket);
    uint64_t sum = sketch_units_sum(sketch_counter_read(counter), units);
    if (sum > counter.limit) {
        if (!page_widen(*histogram, slot, sum, cache)) {
            return false;
        }
        counter = sketch_counter_of(*histogram, *slot, place.bucket);
    }
    sketch_counter_write(counter, sum);
    return true;
}

/* Insertion sort: pages side by side come out of the hash table in order but for one turn. */
static void entries_sort(uint32_t *entries, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint32_t entry = entries[i];
        unsigned at = i;
        for (; at > 0 && entries[at - 1] > entry; at--) {
            entries[at] = entries[at - 1];
        }
        entries[at] = entry;
    }
}

void sketch_cursor_init(struct sketch_cursor *cursor, const struct sketch_histogram *histogram)
{
    cursor->histogram = histogram;
    entries_collect(histogram, cursor->entries);
    entries_sort(cursor->entries, histogram->page_count);
    cursor->page = cursor->step = 0;
    cursor->taken = 0;
    cursor->zero_done = false;
}

/* Zero lies between the negative pages and the others. */
static bool zero_due(struct sketch_cursor *cursor)
{
    const struct sketch_histogram *histogram = cursor->histogram;
    if (cursor->zero_done || (cursor->page < histogram->page_count &&
                              cursor->entries[cursor->page] >> 16 < SKETCH_KEY_ZERO)) {
        return false;
    }
    cursor->zero_done = true;
    cursor->sign = SKETCH_ZERO;
    cursor->ordinal = 0;
    cursor->units = histogram->zero;
    return histogram->zero > 0;
}

static void found(struct sketch_cursor *cursor, uint32_t key, unsigned bucket)
{
    bool negative = key < SKETCH_KEY_ZERO;
    int32_t distance = (int32_t)(negative ? SKETCH_KEY_ZERO - key : key - SKETCH_KEY_ZERO);
    cursor->sign = negative ? SKETCH_NEGATIVE : SKETCH_POSITIVE;
    cursor->ordinal = (distance - SKETCH_KEY_BIAS) * SKETCH_PAGE_BUCKETS + (int32_t)bucket;
}

static void page_leave(struct sketch_cursor *cursor)
{
    cursor->page++;
    cursor->step = 0;
    cursor->taken = 0;
}

/* The next bucket of the page the cursor is in. */
static bool page_next(struct sketch_cursor *cursor)
{
    uint32_t entry = cursor->entries[cursor->page];
    unsigned mirror = entry >> 16 < SKETCH_KEY_ZERO ? SKETCH_PAGE_BUCKETS - 1 : 0;
    while (cursor->step < SKETCH_PAGE_BUCKETS) {
        unsigned bucket = cursor->step ^ mirror;
        struct sketch_counter counter = sketch_counter_of(cursor->histogram, entry, bucket);
        if (*counter.word == 0) {
            /* Most of a sparse page is passed over by the word. */
            unsigned together = 64 / (entry & 0xff);
            cursor->step = (cursor->step + together) & ~(together - 1);
            continue;
        }
        cursor->step++;
        cursor->units = sketch_counter_read(counter);
        if (cursor->units > 0) {
            cursor->taken += (double)cursor->units;
            found(cursor, entry >> 16, bucket);
            return true;
        }
    }
    return false;
}

/* Eight bytes at a time in two sums of four that cannot overflow: 8 words of 255 + 255. */
static uint64_t sum_bytes(const uint64_t *words)
{
    const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);
    uint64_t sums = 0;
    for (unsigned i = 0; i < SKETCH_PAGE_BUCKETS / 8; i++) {
        sums += (words[i] & even) + (words[i] >> 8 & even);
    }
    return (sums * UINT64_C(0x0001000100010001)) >> 48;
}

static double page_sum(const struct sketch_histogram *histogram, uint32_t entry)
{
    unsigned bits = entry & 0xff;
    const uint64_t *words = histogram->counters[entry >> 8 & 0xff];
    if (bits == 8) {
        return (double)sum_bytes(words);
    }
    double sum = 0;
    for (unsigned i = 0; i < bits; i++) {
        for (unsigned shift = 0; shift < 64; shift += bits) {
            sum += (double)(words[i] >> shift & UINT64_MAX >> (64 - bits));
        }
    }
    return sum;
}

double sketch_cursor_skip(struct sketch_cursor *cursor, double units)
{
    const struct sketch_histogram *histogram = cursor->histogram;
    double skipped = 0;
    while (cursor->page < histogram->page_count) {
        uint32_t entry = cursor->entries[cursor->page];
        if (!cursor->zero_done && entry >> 16 > SKETCH_KEY_ZERO) {
            break;
        }
        double sum = page_sum(histogram, entry) - cursor->taken;
        if (!(skipped + sum < units)) {
            break;
        }
        skipped += sum;
        page_leave(cursor);
    }
    return skipped;
}

bool sketch_cursor_next(struct sketch_cursor *cursor)
{
    for (;;) {
        if (zero_due(cursor)) {
            return true;
        }
        if (cursor->page == cursor->histogram->page_count) {
            return false;
        }
        if (page_next(cursor)) {
            return true;
        }
        page_leave(cursor);
    }
}
