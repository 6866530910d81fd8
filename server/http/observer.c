/* SPDX-License-Identifier: MIT */
#include "server/http/observer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

#define MS_PER_SECOND 1000

/* How a value of a source becomes what is shown: value / divisor * scale. */
struct unit {
    double divisor;
    double scale;
};

struct observed {
    struct sampler *sampler;
    uint32_t first;
};

static const struct source *source_of(const struct observed *observed, uint32_t index)
{
    return sample_source(observed->sampler, METRIC_TIMER, index);
}

static const struct timer_row *row_of(const struct observed *observed, const struct source *source)
{
    return &observed->sampler->snapshot->timers[source->row];
}

static struct unit unit_of(const struct observed *observed, const struct source *source)
{
    bool ms = row_of(observed, source)->identity->type == STATSD_TIMER;
    return (struct unit){ms ? MS_PER_SECOND : 1,
                         naming_scale(&observed->sampler->catalogue->naming, source->rule)};
}

static double shown(struct unit unit, double value)
{
    return value / unit.divisor * unit.scale;
}

static void add_up(const struct observed *observed, struct timer_view *view)
{
    const struct source *source = source_of(observed, observed->first);
    for (; source; source = source_of(observed, source->next)) {
        const struct timer_row *row = row_of(observed, source);
        view->count += row->total_count;
        view->sum += shown(unit_of(observed, source), row->total_sum);
    }
}

/* Whether the values of all sources become what is shown in the same, rising way. */
static bool is_uniform(const struct observed *observed, struct unit *unit)
{
    const struct source *source = source_of(observed, observed->first);
    *unit = unit_of(observed, source);
    bool uniform = unit->scale > 0;
    while (uniform && (source = source_of(observed, source->next))) {
        struct unit other = unit_of(observed, source);
        uniform = other.divisor == unit->divisor && other.scale == unit->scale;
    }
    return uniform;
}

/* A row without its sketch has the percentiles of the configuration only. */
static double listed_quantile(const struct snapshot *snapshot, const struct timer_row *row,
                              double percent)
{
    for (size_t i = 0; row->percentiles && i < snapshot->percentile_count; i++) {
        if (fabs(snapshot->percents[i] - percent) < 1e-9) {
            return row->percentiles[i];
        }
    }
    return (double)NAN;
}

static void uniform_quantiles(const struct observed *observed, const double *percents, size_t count,
                              struct unit unit, double *results)
{
    struct sampler *sampler = observed->sampler;
    const struct source *source = source_of(observed, observed->first);
    const struct timer_row *row = row_of(observed, source);
    if (source->next == SOURCE_NONE && row->sketch) {
        sketch_quantiles(row->sketch, percents, count, results);
    } else if (source->next == SOURCE_NONE) {
        for (size_t i = 0; i < count; i++) {
            results[i] = listed_quantile(sampler->snapshot, row, percents[i]);
        }
    } else {
        struct sketch *all = NULL;
        bool whole = true;
        for (; source; source = source_of(observed, source->next)) {
            row = row_of(observed, source);
            whole = whole && (!row->sketch || sketch_merge(&all, row->sketch, sampler->cache));
        }
        for (size_t i = 0; i < count; i++) {
            results[i] = (double)NAN;
        }
        if (whole && all) {
            sketch_quantiles(all, percents, count, results);
        }
        sketch_free(&all, sampler->cache);
    }
    for (size_t i = 0; i < count; i++) {
        results[i] = shown(unit, results[i]);
    }
}

/* The buckets of sketches in different units, as points. */
struct point {
    double value;
    double weight;
};

struct cloud {
    struct point *points;
    size_t count, capacity;
    double weight;
    bool failed;
    int schema; /* of the sketch that is being added, and its unit */
    struct unit unit;
};

static void add_point(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct cloud *cloud = context;
    if (cloud->count == cloud->capacity) {
        size_t capacity = cloud->capacity ? cloud->capacity * 2 : 256;
        struct point *grown = realloc(cloud->points, capacity * sizeof(*grown));
        cloud->failed |= !grown;
        if (!grown) {
            return;
        }
        cloud->points = grown;
        cloud->capacity = capacity;
    }
    double base = exp2(exp2(-cloud->schema));
    double middle =
        sign == SKETCH_ZERO ? 0 : sketch_bucket_bound(index, cloud->schema) * 2 / (1 + base);
    cloud->points[cloud->count++] = (struct point){shown(cloud->unit, (int)sign * middle), weight};
    cloud->weight += weight;
}

