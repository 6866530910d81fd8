/* SPDX-License-Identifier: MIT
 *
 * What one Prometheus series shows of the rows of a snapshot: the value of a counter, gauge or set,
 * the quantiles or buckets of a timer with sum and count. Where several StatsD series feed it, they
 * are merged here: counters, sums, counts and buckets add, gauges keep the latest, sets unite,
 * quantiles come from merged sketches. How it is written is for text_format.h and protobuf_format.h
 * to know. One thread at a time.
 */
#ifndef SERVER_HTTP_SAMPLE_H
#define SERVER_HTTP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/core/pool.h"
#include "server/http/catalogue.h"
#include "server/http/format.h"
#include "server/metrics/native_histogram.h"
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
    struct buffer text; /* `le` labels, +Inf included, in the format */
    struct sample_label labels[SAMPLE_BUCKETS_MAX + 1];
};

/* The quantiles of a snapshot, or of a family. */
struct sample_quantiles {
    double percents[SAMPLE_QUANTILES_MAX];
    size_t count;
    struct buffer text; /* `quantile` labels, in the format */
    struct sample_label labels[SAMPLE_QUANTILES_MAX];
};

struct sampler {
    struct sample_bounds seconds;   /* of ms timers */
    struct sample_bounds plain;     /* of h and d */
    bool histogram;                 /* timers are histograms, where no mapping says otherwise */
    bool has_native;                /* those are native where the format has such */
    bool totals;                    /* rows have their total_sketch */
    bool created;                   /* when a series began is shown, where the format can */
    struct native_histogram native; /* where timer_type is native */
    struct pool *pool;              /* of the merged sketches and sets */
    struct pool_cache *cache;
    /* For the snapshot that is being written: */
    enum format format;
    const struct snapshot *snapshot;
    const struct catalogue *catalogue;
    struct sample_quantiles quantiles;
    /* What a rule of the mapping says of the family that was viewed last; the others often follow
     * the same. */
    const struct mapping_options *own;
    struct sample_quantiles own_quantiles;
    struct sample_bounds own_bounds;
    struct buffer scratch; /* for who writes */
};

/* A timer as it is shown: one row, or several merged. Values are in `unit`s of what they are shown
 * in. */
struct timer_view {
    double count;
    double sum;
    double unit;
    bool histogram;                        /* else it is a summary */
    const struct sample_quantiles *listed; /* the quantiles it has */
    const struct sample_bounds *bounds;    /* the buckets it has */
    const double *quantiles;               /* of `listed`; NULL = none */
    const double *buckets;                 /* cumulative, of `bounds`; NULL = none */
    const struct native_histogram *native; /* in their place; NULL = none */
    double merged_quantiles[SAMPLE_QUANTILES_MAX];
    double merged_buckets[SAMPLE_BUCKETS_MAX];
};

/* False without memory; sampler_deinit() is to be called in either case. */
bool sampler_init(struct sampler *sampler, const struct config *config);
void sampler_deinit(struct sampler *sampler);

/* Both must outlive the writing. */
void sampler_begin(struct sampler *sampler, const struct catalogue *catalogue,
                   const struct snapshot *snapshot, enum format format);

/* Ask the processor for what will be read of a series: its first source, then, once that is there,
 * the row. */
void sampler_fetch_source(const struct sampler *sampler, const struct series *series);
void sampler_fetch_row(const struct sampler *sampler, const struct series *series);

/* The value of a counter, gauge or set. */
double sampler_value(struct sampler *sampler, const struct series *series);

/* Native histograms are made for the protobuf format only; elsewhere such timers have classic
 * buckets. */
void sampler_view(struct sampler *sampler, const struct series *series, struct timer_view *view);

/* When the series began, in whole Unix seconds: never later than its first sample, and no earlier
 * than the scrape before. */
double sampler_created(const struct sampler *sampler, const struct series *series);

/* The latest exemplar of the rows that feed the series, as it is shown. */
struct shown_exemplar {
    const struct exemplar *exemplar;
    double value;
    double timestamp; /* Unix seconds */
};

/* False where there is none. */
bool sampler_exemplar(const struct sampler *sampler, const struct series *series,
                      struct shown_exemplar *shown);

/* Whether a family of timers is shown as a histogram, for which the rules of a mapping may ask. */
bool sampler_is_histogram(const struct sampler *sampler, const struct family *family);

/* Label the values that are there as the format has them. Memory shows in `text.failed`. */
void sample_label_quantiles(const struct sampler *sampler, struct sample_quantiles *quantiles);
void sample_label_bounds(const struct sampler *sampler, struct sample_bounds *bounds);

/* The source at an index of its kind; NULL for SOURCE_NONE. */
static inline const struct source *sample_source(const struct sampler *sampler,
                                                 enum metric_kind kind, uint32_t index)
{
    return index == SOURCE_NONE ? NULL : &sampler->catalogue->sources[kind][index];
}

#endif
