/* SPDX-License-Identifier: MIT */
#include "server/metrics/native_histogram.h"

#include <math.h>
#include <stdlib.h>

#include "server/core/require.h"
#include "server/metrics/sketch_bucket.h"

/* A gap of so many buckets is cheaper filled than skipped. */
#define GAP_FILLED_MAX 2

/* What sketch_export() visits with. */
struct filling {
    struct native_histogram *histogram;
    double unit;
    int sketch_schema;
};

static bool side_init(struct native_side *side, size_t buckets)
{
    *side = (struct native_side){.spans = calloc(buckets, sizeof(*side->spans)),
                                 .deltas =
                                     calloc(buckets * (1 + GAP_FILLED_MAX), sizeof(*side->deltas)),
                                 .buckets = calloc(buckets, sizeof(*side->buckets))};
    return side->spans && side->deltas && side->buckets;
}

static void side_deinit(struct native_side *side)
{
    free(side->spans);
    free(side->deltas);
    free(side->buckets);
}

bool native_histogram_init(struct native_histogram *histogram, const struct native_limits *limits)
{
    REQUIRE(limits->schema >= NATIVE_SCHEMA_MIN && limits->schema <= SKETCH_SCHEMA_MAX);
    REQUIRE(limits->buckets_max > 0 && limits->buckets_max <= NATIVE_BUCKETS_MAX);
    *histogram = (struct native_histogram){.limits = *limits};
    size_t buckets =
        limits->buckets_max > NATIVE_BUCKETS_LOWEST ? limits->buckets_max : NATIVE_BUCKETS_LOWEST;
    buckets++; /* for the one that is too many */
    bool negative = side_init(&histogram->negative, buckets);
    return side_init(&histogram->positive, buckets) && negative;
}

void native_histogram_deinit(struct native_histogram *histogram)
{
    side_deinit(&histogram->negative);
    side_deinit(&histogram->positive);
}

/* Counts stop at the top instead of becoming negative. */
static int64_t add_counts(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int32_t lowered(int32_t index, int steps)
{
    return ((index - 1) >> steps) + 1;
}

/* Halves the resolution: two neighbours become one. */
static void side_lower(struct native_side *side)
{
    size_t kept = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        struct native_bucket bucket = side->buckets[i];
        bucket.index = lowered(bucket.index, 1);
        if (kept > 0 && side->buckets[kept - 1].index == bucket.index) {
            side->buckets[kept - 1].count = add_counts(side->buckets[kept - 1].count, bucket.count);
        } else {
            side->buckets[kept++] = bucket;
        }
    }
    side->bucket_count = kept;
}

static void fit(struct native_histogram *histogram)
{
    const struct native_side *negative = &histogram->negative, *positive = &histogram->positive;
    while (negative->bucket_count + positive->bucket_count > histogram->limits.buckets_max &&
           histogram->schema > NATIVE_SCHEMA_MIN) {
        side_lower(&histogram->negative);
        side_lower(&histogram->positive);
        histogram->schema--;
    }
}

/* Buckets come in order, so that what shares one comes in a row. */
static void side_add(struct native_side *side, int32_t index, int64_t count)
{
    struct native_bucket *last =
        side->bucket_count > 0 ? &side->buckets[side->bucket_count - 1] : NULL;
    if (last && last->index == index) {
        last->count = add_counts(last->count, count);
    } else {
        side->buckets[side->bucket_count++] = (struct native_bucket){index, count};
    }
}

/* What stands for a bucket of the sketch, without its sign. */
static double magnitude_of(const struct filling *filling, enum sketch_sign sign, int32_t index)
{
    struct sketch_point point = {SKETCH_POSITIVE, index - 1};
    return sign == SKETCH_ZERO
               ? 0
               : sketch_bucket_center(point, filling->sketch_schema) / filling->unit;
}

static void add_bucket(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct filling *filling = context;
    struct native_histogram *histogram = filling->histogram;
    int64_t count = weight < 0x1p63 ? (int64_t)weight : INT64_MAX;
    double magnitude = magnitude_of(filling, sign, index);
    histogram->count = add_counts(histogram->count, count);
    if (magnitude <= NATIVE_ZERO_THRESHOLD) {
        histogram->zero_count = add_counts(histogram->zero_count, count);
        return;
    }
    /* Known from the first bucket on, and never above what it has been lowered to. */
    if (filling->sketch_schema < histogram->schema) {
        histogram->schema = filling->sketch_schema;
    }
    int32_t finest = sketch_bucket_index(magnitude, SKETCH_SCHEMA_MAX);
    side_add(sign == SKETCH_NEGATIVE ? &histogram->negative : &histogram->positive,
             lowered(finest, SKETCH_SCHEMA_MAX - histogram->schema), count);
    fit(histogram);
}

/* Those below zero have come from the outside in. */
static void reverse(struct native_side *side)
{
    for (size_t i = 0; i < side->bucket_count / 2; i++) {
        struct native_bucket bucket = side->buckets[i];
        side->buckets[i] = side->buckets[side->bucket_count - 1 - i];
        side->buckets[side->bucket_count - 1 - i] = bucket;
    }
}

static void write_delta(struct native_side *side, int64_t count, int64_t *before)
{
    side->deltas[side->delta_count++] = count - *before;
    *before = count;
}

static void write_spans(struct native_side *side)
{
    int64_t before = 0;
    int64_t next = 0; /* the index behind the last bucket written */
    side->span_count = side->delta_count = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        const struct native_bucket *bucket = &side->buckets[i];
        int64_t gap = bucket->index - next;
        if (side->span_count == 0 || gap > GAP_FILLED_MAX) {
            side->spans[side->span_count++] = (struct native_span){(int32_t)gap, 0};
            gap = 0;
        }
        struct native_span *span = &side->spans[side->span_count - 1];
        for (int64_t empty = 0; empty < gap; empty++) {
            write_delta(side, 0, &before);
        }
        write_delta(side, bucket->count, &before);
        span->length += (uint32_t)gap + 1;
        next = (int64_t)bucket->index + 1;
    }
}

void native_histogram_make(struct native_histogram *histogram, const struct sketch *sketch,
                           double unit, double sum)
{
    struct filling filling = {.histogram = histogram, .unit = unit};
    histogram->schema = histogram->limits.schema;
    histogram->zero_threshold = NATIVE_ZERO_THRESHOLD;
    histogram->zero_count = histogram->count = 0;
    histogram->sum = sum / unit;
    histogram->negative.bucket_count = histogram->positive.bucket_count = 0;
    sketch_export(sketch, &filling.sketch_schema, add_bucket, &filling);
    reverse(&histogram->negative);
    write_spans(&histogram->negative);
    write_spans(&histogram->positive);
}
