/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_histogram.h"

#include <math.h>

struct sketch_histogram *sketch_histogram_new(int schema, unsigned words, struct pool_cache *cache)
{
    struct sketch_histogram *histogram = sketch_pages_new(words, cache);
    if (histogram) {
        histogram->sketch.phase = SKETCH_PHASE_HISTOGRAM;
        histogram->schema = (uint8_t)schema;
        histogram->minimum = (double)INFINITY;
        histogram->maximum = -(double)INFINITY;
    }
    return histogram;
}

size_t sketch_histogram_bytes(const struct sketch_histogram *histogram)
{
    return histogram->words * sizeof(uint64_t);
}

double sketch_histogram_weight(const struct sketch_histogram *histogram)
{
    return (double)histogram->units + histogram->carry;
}

static bool count_units(struct sketch_histogram **histogram, struct sketch_point point,
                        uint64_t units, struct pool_cache *cache);

/* The buckets from where the cursor is on. */
static bool count_rest(struct sketch_histogram **into, struct sketch_cursor *cursor,
                       struct pool_cache *cache)
{
    const struct sketch_histogram *from = cursor->walk.histogram;
    while (sketch_cursor_next(cursor)) {
        int32_t finest = cursor->ordinal * (1 << (SKETCH_SCHEMA_MAX - from->schema));
        struct sketch_point point = {cursor->walk.sign, finest};
        if (!count_units(into, point, cursor->units, cache)) {
            return false;
        }
    }
    return true;
}

static bool count_all(struct sketch_histogram **into, const struct sketch_histogram *from,
                      struct pool_cache *cache)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, from);
    return count_rest(into, &cursor, cache);
}

/* Builds the histogram anew at a coarser schema, so that a full pool in the middle of it does no
 * harm. Happens eight times in the life of a sketch at most. */
static bool coarsen(struct sketch_histogram **histogram, int schema, struct pool_cache *cache)
{
    struct sketch_histogram *old = *histogram;
    struct sketch_histogram *coarse = sketch_histogram_new(schema, 0, cache);
    if (!coarse) {
        return false;
    }
    if (!count_all(&coarse, old, cache)) {
        sketch_pages_free(coarse, cache);
        return false;
    }
    coarse->carry = old->carry;
    sketch_histogram_extend(coarse, old->minimum, old->maximum);
    sketch_pages_free(old, cache);
    *histogram = coarse;
    return true;
}

/* Counts units in the bucket of a point of the finest schema. */
static bool count_units(struct sketch_histogram **histogram, struct sketch_point point,
                        uint64_t units, struct pool_cache *cache)
{
    enum sketch_room room = SKETCH_ROOM;
    if (point.sign == SKETCH_ZERO) {
        (*histogram)->zero = sketch_units_sum((*histogram)->zero, units);
    } else {
        do {
            int schema = (*histogram)->schema;
            int32_t ordinal = point.ordinal >> (SKETCH_SCHEMA_MAX - schema);
            room =
                sketch_pages_count(histogram, point.sign == SKETCH_NEGATIVE, ordinal, units, cache);
            /* Ends: at schema 0 all doubles lie in 66 pages, which fit. */
        } while (room == SKETCH_TOO_LARGE && coarsen(histogram, (*histogram)->schema - 1, cache));
    }
    if (room == SKETCH_ROOM) {
        (*histogram)->units = sketch_units_sum((*histogram)->units, units);
    }
    return room == SKETCH_ROOM;
}

bool sketch_histogram_count(struct sketch_histogram **histogram, struct sketch_point point,
                            double weight, struct pool_cache *cache)
{
    double carry = (*histogram)->carry;
    uint64_t units = sketch_whole_units(weight, &carry);
    if (units > 0 && !count_units(histogram, point, units, cache)) {
        return false;
    }
    (*histogram)->carry = carry;
    return true;
}

/* Two fractions may have become a unit: it is counted at the median, where it changes least. At the
 * budget it stays in the carry. */
static void carry_settle(struct sketch_histogram **histogram, struct pool_cache *cache)
{
    if ((*histogram)->carry >= 1 - SKETCH_CARRY_TOLERANCE) {
        double percent = 50, median;
        sketch_histogram_quantiles(*histogram, &percent, 1, &median);
        sketch_histogram_count(histogram, sketch_bucket_point(median), 0, cache);
    }
}

/* Page by page, at one schema. Stops where the sum is too large for it. */
static enum sketch_room add_pages(struct sketch_histogram **into, struct sketch_walk *walk,
                                  struct pool_cache *cache)
{
    enum sketch_room room = SKETCH_ROOM;
    while (room == SKETCH_ROOM && sketch_walk_next(walk)) {
        if (walk->sign == SKETCH_ZERO) {
            (*into)->zero = sketch_units_sum((*into)->zero, walk->units);
        } else {
            room = sketch_pages_add(into, walk->sign == SKETCH_NEGATIVE, walk->page, walk->words,
                                    walk->code, cache);
        }
        if (room == SKETCH_ROOM) {
            (*into)->units = sketch_units_sum((*into)->units, walk->units);
        }
    }
    return room;
}