static int compare_points(const void *left, const void *right)
{
    double a = ((const struct point *)left)->value;
    double b = ((const struct point *)right)->value;
    return (a > b) - (a < b);
}

/* Nearest rank by weight, as sketch_quantiles(). */
static void cloud_quantiles(struct cloud *cloud, const double *percents, size_t count,
                            double *results)
{
    double below = 0;
    size_t at = 0;
    qsort(cloud->points, cloud->count, sizeof(*cloud->points), compare_points);
    for (size_t i = 0; i < count; i++) {
        double rank = percents[i] / 100 * cloud->weight;
        while (at + 1 < cloud->count && below + cloud->points[at].weight < rank) {
            below += cloud->points[at++].weight;
        }
        results[i] = cloud->points[at].value;
    }
}

static void mixed_quantiles(const struct observed *observed, const double *percents, size_t count,
                            double *results)
{
    struct cloud cloud = {0};
    const struct source *source = source_of(observed, observed->first);
    for (; source; source = source_of(observed, source->next)) {
        const struct sketch *sketch = row_of(observed, source)->sketch;
        cloud.unit = unit_of(observed, source);
        if (sketch) {
            sketch_export(sketch, &cloud.schema, add_point, &cloud);
        }
    }
    for (size_t i = 0; i < count; i++) {
        results[i] = (double)NAN;
    }
    if (cloud.count > 0 && !cloud.failed) {
        cloud_quantiles(&cloud, percents, count, results);
    }
    free(cloud.points);
}

/* What the rules say of the family. 0 has no rank and is taken for the least there is. */
static void take_options(struct sampler *sampler, const struct mapping_options *options)
{
    struct sample_quantiles *quantiles = &sampler->own_quantiles;
    struct sample_bounds *bounds = &sampler->own_bounds;
    if (sampler->own == options) {
        return;
    }
    REQUIRE(options->quantile_count <= SAMPLE_QUANTILES_MAX);
    REQUIRE(options->bucket_count <= SAMPLE_BUCKETS_MAX);
    sampler->own = options;
    quantiles->count = options->quantile_count;
    for (size_t i = 0; i < quantiles->count; i++) {
        quantiles->percents[i] = options->quantiles[i].quantile * 100;
    }
    sample_label_quantiles(sampler, quantiles);
    for (size_t i = 0; i < quantiles->count; i++) {
        quantiles->percents[i] = fmax(quantiles->percents[i], 1e-9);
    }
    bounds->count = options->bucket_count;
    for (size_t i = 0; i < bounds->count; i++) {
        bounds->values[i] = options->buckets[i];
    }
    sample_label_bounds(sampler, bounds);
}

static void view_quantiles(const struct observed *observed, struct timer_view *view)
{
    const double *percents = view->listed->percents;
    struct unit unit;
    if (is_uniform(observed, &unit)) {
        uniform_quantiles(observed, percents, view->listed->count, unit, view->merged_quantiles);
    } else {
        mixed_quantiles(observed, percents, view->listed->count, view->merged_quantiles);
    }
    view->quantiles = view->merged_quantiles;
}

/* Adds the weight of what is shown at or below each bound. With a negative scale what is large
 * becomes small: there a bucket of the sketch counts on the side of its middle. */
static void add_cumulative(const struct sketch *sketch, struct unit unit, const double *bounds,
                           size_t count, double *sums)
{
    double own[SAMPLE_BUCKETS_MAX];
    double weights[SAMPLE_BUCKETS_MAX];
    double all = sketch_weight(sketch);
    bool falls = unit.scale < 0;
    for (size_t i = 0; i < count; i++) {
        own[falls ? count - 1 - i : i] = bounds[i] * unit.divisor / unit.scale;
    }
    if (unit.scale != 0) {
        sketch_cumulative(sketch, own, count, weights);
    }
    for (size_t i = 0; i < count; i++) {
        sums[i] += unit.scale == 0 ? (bounds[i] >= 0 ? all : 0)
                   : falls         ? all - weights[count - 1 - i]
                                   : weights[i];
    }
}

/* The bounds of the configuration, which rows have their buckets for. */
static const struct sample_bounds *configured(const struct observed *observed, unsigned type)
{
    return type == STATSD_TIMER ? &observed->sampler->seconds : &observed->sampler->plain;
}

static bool same_bounds(const struct sample_bounds *own, const double *bounds, size_t count)
{
    return own->count == count && memcmp(own->values, bounds, count * sizeof(*bounds)) == 0;
}

