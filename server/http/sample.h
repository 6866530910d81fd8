/* SPDX-License-Identifier: MIT
 *
 * Writes the samples of one Prometheus series from the rows of a snapshot: the value of a counter,
 * gauge or set, the quantiles or buckets of a timer with sum and count. Where several StatsD series
 * feed it, they are merged here: counters, sums, counts and buckets add, gauges keep the latest,
 * sets unite, quantiles come from merged sketches. No printf on the way. One thread at a time.
 */
#ifndef SERVER_HTTP_SAMPLE_H
#define SERVER_HTTP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/core/pool.h"
#include "server/http/catalogue.h"
#include "server/metrics/snapshot.h"

/* The configuration bounds of flush.percentiles and prometheus.buckets. */
#define SAMPLE_QUANTILES_MAX 32
#define SAMPLE_BUCKETS_MAX 128

/* A label that is written behind the series' own, such as `quantile="0.5"`, at an offset in `text`.
 */
struct sample_label {
    size_t offset;
    size_t length;
};

/* The buckets of one kind of timer, or of a family. */
struct sample_bounds {
    double values[SAMPLE_BUCKETS_MAX];
    size_t count;       /* without +Inf */
    struct buffer text; /* `le` labels, +Inf included */
    struct sample_label labels[SAMPLE_BUCKETS_MAX + 1];
};

/* The quantiles of a snapshot, or of a family. */
struct sample_quantiles {
    double percents[SAMPLE_QUANTILES_MAX];
    size_t count;
    struct buffer text; /* `quantile` labels */
    struct sample_label labels[SAMPLE_QUANTILES_MAX];
};

struct sampler {
    struct sample_bounds seconds; /* of ms timers */
    struct sample_bounds plain;   /* of h and d */
    bool histogram;               /* timers are histograms, where no mapping says otherwise */
    bool totals;                  /* rows have their total_sketch */
    struct pool *pool;            /* of the merged sketches and sets */
    struct pool_cache *cache;
    /* For the snapshot that is being written: */
    const struct snapshot *snapshot;
    const struct catalogue *catalogue;
    struct sample_quantiles quantiles;
    /* What a rule of the mapping says of the family that was viewed last; the others often follow
     * the same. */
    const struct mapping_options *own;
    struct sample_quantiles own_quantiles;
    struct sample_bounds own_bounds;
};

/* A timer as it is shown: one row, or several merged. Values are in `unit`s of what they are shown
 * in. */
struct timer_view {
    double count;
    double sum;
    double unit;
    const struct sample_quantiles *listed; /* the quantiles it has */
    const struct sample_bounds *bounds;    /* the buckets it has */
    const double *quantiles;               /* of `listed`; NULL = none */
    const double *buckets;                 /* cumulative, of `bounds`; NULL = none */
    double merged_quantiles[SAMPLE_QUANTILES_MAX];
    double merged_buckets[SAMPLE_BUCKETS_MAX];
};

/* False without memory; sampler_deinit() is to be called in either case. */
bool sampler_init(struct sampler *sampler, const struct config *config);
void sampler_deinit(struct sampler *sampler);

/* Whether a family of timers is shown as a histogram, for which the rules of a mapping may ask. */
bool sampler_is_histogram(const struct sampler *sampler, const struct family *family);

/* Both must outlive the writing. */
void sampler_begin(struct sampler *sampler, const struct catalogue *catalogue,
                   const struct snapshot *snapshot);

/* Ask the processor for what sampler_write() will read of a series: its first source, then, once
 * that is there, the row. */
void sampler_fetch_source(const struct sampler *sampler, const struct series *series);
void sampler_fetch_row(const struct sampler *sampler, const struct series *series);

/* Appends the lines of a series. */
void sampler_write(struct sampler *sampler, const struct series *series, struct buffer *out);

/* The value of a series that is no timer. */
double sampler_value(struct sampler *sampler, const struct series *series);

/* Label the values that are there. Memory shows in `text.failed`. */
void sample_label_quantiles(struct sample_quantiles *quantiles);
void sample_label_bounds(struct sample_bounds *bounds);

/* The source at an index of its kind; NULL for SOURCE_NONE. */
static inline const struct source *sample_source(const struct sampler *sampler,
                                                 enum metric_kind kind, uint32_t index)
{
    return index == SOURCE_NONE ? NULL : &sampler->catalogue->sources[kind][index];
}

#endif