static bool add_all(struct sketch_histogram **into, const struct sketch_histogram *from,
                    struct pool_cache *cache)
{
    if ((*into)->schema != from->schema) {
        return count_all(into, from, cache);
    }
    sketch_pages_reserve(into, sketch_pages_live(*into) + sketch_pages_live(from), cache);
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, from);
    enum sketch_room room = add_pages(into, &cursor.walk, cache);
    if (room == SKETCH_TOO_LARGE) {
        /* The page that was found, and what follows, at whatever schema there is room for. */
        cursor.step = 0;
        return count_rest(into, &cursor, cache);
    }
    return room == SKETCH_ROOM;
}

bool sketch_histogram_merge(struct sketch_histogram **into, const struct sketch_histogram *from,
                            struct pool_cache *cache)
{
    if (from->schema < (*into)->schema && !coarsen(into, from->schema, cache)) {
        return false;
    }
    sketch_histogram_extend(*into, from->minimum, from->maximum);
    if (!add_all(into, from, cache)) {
        return false;
    }
    (*into)->carry += from->carry;
    carry_settle(into, cache);
    sketch_pages_trim(into, cache);
    return true;
}

static double clamp(const struct sketch_histogram *histogram, double value)
{
    return fmin(fmax(value, histogram->minimum), histogram->maximum);
}

static double value_at(const struct sketch_walk *walk, uint64_t target)
{
    struct sketch_point point = {walk->sign, sketch_walk_select(walk, target)};
    return clamp(walk->histogram, sketch_bucket_center(point, walk->histogram->schema));
}

static uint64_t rank_units(const struct sketch_histogram *histogram, double percent)
{
    double rank = ceil(sketch_rank(percent, (double)histogram->units));
    return !(rank < 0x1p64) ? UINT64_MAX : rank < 1 ? 1 : (uint64_t)rank;
}

void sketch_histogram_quantiles(const struct sketch_histogram *histogram, const double *percents,
                                size_t count, double *results)
{
    struct sketch_walk walk;
    sketch_walk_init(&walk, histogram);
    uint64_t before = 0;
    size_t i = 0;
    while (i < count && sketch_walk_next(&walk)) {
        uint64_t to = sketch_units_sum(before, walk.units), rank;
        while (i < count && (rank = rank_units(histogram, percents[i])) <= to) {
            results[i++] = value_at(&walk, rank > before ? rank - before : 1);
        }
        before = to;
    }
    /* Counts that stopped at their top, or weights that do not make one unit. */
    while (i < count) {
        results[i++] = histogram->maximum;
    }
}

/* A bound by page and bucket in the order of values: how much of a page is not above it. */
struct limit {
    enum sketch_sign sign;
    int32_t end; /* the first ordinal of its magnitude that is beyond; at or below it if negative */
};

static struct limit limit_of(const struct sketch_histogram *histogram, double bound)
{
    struct sketch_point point = sketch_bucket_point(bound);
    point.ordinal >>= SKETCH_SCHEMA_MAX - histogram->schema;
    return (struct limit){point.sign, point.ordinal + (point.sign != SKETCH_NEGATIVE)};
}

static int sign_order(enum sketch_sign a, enum sketch_sign b)
{
    return (int)a - (int)b;
}

/* The units of the page the walk found that are within a limit. */
static uint64_t units_within(const struct sketch_walk *walk, struct limit limit)
{
    int order = sign_order(walk->sign, limit.sign);
    if (order != 0 || walk->sign == SKETCH_ZERO) {
        return order <= 0 ? walk->units : 0;
    }
    int32_t first = ((int32_t)walk->page - SKETCH_PAGES_BIAS) * SKETCH_PAGE_BUCKETS;
    int32_t buckets = limit.end <= first ? 0 : limit.end - first;
    uint64_t below = buckets >= SKETCH_PAGE_BUCKETS
                         ? walk->units
                         : sketch_page_sum_before(walk->words, walk->code, (unsigned)buckets);
    return walk->sign == SKETCH_NEGATIVE ? walk->units - below : below;
}

void sketch_histogram_cumulative(const struct sketch_histogram *histogram, const double *bounds,
                                 size_t count, double *weights)
{
    struct sketch_walk walk;
    sketch_walk_init(&walk, histogram);
    uint64_t before = 0;
    size_t i = 0;
    struct limit limit = limit_of(histogram, count > 0 ? bounds[0] : 0);
    while (i < count && sketch_walk_next(&walk)) {
        uint64_t within;
        while (i < count && (within = units_within(&walk, limit)) < walk.units) {
            weights[i++] = (double)sketch_units_sum(before, within);
            limit = limit_of(histogram, i < count ? bounds[i] : 0);
        }
        before = sketch_units_sum(before, walk.units);
    }
    while (i < count) {
        weights[i++] = (double)before;
    }
}

void sketch_histogram_export(const struct sketch_histogram *histogram, sketch_visit *visit,
                             void *context)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, histogram);
    while (sketch_cursor_next(&cursor)) {
        int32_t index = cursor.walk.sign == SKETCH_ZERO ? 0 : cursor.ordinal + 1;
        visit(context, cursor.walk.sign, index, (double)cursor.units);
    }
}
