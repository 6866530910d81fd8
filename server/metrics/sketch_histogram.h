/* SPDX-License-Identifier: MIT
 *
 * The histogram phase of a sketch: counts of whole units in sparse pages of 64 buckets, whose
 * counters are as wide as the page needs, 8 to 64 bits. A page is kept until the schema is halved,
 * which happens when there would be more than SKETCH_PAGES_MAX. One thread at a time; private to
 * the sketch.
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

/* An empty histogram at `schema`. NULL at the budget. */
struct sketch_histogram *sketch_histogram_new(int schema, struct pool_cache *cache);
void sketch_histogram_free(struct sketch_histogram *histogram, struct pool_cache *cache);

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

/* The short way for what nearly every sample is: of whole weight, not zero nor subnormal, its page
 * is there and its counter has room. False when it is not such a sample: nothing is changed. */
static inline bool sketch_histogram_increment(struct sketch_histogram *histogram, double value,
                                              uint64_t units)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool negative = bits >> 63;
    bits &= INT64_MAX;
    if (__builtin_expect(bits < UINT64_C(1) << 52, 0)) {
        return false;
    }
    struct sketch_place place = sketch_place_of(
        sketch_bucket_ordinal_of_bits(bits) >> (SKETCH_SCHEMA_MAX - histogram->schema), negative);
    uint32_t entry = *sketch_pages_find(histogram, place.key);
    if (__builtin_expect(entry == 0, 0)) {
        return false;
    }
    struct sketch_counter counter = sketch_counter_of(histogram, entry, place.bucket);
    if (__builtin_expect(counter.limit - sketch_counter_read(counter) < units, 0)) {
        return false;
    }
    *counter.word += units << counter.shift;
    histogram->units = sketch_units_sum(histogram->units, units);
    sketch_histogram_extend(histogram, value, value);
    return true;
}

/* Adds any sample. False at the budget: no count is changed, though the schema may have been
 * halved. */
bool sketch_histogram_add(struct sketch_histogram **histogram, double value, double weight,
                          struct pool_cache *cache);

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
