/* SPDX-License-Identifier: MIT */
#include "server/http/observer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/core/require.h"

#define MS_PER_SECOND 1000
#define LABEL_BYTES (NUMBER_TEXT_MAX + 16)

/* How a value of a source becomes what is shown: value / divisor * scale. */
struct unit {
    double divisor;
    double scale;
};

struct view {
    struct sampler *sampler;
    const struct mapping_options *options; /* NULL: nothing but the configuration says anything */
    uint32_t first;
    double count, sum;
};

static const struct source *source_of(const struct view *view, uint32_t index)
{
    return sample_source(view->sampler, METRIC_TIMER, index);
}

static const struct timer_row *row_of(const struct view *view, const struct source *source)
{
    return &view->sampler->snapshot->timers[source->row];
}

static struct unit unit_of(const struct view *view, const struct source *source)
{
    bool ms = row_of(view, source)->identity->type == STATSD_TIMER;
    return (struct unit){ms ? MS_PER_SECOND : 1,
                         naming_scale(&view->sampler->catalogue->naming, source->rule)};
}

static double shown(struct unit unit, double value)
{
    return value / unit.divisor * unit.scale;
}

static void add_up(struct view *view)
{
    const struct source *source = source_of(view, view->first);
    for (; source; source = source_of(view, source->next)) {
        const struct timer_row *row = row_of(view, source);
        view->count += row->total_count;
        view->sum += shown(unit_of(view, source), row->total_sum);
    }
}

