/* SPDX-License-Identifier: MIT
 *
 * The exact phase of a sketch: its samples in the order they came, in one pool block that grows
 * with them. Values take four bytes while every one of them is a float, or else has units at the
 * same number of decimal places (sketch_decimal.h), which grows while all of them still do; then
 * eight. They are read back bit for bit. Weights take none while they are all the same, and a
 * float, then eight. One thread at a time; private to the sketch.
 */
#ifndef SERVER_METRICS_SKETCH_EXACT_H
#define SERVER_METRICS_SKETCH_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_private.h"

enum sketch_exact_kind { SKETCH_FLOATS, SKETCH_DECIMALS, SKETCH_DOUBLES };

struct sketch_exact {
    struct sketch sketch;
    uint8_t count;
    uint8_t capacity;
    unsigned char kind : 2;   /* enum sketch_exact_kind: what values are held as */
    unsigned char places : 4; /* of decimals, which are int32_t; else 0 */
    bool weighted : 1;        /* `capacity` weights follow the values */
    float weight;             /* of each sample, while they are not weighted */
    unsigned char bytes[];
};

/* False at the budget: nothing is changed. There must be fewer than SKETCH_EXACT_SAMPLES. */
bool sketch_exact_add(struct sketch_exact **exact, double value, double weight,
                      struct pool_cache *cache);

/* Adds the samples of `from`, which fit by count. False at the budget: nothing is changed. */
bool sketch_exact_merge(struct sketch_exact **into, const struct sketch_exact *from,
                        struct pool_cache *cache);

void sketch_exact_free(struct sketch_exact *exact, struct pool_cache *cache);

/* Sample number i in the order of arrival. */
struct sketch_sample sketch_exact_sample(const struct sketch_exact *exact, unsigned i);

/* Writes the values in the order of arrival. */
void sketch_exact_values(const struct sketch_exact *exact, double values[SKETCH_EXACT_SAMPLES]);

/* Writes the samples in ascending order of their values. */
void sketch_exact_sort(const struct sketch_exact *exact,
                       struct sketch_sample samples[SKETCH_EXACT_SAMPLES]);

/* The same of any samples that are in ascending order, which become whole units. */
void sketch_export_sorted(struct sketch_sample *samples, size_t count, sketch_visit *visit,
                          void *context);

/* As sketch_*() of the same names. */
void sketch_exact_quantiles(const struct sketch_exact *exact, const double *percents, size_t count,
                            double *results);
void sketch_exact_cumulative(const struct sketch_exact *exact, const double *bounds, size_t count,
                             double *weights);
void sketch_exact_export(const struct sketch_exact *exact, sketch_visit *visit, void *context);
double sketch_exact_weight(const struct sketch_exact *exact);
size_t sketch_exact_bytes(const struct sketch_exact *exact);

#endif
