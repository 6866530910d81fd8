/* SPDX-License-Identifier: MIT
 *
 * The histogram phase of a sketch: counts of whole units in sparse pages of 64 buckets, whose
 * counters are as wide as the page needs, 1 to 64 bits. All of it is one block, and the schema is
 * halved where that would pass SKETCH_BYTES_MAX. One thread at a time; private to the sketch.
 */
#ifndef SERVER_METRICS_SKETCH_HISTOGRAM_H
#define SERVER_METRICS_SKETCH_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_bucket.h"
#include "server/metrics/sketch_pages.h"
#include "server/metrics/sketch_private.h"

/* An empty histogram at `schema`, with room for so many words of pages. NULL at the budget. */
struct sketch_histogram *sketch_histogram_new(int schema, unsigned words, struct pool_cache *cache);

/* Widens the range that results are kept in. */
static inline void sketch_histogram_extend(struct sketch_histogram *histogram, double minimum,
                                           double maximum)
{
    if (minimum < histogram->minimum) {
        histogram->minimum = minimum;
    }
    if (maximum > histogram->maximum) {
        histogram->maximum = maximum;
    }
}

/* The short way for what nearly every sample is: positive, not subnormal, of whole weight, its page
 * is there and its counter has room. False when it is not such a sample: nothing is changed. */
static inline bool sketch_histogram_increment(struct sketch_histogram *histogram, double value,
                                              uint64_t units)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (__builtin_expect(bits < INT64_C(1) << 52, 0)) {
        return false;
    }
    int32_t ordinal = sketch_bucket_ordinal_of_bits((uint64_t)bits);
    if (__builtin_expect(histogram->schema != SKETCH_SCHEMA_MAX, 0)) {
        ordinal >>= SKETCH_SCHEMA_MAX - histogram->schema;
    }
    unsigned entry = sketch_pages_entry(histogram, false, sketch_pages_number(ordinal));
    if (__builtin_expect(entry == 0, 0)) {
        return false;
    }
    unsigned code = sketch_pages_code(entry);
    unsigned at = (uint32_t)ordinal % SKETCH_PAGE_BUCKETS << code;
    uint64_t *word = sketch_pages_words(histogram, entry) + at / 64;
    uint64_t limit = sketch_page_limit(code);
    if (__builtin_expect(limit - (*word >> at % 64 & limit) < units, 0)) {
        return false;
    }
    *word += units << at % 64;
    histogram->units = sketch_units_sum(histogram->units, units);
    sketch_histogram_extend(histogram, value, value);
    return true;
}

/* Counts any weight at a point. False at the budget: no count is changed, though the schema may
 * have been halved. The range is the caller's to extend. */
bool sketch_histogram_count(struct sketch_histogram **histogram, struct sketch_point point,
                            double weight, struct pool_cache *cache);

/* Adds all buckets of `from`. False at the budget: those that fit have been added. */
bool sketch_histogram_merge(struct sketch_histogram **into, const struct sketch_histogram *from,
                            struct pool_cache *cache);

/* As sketch_*() of the same names. */
void sketch_histogram_quantiles(const struct sketch_histogram *histogram, const double *percents,
                                size_t count, double *results);
void sketch_histogram_cumulative(const struct sketch_histogram *histogram, const double *bounds,
                                 size_t count, double *weights);
double sketch_histogram_weight(const struct sketch_histogram *histogram);
void sketch_histogram_export(const struct sketch_histogram *histogram, sketch_visit *visit,
                             void *context);
size_t sketch_histogram_bytes(const struct sketch_histogram *histogram);

#endif