/* Whether the values of all sources become what is shown in the same, rising way. */
static bool is_uniform(const struct view *view, struct unit *unit)
{
    const struct source *source = source_of(view, view->first);
    *unit = unit_of(view, source);
    bool uniform = unit->scale > 0;
    while (uniform && (source = source_of(view, source->next))) {
        struct unit other = unit_of(view, source);
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

static void uniform_quantiles(const struct view *view, const double *percents, size_t count,
                              struct unit unit, double *results)
{
    struct sampler *sampler = view->sampler;
    const struct source *source = source_of(view, view->first);
    const struct timer_row *row = row_of(view, source);
    if (source->next == SOURCE_NONE && row->sketch) {
        sketch_quantiles(row->sketch, percents, count, results);
    } else if (source->next == SOURCE_NONE) {
        for (size_t i = 0; i < count; i++) {
            results[i] = listed_quantile(sampler->snapshot, row, percents[i]);
        }
    } else {
        struct sketch *all = NULL;
        bool whole = true;
        for (; source; source = source_of(view, source->next)) {
            row = row_of(view, source);
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
    cloud->points[cloud->count++] = (struct point){shown(cloud->unit, sign * middle), weight};
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

static void mixed_quantiles(const struct view *view, const double *percents, size_t count,
                            double *results)
{
    struct cloud cloud = {0};
    const struct source *source = source_of(view, view->first);
    for (; source; source = source_of(view, source->next)) {
        const struct sketch *sketch = row_of(view, source)->sketch;
        cloud.unit = unit_of(view, source);
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

static size_t label(char out[LABEL_BYTES], const char *key, double value)
{
    size_t length = (size_t)(stpcpy(stpcpy(out, key), "=\"") - out);
    length += number_format(out + length, value);
    out[length++] = '"';
    return length;
}

/* The percents asked for; 0 has no rank and is taken for the least there is. */
static size_t percents_of(const struct view *view, double percents[SAMPLE_QUANTILES_MAX])
{
    const struct snapshot *snapshot = view->sampler->snapshot;
    if (!view->options || view->options->quantile_count == 0) {
        memcpy(percents, snapshot->percents, snapshot->percentile_count * sizeof(*percents));
        return view->sampler->quantile_count;
    }
    for (size_t i = 0; i < view->options->quantile_count; i++) {
        percents[i] = fmax(view->options->quantiles[i].quantile * 100, 1e-9);
    }
    return view->options->quantile_count;
}

static void write_quantiles(const struct view *view, const struct series *series,
                            struct buffer *out)
{
    double percents[SAMPLE_QUANTILES_MAX];
    double values[SAMPLE_QUANTILES_MAX];
    struct unit unit;
    size_t count = percents_of(view, percents);
    bool own = view->options && view->options->quantile_count > 0;
    if (is_uniform(view, &unit)) {
        uniform_quantiles(view, percents, count, unit, values);
    } else {
        mixed_quantiles(view, percents, count, values);
    }
    for (size_t i = 0; i < count; i++) {
        char text[LABEL_BYTES];
        const struct sample_label *listed = &view->sampler->quantile_labels[i];
        if (own) {
            size_t length = label(text, "quantile", view->options->quantiles[i].quantile);
            sample_write_line(out, series, "", text, length, values[i]);
        } else {
            sample_write_line(out, series, "", view->sampler->quantiles.bytes + listed->offset,
                              listed->length, values[i]);
        }
    }
}

/* Adds the weight of what is shown at or below each bound. With a negative scale what is large
 * becomes small: there a bucket of the sketch counts on the side of its middle. */
static void add_cumulative(const struct sketch *sketch, struct unit unit, const double *bounds,
                           size_t count, double *sums)
{
    double own[MAPPING_BUCKETS_MAX];
    double weights[MAPPING_BUCKETS_MAX];
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
static const struct sample_bounds *configured(const struct view *view, unsigned type)
{
    return type == STATSD_TIMER ? &view->sampler->seconds : &view->sampler->plain;
}

static bool same_bounds(const struct sample_bounds *own, const double *bounds, size_t count)
{
    return own->count == count && memcmp(own->values, bounds, count * sizeof(*bounds)) == 0;
}

static void add_row(const struct view *view, const struct source *source, const double *bounds,
                    size_t count, double *sums)
{
    const struct timer_row *row = row_of(view, source);
    struct unit unit = unit_of(view, source);
    if (row->buckets && unit.scale == 1 &&
        same_bounds(configured(view, row->identity->type), bounds, count)) {
        for (size_t i = 0; i < count; i++) {
            sums[i] += row->buckets[i];
        }
    } else if (row->total_sketch) {
        add_cumulative(row->total_sketch, unit, bounds, count, sums);
    }
}

/* A family has the bounds of the rule that made it. */
static size_t bounds_of(const struct view *view, const struct family *family, const double **bounds)
{
    if (view->options && view->options->bucket_count > 0) {
        *bounds = view->options->buckets;
        return view->options->bucket_count;
    }
    const struct sample_bounds *own = configured(view, family->type);
    *bounds = own->values;
    return own->count;
}

static void write_buckets(const struct view *view, const struct series *series, struct buffer *out)
{
    double sums[MAPPING_BUCKETS_MAX] = {0};
    const double *bounds;
    char text[LABEL_BYTES];
    size_t count = bounds_of(view, series->family, &bounds);
    REQUIRE(count <= MAPPING_BUCKETS_MAX);
    const struct source *source = source_of(view, view->first);
    for (; source; source = source_of(view, source->next)) {
        add_row(view, source, bounds, count, sums);
    }
    for (size_t i = 0; i <= count; i++) {
        size_t length = label(text, "le", i < count ? bounds[i] : HUGE_VAL);
        /* Sums of fractions may differ in the last bit, and a bucket may never exceed the next. */
        sample_write_line(out, series, "_bucket", text, length,
                          i < count ? fmin(sums[i], view->count) : view->count);
    }
}

void observer_write(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    const struct family *family = series->family;
    struct view view = {.sampler = sampler,
                        .options = naming_options(&sampler->catalogue->naming, family->rule),
                        .first = series->first_source};
    add_up(&view);
    if (sampler_is_histogram(sampler, family)) {
        write_buckets(&view, series, out);
    } else {
        write_quantiles(&view, series, out);
    }
    sample_write_line(out, series, "_sum", "", 0, view.sum);
    sample_write_line(out, series, "_count", "", 0, view.count);
}
