/* SPDX-License-Identifier: MIT
 *
 * A chunk holds samples of one weight, and a sample of another begins the next. Where that happens
 * in the middle of a chunk, weights are likely to change often, and the chunks to come hold one a
 * sample.
 */
#include "server/metrics/sketch_samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/pool_share.h"
#include "server/metrics/sketch_exact.h"

#define CHUNK_BYTES_MIN 64
#define CHUNK_BYTES_MAX 4096

static unsigned chunk_numbers(const struct samples_chunk *chunk)
{
    return (chunk->weighted ? 2U : 1U) * chunk->capacity;
}

static size_t chunk_bytes(const struct samples_chunk *chunk)
{
    return sizeof(*chunk) + chunk_numbers(chunk) * sizeof(double);
}

struct sketch_samples *sketch_samples_new(struct pool_cache *cache)
{
    struct sketch_samples *samples = pool_share_take(cache, sizeof(*samples));
    if (samples) {
        *samples = (struct sketch_samples){.sketch = {.phase = SKETCH_PHASE_SAMPLES},
                                           .bytes = pool_block_bytes(sizeof(*samples))};
    }
    return samples;
}

static void free_chunks(struct samples_chunk *chunk, struct pool_cache *cache)
{
    while (chunk) {
        struct samples_chunk *next = chunk->next;
        pool_share_give(cache, chunk, chunk_bytes(chunk));
        chunk = next;
    }
}

void sketch_samples_free(struct sketch_samples *samples, struct pool_cache *cache)
{
    free_chunks(samples->first, cache);
    pool_share_give(cache, samples, sizeof(*samples));
}

static void append_chunk(struct sketch_samples *samples, struct samples_chunk *chunk)
{
    if (samples->last) {
        samples->last->next = chunk;
    } else {
        samples->first = chunk;
    }
    samples->last = chunk;
    samples->bytes += pool_block_bytes(chunk_bytes(chunk));
}

/* An empty chunk behind the others, twice as large as the last one. */
static struct samples_chunk *add_chunk(struct sketch_samples *samples, double weight,
                                       struct pool_cache *cache)
{
    const struct samples_chunk *last = samples->last;
    size_t bytes = last ? 2 * chunk_bytes(last) : CHUNK_BYTES_MIN;
    bytes = bytes < CHUNK_BYTES_MAX ? bytes : CHUNK_BYTES_MAX;
    bool weighted = last && (last->weighted || last->count < last->capacity);
    size_t numbers = (bytes - sizeof(struct samples_chunk)) / sizeof(double);
    struct samples_chunk shape = {.capacity = (uint16_t)(weighted ? numbers / 2 : numbers),
                                  .weighted = weighted,
                                  .weight = weight};
    struct samples_chunk *chunk = pool_share_take(cache, chunk_bytes(&shape));
    if (chunk) {
        *chunk = shape;
        append_chunk(samples, chunk);
    }
    return chunk;
}

static bool has_room(const struct samples_chunk *chunk, double weight)
{
    return chunk && chunk->count < chunk->capacity && (chunk->weighted || chunk->weight == weight);
}

bool sketch_samples_add(struct sketch_samples *samples, double value, double weight,
                        struct pool_cache *cache)
{
    struct samples_chunk *chunk = samples->last;
    if (!has_room(chunk, weight)) {
        chunk = add_chunk(samples, weight, cache);
        if (!chunk) {
            return false;
        }
    }
    if (chunk->weighted) {
        chunk->numbers[2 * chunk->count] = value;
        chunk->numbers[2 * chunk->count + 1] = weight;
    } else {
        chunk->numbers[chunk->count] = value;
    }
    chunk->count++;
    samples->count++;
    samples->weight += weight;
    return true;
}

/* Copies chunk by chunk, so that nothing has changed where one is refused. */
bool sketch_samples_merge(struct sketch_samples *into, const struct sketch_samples *from,
                          struct pool_cache *cache)
{
    struct sketch_samples copy = {0};
    for (const struct samples_chunk *chunk = from->first; chunk; chunk = chunk->next) {
        struct samples_chunk *made = pool_share_take(cache, chunk_bytes(chunk));
        if (!made) {
            free_chunks(copy.first, cache);
            return false;
        }
        memcpy(made, chunk, chunk_bytes(chunk));
        made->next = NULL;
        append_chunk(&copy, made);
    }
    if (copy.first) {
        if (into->last) {
            into->last->next = copy.first;
        } else {
            into->first = copy.first;
        }
        into->last = copy.last;
    }
    into->bytes += copy.bytes;
    into->count += from->count;
    into->weight += from->weight;
    return true;
}

static int compare_values(const void *left, const void *right)
{
    double a = ((const struct sketch_sample *)left)->value;
    double b = ((const struct sketch_sample *)right)->value;
    return (a > b) - (a < b);
}

void sketch_samples_sort(const struct sketch_samples *samples, struct sketch_sample *sorted)
{
    size_t count = 0;
    for (const struct samples_chunk *chunk = samples->first; chunk; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->count; i++) {
            sorted[count++] = samples_chunk_at(chunk, i);
        }
    }
    if (count > 1) {
        qsort(sorted, count, sizeof(*sorted), compare_values);
    }
}

/* To be freed; NULL without memory. */
static struct sketch_sample *sorted_copy(const struct sketch_samples *samples)
{
    struct sketch_sample *sorted = malloc((samples->count + 1) * sizeof(*sorted));
    if (sorted) {
        sketch_samples_sort(samples, sorted);
    }
    return sorted;
}

void sketch_samples_quantiles(const struct sketch_samples *samples, const double *percents,
                              size_t count, double *results)
{
    struct sketch_sample *sorted = sorted_copy(samples);
    double cumulative = sorted ? sorted[0].weight : 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        double rank = sketch_rank(percents[i], samples->weight);
        while (sorted && cumulative < rank && at + 1 < samples->count) {
            cumulative += sorted[++at].weight;
        }
        results[i] = sorted ? sorted[at].value : (double)NAN;
    }
    free(sorted);
}

/* The first of ascending bounds that a value is within, or their number. */
static size_t find_bound(const double *bounds, size_t count, double value)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value <= bounds[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

void sketch_samples_cumulative(const struct sketch_samples *samples, const double *bounds,
                               size_t count, double *weights)
{
    memset(weights, 0, count * sizeof(*weights));
    for (const struct samples_chunk *chunk = samples->first; chunk; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->count; i++) {
            struct sketch_sample sample = samples_chunk_at(chunk, i);
            size_t at = find_bound(bounds, count, sample.value);
            if (at < count) {
                weights[at] += sample.weight;
            }
        }
    }
    for (size_t i = 1; i < count; i++) {
        weights[i] += weights[i - 1];
    }
}

void sketch_samples_export(const struct sketch_samples *samples, sketch_visit *visit, void *context)
{
    struct sketch_sample *sorted = sorted_copy(samples);
    if (sorted) {
        sketch_export_sorted(sorted, samples->count, visit, context);
    }
    free(sorted);
}
