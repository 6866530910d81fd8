/* SPDX-License-Identifier: MIT
 *
 * A sketch that keeps every sample with its weight, in chunks that grow to 4 KiB, of the pool's
 * share. Samples of one weight take 8 bytes each, others 16. One thread at a time; private to the
 * sketch.
 */
#ifndef SERVER_METRICS_SKETCH_SAMPLES_H
#define SERVER_METRICS_SKETCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_private.h"

struct samples_chunk {
    struct samples_chunk *next;
    uint16_t count, capacity; /* in samples */
    bool weighted;            /* a weight behind each value */
    double weight;            /* of each sample, while they are not weighted */
    double numbers[];
};

struct sketch_samples {
    struct sketch sketch;
    uint64_t count;
    double weight; /* of all */
    size_t bytes;  /* of all blocks */
    struct samples_chunk *first, *last;
};

/* NULL where the share or the budget is used up. */
struct sketch_samples *sketch_samples_new(struct pool_cache *cache);
void sketch_samples_free(struct sketch_samples *samples, struct pool_cache *cache);

/* False where the share or the budget is used up: nothing is changed. */
bool sketch_samples_add(struct sketch_samples *samples, double value, double weight,
                        struct pool_cache *cache);

/* Adds the samples of `from`, which stays as it is. False as above. */
bool sketch_samples_merge(struct sketch_samples *into, const struct sketch_samples *from,
                          struct pool_cache *cache);

static inline struct sketch_sample samples_chunk_at(const struct samples_chunk *chunk, unsigned i)
{
    return chunk->weighted
               ? (struct sketch_sample){chunk->numbers[2 * i], chunk->numbers[2 * i + 1]}
               : (struct sketch_sample){chunk->numbers[i], chunk->weight};
}

/* Writes all samples in ascending order. */
void sketch_samples_sort(const struct sketch_samples *samples, struct sketch_sample *sorted);

/* As sketch_*() of the same names; without memory for a copy quantiles are NaN and nothing is
 * exported. */
void sketch_samples_quantiles(const struct sketch_samples *samples, const double *percents,
                              size_t count, double *results);
void sketch_samples_cumulative(const struct sketch_samples *samples, const double *bounds,
                               size_t count, double *weights);
void sketch_samples_export(const struct sketch_samples *samples, sketch_visit *visit,
                           void *context);

#endif
