/* SPDX-License-Identifier: MIT
 *
 * What a sketch holds, as samples in ascending order.
 */
#include "server/metrics/sketch_bucket.h"
#include "server/metrics/sketch_exact.h"
#include "server/metrics/sketch_samples.h"

struct buckets {
    struct sketch_sample *samples; /* NULL to count alone */
    size_t count;
    int schema;
};

/* An exported index is one above the ordinal. */
static void read_bucket(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct buckets *buckets = context;
    if (buckets->samples) {
        struct sketch_point point = {sign, sign == SKETCH_ZERO ? 0 : index - 1};
        buckets->samples[buckets->count] =
            (struct sketch_sample){sketch_bucket_center(point, buckets->schema), weight};
    }
    buckets->count++;
}

static const struct sketch_samples *whole(const struct sketch *sketch)
{
    return (const struct sketch_samples *)(const void *)sketch;
}

size_t sketch_samples_max(const struct sketch *sketch)
{
    struct buckets buckets = {0};
    if (!sketch) {
        return 0;
    }
    if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        return whole(sketch)->count;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        return SKETCH_EXACT_SAMPLES;
    }
    sketch_export(sketch, &buckets.schema, read_bucket, &buckets);
    return buckets.count;
}

size_t sketch_samples(const struct sketch *sketch, struct sketch_sample *samples)
{
    struct buckets buckets = {.samples = samples};
    if (!sketch) {
        return 0;
    }
    if (sketch->phase == SKETCH_PHASE_SAMPLES) {
        sketch_samples_sort(whole(sketch), samples);
        return whole(sketch)->count;
    }
    if (sketch->phase == SKETCH_PHASE_EXACT) {
        const struct sketch_exact *exact = (const struct sketch_exact *)(const void *)sketch;
        sketch_exact_sort(exact, samples);
        return exact->count;
    }
    sketch_export(sketch, &buckets.schema, read_bucket, &buckets);
    return buckets.count;
}

bool sketch_is_whole(const struct sketch *sketch)
{
    return !sketch || sketch->phase == SKETCH_PHASE_SAMPLES || sketch->phase == SKETCH_PHASE_EXACT;
}
