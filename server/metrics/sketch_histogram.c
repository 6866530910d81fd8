/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_histogram.h"

#include <math.h>

struct sketch_histogram *sketch_histogram_new(int schema, struct pool_cache *cache)
{
    unsigned capacity = sketch_pages_capacity(0);
    struct sketch_histogram *histogram = pool_take(cache, sketch_pages_header_bytes(capacity));
    if (histogram) {
        *histogram = (struct sketch_histogram){
            .sketch.phase = SKETCH_PHASE_HISTOGRAM,
            .schema = (uint8_t)schema,
            .page_capacity = (uint8_t)capacity,
            .minimum = (double)INFINITY,
            .maximum = -(double)INFINITY,
        };
        sketch_pages_init(histogram);
    }
    return histogram;
}

void sketch_histogram_free(struct sketch_histogram *histogram, struct pool_cache *cache)
{
    sketch_pages_deinit(histogram, cache);
    pool_give(cache, histogram, sketch_pages_header_bytes(histogram->page_capacity));
}

size_t sketch_histogram_bytes(const struct sketch_histogram *histogram)
{
    return sketch_pages_header_bytes(histogram->page_capacity) + sketch_pages_bytes(histogram);
}

double sketch_histogram_weight(const struct sketch_histogram *histogram)
{
    return (double)histogram->units + histogram->carry;
}

static bool coarsen(struct sketch_histogram **histogram, int schema, struct pool_cache *cache);

/* Counts units in the bucket of an ordinal of the finest schema. */
static bool count_ordinal(struct sketch_histogram **histogram, int32_t ordinal, bool negative,
                          uint64_t units, struct pool_cache *cache)
{
    for (;;) {
        int schema = (*histogram)->schema;
        struct sketch_place place =
            sketch_place_of(ordinal >> (SKETCH_SCHEMA_MAX - schema), negative);
        if ((*histogram)->page_count < SKETCH_PAGES_MAX ||
            *sketch_pages_find(*histogram, place.key) != 0) {
            return sketch_pages_count(histogram, place, units, cache);
        }
        /* Ends: at schema 0 all doubles lie in 66 pages. */
        if (!coarsen(histogram, schema - 1, cache)) {
            return false;
        }
    }
}

static bool count_units(struct sketch_histogram **histogram, enum sketch_sign sign, int32_t ordinal,
                        uint64_t units, struct pool_cache *cache)
{
    if (sign == SKETCH_ZERO) {
        (*histogram)->zero = sketch_units_sum((*histogram)->zero, units);
    } else if (!count_ordinal(histogram, ordinal, sign == SKETCH_NEGATIVE, units, cache)) {
        return false;
    }
    (*histogram)->units = sketch_units_sum((*histogram)->units, units);
    return true;
}

static bool count_all(struct sketch_histogram **into, const struct sketch_histogram *from,
                      struct pool_cache *cache)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, from);
    while (sketch_cursor_next(&cursor)) {
        int32_t finest = cursor.ordinal * (1 << (SKETCH_SCHEMA_MAX - from->schema));
        if (!count_units(into, cursor.sign, finest, cursor.units, cache)) {
            return false;
        }
    }
    return true;
}

/* Builds the histogram anew at a coarser schema, so that a full pool in the middle of it does no
 * harm. Happens eight times in the life of a sketch at most. */
static bool coarsen(struct sketch_histogram **histogram, int schema, struct pool_cache *cache)
{
    struct sketch_histogram *old = *histogram;
    struct sketch_histogram *coarse = sketch_histogram_new(schema, cache);
    if (!coarse) {
        return false;
    }
    if (!count_all(&coarse, old, cache)) {
        sketch_histogram_free(coarse, cache);
        return false;
    }
    coarse->carry = old->carry;
    sketch_histogram_extend(coarse, old->minimum, old->maximum);
    sketch_histogram_free(old, cache);
    *histogram = coarse;
    return true;
}

