/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/totals.h"

#include <math.h>

#define MS_PER_SECOND 1000

/* How a value as sent becomes what is shown: value / divisor * scale. */
struct unit {
    double divisor, scale;
};

static const struct timer_row *row_of(const struct sampler *sampler, const struct source *source)
{
    return &sampler->snapshot->timers[source->row];
}

static const struct source *next_of(const struct sampler *sampler, const struct source *source)
{
    return sample_source(sampler, METRIC_TIMER, source->next);
}

static struct unit unit_of(const struct sampler *sampler, const struct series *series,
                           const struct source *source)
{
    bool ms = row_of(sampler, source)->identity->type == STATSD_TIMER;
    bool seconds = ms && series->family->kind != PROM_PLAIN;
    return (struct unit){seconds ? MS_PER_SECOND : 1,
                         naming_scale(&sampler->catalogue->naming, source->rule)};
}

/* Whether one division takes the values of all sources to what is shown. */
static bool is_uniform(const struct sampler *sampler, const struct series *series,
                       const struct source *first)
{
    struct unit unit = unit_of(sampler, series, first);
    bool uniform = unit.scale > 0;
    for (const struct source *source = next_of(sampler, first); source && uniform;
         source = next_of(sampler, source)) {
        struct unit other = unit_of(sampler, series, source);
        uniform = other.divisor == unit.divisor && other.scale == unit.scale;
    }
    return uniform;
}

struct rescaling {
    struct sketch **into;
    struct pool_cache *cache;
    struct unit unit;
    int schema;
    bool whole;
};

/* Each bucket by the value whose relative error is the same at both ends. */
static void add_bucket(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct rescaling *rescaling = context;
    double base = exp2(ldexp(1, -rescaling->schema));
    double value =
        sign == SKETCH_ZERO ? 0 : sketch_bucket_bound(index, rescaling->schema) * 2 / (1 + base);
    value = value * (int)sign / rescaling->unit.divisor * rescaling->unit.scale;
    rescaling->whole = rescaling->whole && isfinite(value) &&
                       sketch_add(rescaling->into, value, weight, rescaling->cache);
}

static bool add_rescaled(const struct sampler *sampler, struct unit unit,
                         const struct sketch *total, struct sketch **all)
{
    struct rescaling rescaling = {
        .into = all, .cache = sampler->cache, .unit = unit, .whole = true};
    if (total) {
        sketch_export(total, &rescaling.schema, add_bucket, &rescaling);
    }
    return rescaling.whole;
}

/* All of them in *all, to be freed. */
static bool merge(const struct sampler *sampler, const struct series *series,
                  const struct source *first, bool uniform, struct sketch **all)
{
    bool whole = true;
    for (const struct source *source = first; source && whole; source = next_of(sampler, source)) {
        const struct sketch *total = row_of(sampler, source)->total_sketch;
        if (uniform) {
            whole = !total || sketch_merge(all, total, sampler->cache);
        } else {
            whole = add_rescaled(sampler, unit_of(sampler, series, source), total, all);
        }
    }
    return whole;
}

/* In the unit of the sketches where that is one, else as shown. */
static double sum_of(const struct sampler *sampler, const struct series *series,
                     const struct source *first, bool uniform)
{
    double sum = 0;
    for (const struct source *source = first; source; source = next_of(sampler, source)) {
        struct unit unit = unit_of(sampler, series, source);
        double total = row_of(sampler, source)->total_sum;
        sum += uniform ? total : total / unit.divisor * unit.scale;
    }
    return sum;
}

bool totals_make(const struct sampler *sampler, const struct series *series,
                 struct native_histogram *native)
{
    const struct source *first = sample_source(sampler, METRIC_TIMER, series->first_source);
    bool uniform = is_uniform(sampler, series, first);
    struct unit unit = unit_of(sampler, series, first);
    double divisor = uniform ? unit.divisor / unit.scale : 1;
    double sum = sum_of(sampler, series, first, uniform);
    if (uniform && first->next == SOURCE_NONE) {
        native_histogram_make(native, row_of(sampler, first)->total_sketch, divisor, sum);
        return true;
    }
    struct sketch *all = NULL;
    bool whole = merge(sampler, series, first, uniform, &all);
    if (whole) {
        native_histogram_make(native, all, divisor, sum);
    }
    sketch_free(&all, sampler->cache);
    return whole;
}
