/* SPDX-License-Identifier: MIT
 *
 * A quantile sketch as a Prometheus native histogram: bucket i of schema s holds (base^(i-1),
 * base^i] with base = 2^(2^-s), mirrored for negative values, and one bucket for what is no further
 * from zero than the zero threshold. Buckets are written as spans of consecutive ones and as the
 * differences of their counts (https://prometheus.io/docs/specs/native_histograms/).
 *
 * The schema starts at the sketch's or the limit's, whichever is coarser, and is lowered until no
 * more than `buckets_max` buckets are in use. Resolution and count only ever fall as samples come,
 * so that who reads sees no reset.
 *
 * Pure; owns its storage, which is used again for each sketch. One thread at a time.
 */
#ifndef SERVER_METRICS_NATIVE_HISTOGRAM_H
#define SERVER_METRICS_NATIVE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/sketch.h"

/* The lowest schema there is: sixteen powers of two a bucket. Nothing is lowered beyond it, where
 * all doubles above the threshold are in so many buckets, 72 a sign. */
#define NATIVE_SCHEMA_MIN (-4)
#define NATIVE_BUCKETS_LOWEST 144
#define NATIVE_BUCKETS_MAX 4096

/* What client libraries take unless told otherwise. */
#define NATIVE_ZERO_THRESHOLD 0x1p-128

struct native_limits {
    int schema;           /* at most, NATIVE_SCHEMA_MIN to SKETCH_SCHEMA_MAX */
    unsigned buckets_max; /* in use while a lower schema is left, 1 to NATIVE_BUCKETS_MAX */
};

struct native_span {
    int32_t offset;  /* buckets skipped since the span before; of the first one, its index */
    uint32_t length; /* buckets */
};

struct native_bucket {
    int32_t index;
    int64_t count;
};

/* The buckets of one sign, by distance from zero. A gap of one or two is filled with empty buckets
 * rather than with a span. */
struct native_side {
    struct native_span *spans;
    int64_t *deltas; /* of each bucket's count to the one before, of the first to zero */
    size_t span_count, delta_count;
    struct native_bucket *buckets; /* those in use */
    size_t bucket_count;
};

struct native_histogram {
    struct native_limits limits;
    int schema;
    double zero_threshold;
    int64_t zero_count;
    int64_t count; /* of all buckets together */
    double sum;
    struct native_side negative, positive;
};

/* False without memory; native_histogram_deinit() is to be called in either case. */
bool native_histogram_init(struct native_histogram *histogram, const struct native_limits *limits);
void native_histogram_deinit(struct native_histogram *histogram);

/* Makes it that of `sketch` (NULL is the empty one) with every value divided by `unit`, 1000 for
 * milliseconds shown as seconds, and `sum` likewise. A unit that is no power of two moves the
 * bounds of buckets, and each goes by the middle of where it was: an error of half a bucket of the
 * sketch's, 0.14 %, beside that of the schema. */
void native_histogram_make(struct native_histogram *histogram, const struct sketch *sketch,
                           double unit, double sum);

#endif
