/* SPDX-License-Identifier: MIT
 *
 * A quantile sketch of weighted samples: the samples themselves while they are few, then a base-2
 * exponential histogram. Two sketches merge without loss beyond their resolution, and buckets
 * export as Prometheus native histograms.
 *
 * Exact phase: up to SKETCH_EXACT_SAMPLES samples with their weights. Then bucket i of schema s
 * holds values in (base^(i-1), base^i] with base = 2^(2^-s), upper-inclusive, mirrored for negative
 * values, and one bucket for zero. The schema is 8 at first (growth 1.0027); a bucket answers with
 * the value whose relative error is the same at both ends, 2/(1+base) of its upper bound: at most
 * 0.14 %. Up to 224 samples of one weight that are spread over a wide range are kept as a list of
 * their buckets, two bytes each; else counters of 1 to 64 bits in sparse pages of 64 buckets. Where
 * these would pass SKETCH_BYTES_MAX the schema is halved (index' = ceil(index / 2)), which doubles
 * the error and bounds the memory of one sketch whatever is sent.
 *
 * Bytes of lognormal samples of one weight, on average (bench_sketch). In the exact phase samples
 * take four bytes each while all are floats, or all are decimals of up to nine digits such
 * as 12.345; else eight:
 *
 *     samples              20    64   100   156  1000  10000
 *     sigma 0.25           88   288   191   214   350    669
 *     sigma 0.5            88   288   240   325   549   1062
 *     sigma 1              88   288   240   352   805   1633
 *     sigma 2              88   288   240   352  1179   2319
 *
 * Where the pool has a share open (server/core/pool_share.h), every sample is kept instead, for as
 * long as the share lasts; quantiles are then exact whatever their number.
 *
 * The sketch owns pool blocks. One thread at a time; a sketch may pass from a worker to the
 * flusher.
 */
#ifndef SERVER_METRICS_SKETCH_H
#define SERVER_METRICS_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"

#define SKETCH_EXACT_SAMPLES 64
#define SKETCH_SCHEMA_MAX 8
#define SKETCH_PAGE_BUCKETS 64
#define SKETCH_BYTES_MAX 36864

struct sketch; /* allocated from a pool on the first sample; NULL is the empty sketch */

/* Adds `value` (finite) with `weight` (finite, > 0; the histogram phase counts whole units and the
 * sketch carries the fraction on to its next sample, so that bucket counts add up to the total
 * weight). *sketch may be NULL and is then made. False when the pool is at its budget: nothing is
 * changed. */
bool sketch_add(struct sketch **sketch, double value, double weight, struct pool_cache *cache);

/* Adds all of `from` to *into, which may be NULL. `from` stays as it is. False when the pool is at
 * its budget: what fits has been added at a coarser schema or nothing has, and the total weight of
 * *into still is the sum of what it holds. */
bool sketch_merge(struct sketch **into, const struct sketch *from, struct pool_cache *cache);

/* Gives all memory back and sets *sketch to NULL. */
void sketch_free(struct sketch **sketch, struct pool_cache *cache);

/* The weighted nearest-rank quantile: the smallest value whose cumulative weight reaches
 * percent/100 of the total, percent in (0, 100]. Writes `count` results for ascending `percents` in
 * one pass. Results never leave [minimum, maximum] of what was added. NaN for the empty sketch. */
void sketch_quantiles(const struct sketch *sketch, const double *percents, size_t count,
                      double *results);

/* The weight of samples <= bound, for `count` ascending bounds (classic histogram buckets): exact
 * in the exact phase, else with the whole of the bucket that the bound is in, since what lies at a
 * bound is often a round number like it. */
void sketch_cumulative(const struct sketch *sketch, const double *bounds, size_t count,
                       double *weights);

/* A value and how often it counts. */
struct sketch_sample {
    double value;
    double weight;
};

/* Writes what the sketch holds in ascending order, the samples themselves where they are kept, else
 * a bucket's value with its weight, and returns how many. There must be room for
 * sketch_samples_max(). */
size_t sketch_samples_max(const struct sketch *sketch);
size_t sketch_samples(const struct sketch *sketch, struct sketch_sample *samples);

/* True where these are the samples themselves. */
bool sketch_is_whole(const struct sketch *sketch);

/* Total weight held. */
double sketch_weight(const struct sketch *sketch);

/* Calls visit() for each non-empty bucket in ascending order of value, at schema `*schema` which is
 * set first. An exact sketch is exported as if it had been in the histogram phase. index is
 * meaningless for zero. */
enum sketch_sign { SKETCH_NEGATIVE = -1, SKETCH_ZERO = 0, SKETCH_POSITIVE = 1 };
typedef void sketch_visit(void *context, enum sketch_sign sign, int32_t index, double weight);
void sketch_export(const struct sketch *sketch, int *schema, sketch_visit *visit, void *context);

/* Bytes of pool memory held, as whole blocks. */
size_t sketch_bytes(const struct sketch *sketch);

/* The index of the bucket of `value` > 0 at `schema` (0 to 8), and the upper bound of a bucket; for
 * tests, exporters and benchmarks. Exact: sketch_bucket_bound(sketch_bucket_index(v)) >= v > the
 * bound before. */
int32_t sketch_bucket_index(double value, int schema);
double sketch_bucket_bound(int32_t index, int schema);

#endif