static void add_row(const struct observed *observed, const struct source *source,
                    const double *bounds, size_t count, double *sums)
{
    const struct timer_row *row = row_of(observed, source);
    struct unit unit = unit_of(observed, source);
    if (row->buckets && unit.scale == 1 &&
        same_bounds(configured(observed, row->identity->type), bounds, count)) {
        for (size_t i = 0; i < count; i++) {
            sums[i] += row->buckets[i];
        }
    } else if (row->total_sketch) {
        add_cumulative(row->total_sketch, unit, bounds, count, sums);
    }
}

static void view_buckets(const struct observed *observed, struct timer_view *view)
{
    const struct sample_bounds *bounds = view->bounds;
    memset(view->merged_buckets, 0, sizeof(view->merged_buckets));
    const struct source *source = source_of(observed, observed->first);
    for (; source; source = source_of(observed, source->next)) {
        add_row(observed, source, bounds->values, bounds->count, view->merged_buckets);
    }
    view->buckets = view->merged_buckets;
}

/* The schema whose buckets grow by no more than the factor. */
static int schema_of(double factor)
{
    int schema = NATIVE_SCHEMA_MIN;
    while (schema < SKETCH_SCHEMA_MAX && exp2(exp2(-schema)) > factor) {
        schema++;
    }
    return schema;
}

/* A rule may ask for less than the configuration has room for. */
static struct native_limits limits_of(const struct sampler *sampler,
                                      const struct mapping_options *options)
{
    struct native_limits limits = sampler->native.limits;
    if (options && options->native_factor > 0) {
        int schema = schema_of(options->native_factor);
        limits.schema = schema < limits.schema ? schema : limits.schema;
    }
    if (options && options->native_buckets_max > 0 &&
        options->native_buckets_max < limits.buckets_max) {
        limits.buckets_max = options->native_buckets_max;
    }
    return limits;
}

/* All samples of the sources together, *own where that had to be made. NULL where there are none,
 * and *whole = false without memory. */
static const struct sketch *merged_total(const struct observed *observed, struct sketch **own,
                                         bool *whole)
{
    const struct source *source = source_of(observed, observed->first);
    *own = NULL;
    *whole = true;
    if (source->next == SOURCE_NONE) {
        return row_of(observed, source)->total_sketch;
    }
    for (; source; source = source_of(observed, source->next)) {
        const struct sketch *one = row_of(observed, source)->total_sketch;
        *whole = *whole && (!one || sketch_merge(own, one, observed->sampler->cache));
    }
    return *own;
}

/* False where the values of the sources become what is shown in different ways: then there are
 * classic buckets. */
static bool view_native(const struct observed *observed, const struct mapping_options *options,
                        struct timer_view *view)
{
    struct sampler *sampler = observed->sampler;
    struct sketch *own;
    struct unit unit;
    bool whole;
    if (!sampler->has_native || sampler->format != FORMAT_PROTOBUF ||
        !is_uniform(observed, &unit)) {
        return false;
    }
    const struct sketch *total = merged_total(observed, &own, &whole);
    if (whole) {
        struct native_limits before = sampler->native.limits;
        sampler->native.limits = limits_of(sampler, options);
        native_histogram_make(&sampler->native, total, unit.divisor / unit.scale, 0);
        sampler->native.limits = before;
        sampler->native.sum = view->sum;
        view->native = &sampler->native;
    }
    sketch_free(&own, sampler->cache);
    return whole;
}

/* A family has the quantiles or bounds of the rule that made it. */
static const struct mapping_options *
choose_lists(struct sampler *sampler, const struct family *family, struct timer_view *view)
{
    const struct mapping_options *options =
        naming_options(&sampler->catalogue->naming, family->rule);
    view->listed = &sampler->quantiles;
    view->bounds = family->type == STATSD_TIMER ? &sampler->seconds : &sampler->plain;
    if (!options) {
        return NULL;
    }
    take_options(sampler, options);
    view->listed = options->quantile_count > 0 ? &sampler->own_quantiles : view->listed;
    view->bounds = options->bucket_count > 0 ? &sampler->own_bounds : view->bounds;
    return options;
}

void observer_view(struct sampler *sampler, const struct series *series, struct timer_view *view)
{
    struct observed observed = {sampler, series->first_source};
    view->count = view->sum = 0;
    view->unit = 1;
    view->quantiles = view->buckets = NULL;
    const struct mapping_options *options = choose_lists(sampler, series->family, view);
    add_up(&observed, view);
    if (!sampler_is_histogram(sampler, series->family)) {
        view_quantiles(&observed, view);
    } else if (!view_native(&observed, options, view)) {
        view_buckets(&observed, view);
    }
}