bool sketch_histogram_add(struct sketch_histogram **histogram, double value, double weight,
                          struct pool_cache *cache)
{
    double carry = (*histogram)->carry;
    uint64_t units = sketch_whole_units(weight, &carry);
    if (units > 0) {
        enum sketch_sign sign = value > 0   ? SKETCH_POSITIVE
                                : value < 0 ? SKETCH_NEGATIVE
                                            : SKETCH_ZERO;
        int32_t ordinal = sign == SKETCH_ZERO ? 0 : sketch_bucket_ordinal(fabs(value));
        if (!count_units(histogram, sign, ordinal, units, cache)) {
            return false;
        }
    }
    (*histogram)->carry = carry;
    sketch_histogram_extend(*histogram, value, value);
    return true;
}

/* Two fractions may have become a unit: it is counted at the median, where it changes least. At the
 * budget it stays in the carry. */
static void carry_settle(struct sketch_histogram **histogram, struct pool_cache *cache)
{
    if ((*histogram)->carry >= 1 - SKETCH_CARRY_TOLERANCE) {
        double percent = 50, median;
        sketch_histogram_quantiles(*histogram, &percent, 1, &median);
        sketch_histogram_add(histogram, median, 0, cache);
    }
}

bool sketch_histogram_merge(struct sketch_histogram **into, const struct sketch_histogram *from,
                            struct pool_cache *cache)
{
    if (from->schema < (*into)->schema && !coarsen(into, from->schema, cache)) {
        return false;
    }
    sketch_histogram_extend(*into, from->minimum, from->maximum);
    if (!count_all(into, from, cache)) {
        return false;
    }
    (*into)->carry += from->carry;
    carry_settle(into, cache);
    return true;
}

static double center_of(const struct sketch_cursor *cursor)
{
    const struct sketch_histogram *histogram = cursor->histogram;
    double center = 0;
    if (cursor->sign != SKETCH_ZERO) {
        center = sketch_bucket_center(cursor->ordinal, histogram->schema);
    }
    if (cursor->sign == SKETCH_NEGATIVE) {
        center = -center;
    }
    return fmin(fmax(center, histogram->minimum), histogram->maximum);
}

void sketch_histogram_quantiles(const struct sketch_histogram *histogram, const double *percents,
                                size_t count, double *results)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, histogram);
    double cumulative = 0;
    size_t i = 0;
    while (i < count) {
        double rank = sketch_rank(percents[i], (double)histogram->units);
        cumulative += sketch_cursor_skip(&cursor, rank - cumulative);
        if (!sketch_cursor_next(&cursor)) {
            break;
        }
        cumulative += (double)cursor.units;
        while (i < count && cumulative >= sketch_rank(percents[i], (double)histogram->units)) {
            results[i++] = center_of(&cursor);
        }
    }
    /* Counts that stopped at their top, or weights that do not make one unit. */
    while (i < count) {
        results[i++] = histogram->maximum;
    }
}

void sketch_histogram_cumulative(const struct sketch_histogram *histogram, const double *bounds,
                                 size_t count, double *weights)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, histogram);
    double cumulative = 0;
    size_t i = 0;
    while (i < count && sketch_cursor_next(&cursor)) {
        double center = center_of(&cursor);
        while (i < count && bounds[i] < center) {
            weights[i++] = cumulative;
        }
        cumulative += (double)cursor.units;
    }
    while (i < count) {
        weights[i++] = cumulative;
    }
}

void sketch_histogram_export(const struct sketch_histogram *histogram, sketch_visit *visit,
                             void *context)
{
    struct sketch_cursor cursor;
    sketch_cursor_init(&cursor, histogram);
    while (sketch_cursor_next(&cursor)) {
        int32_t index = cursor.sign == SKETCH_ZERO ? 0 : cursor.ordinal + 1;
        visit(context, cursor.sign, index, (double)cursor.units);
    }
}
