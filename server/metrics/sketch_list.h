/* SPDX-License-Identifier: MIT
 *
 * Between the exact phase of a sketch and its histogram: the bucket of each sample at the finest
 * schema in 16 bits, in the order they came, in one pool block. It holds samples of one weight, of
 * zero or of a magnitude within 2^-64 to 2^64, and is worth its bytes while few samples are spread
 * over many pages. One thread at a time; private to the sketch.
 *
 * Codes ascend as values do: 32,768 is zero, above are positive values, below negative ones.
 */
#ifndef SERVER_METRICS_SKETCH_LIST_H
#define SERVER_METRICS_SKETCH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"
#include "server/metrics/sketch_bucket.h"
#include "server/metrics/sketch_private.h"

#define SKETCH_LIST_SAMPLES 224
#define SKETCH_LIST_ZERO 32768
#define SKETCH_LIST_BIAS 16384

struct sketch_list {
    struct sketch sketch;
    uint8_t count;
    uint8_t capacity;
    double weight; /* of each sample */
    double minimum;
    double maximum;
    uint16_t codes[];
};

/* The code of a value; 0, which is none, when it is out of reach. */
static inline uint16_t sketch_list_code(double value)
{
    struct sketch_point point = sketch_bucket_point(value);
    int32_t distance = point.ordinal + SKETCH_LIST_BIAS;
    if (point.sign == SKETCH_ZERO) {
        return SKETCH_LIST_ZERO;
    }
    if (distance <= 0 || distance >= SKETCH_LIST_ZERO) {
        return 0;
    }
    return (uint16_t)(SKETCH_LIST_ZERO + (point.sign == SKETCH_NEGATIVE ? -distance : distance));
}

static inline struct sketch_point sketch_list_point(uint16_t code)
{
    int32_t distance = (int32_t)code - SKETCH_LIST_ZERO;
    enum sketch_sign sign = distance > 0   ? SKETCH_POSITIVE
                            : distance < 0 ? SKETCH_NEGATIVE
                                           : SKETCH_ZERO;
    int32_t magnitude = distance < 0 ? -distance : distance;
    return (struct sketch_point){sign, magnitude ? magnitude - SKETCH_LIST_BIAS : 0};
}

/* Whether so many samples from `minimum` to `maximum` are held in fewer bytes as a list than as a
 * histogram, by what a histogram takes on average. */
bool sketch_list_suits(unsigned count, double minimum, double maximum);

/* The words of pages that such a histogram is expected to take. */
unsigned sketch_list_page_words(unsigned count, double minimum, double maximum);

/* An empty list with room for `count` samples, at most SKETCH_LIST_SAMPLES. NULL at the budget. */
struct sketch_list *sketch_list_new(unsigned count, double weight, struct pool_cache *cache);
void sketch_list_free(struct sketch_list *list, struct pool_cache *cache);

/* There must be room. */
static inline void sketch_list_append(struct sketch_list *list, uint16_t code, double value)
{
    list->codes[list->count++] = code;
    list->minimum = value < list->minimum ? value : list->minimum;
    list->maximum = value > list->maximum ? value : list->maximum;
}

/* Appends all of `from`, for which there must be room. */
void sketch_list_append_all(struct sketch_list *list, const struct sketch_list *from);

/* Writes the codes in ascending order. */
void sketch_list_sort(const struct sketch_list *list, uint16_t sorted[SKETCH_LIST_SAMPLES]);

/* As sketch_*() of the same names. */
void sketch_list_quantiles(const struct sketch_list *list, const double *percents, size_t count,
                           double *results);
void sketch_list_cumulative(const struct sketch_list *list, const double *bounds, size_t count,
                            double *weights);
void sketch_list_export(const struct sketch_list *list, sketch_visit *visit, void *context);
size_t sketch_list_bytes(const struct sketch_list *list);

#endif
