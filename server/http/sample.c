/* SPDX-License-Identifier: MIT */
#include "server/http/sample.h"

#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "server/core/require.h"
#include "server/http/observer.h"

/* What two merged sketches or sets may take; far more than one of each kind ever does. */
#define POOL_BYTES_MAX (64u << 20)

#define MS_PER_SECOND 1000

void sample_label_bounds(struct sample_bounds *bounds)
{
    struct buffer *text = &bounds->text;
    text->length = 0;
    text->failed = false;
    for (size_t i = 0; i <= bounds->count; i++) {
        size_t offset = text->length;
        buffer_append_text(text, "le=\"");
        buffer_append_number(text, i < bounds->count ? bounds->values[i] : HUGE_VAL);
        buffer_append_text(text, "\"");
        bounds->labels[i] = (struct sample_label){offset, text->length - offset};
    }
}

void sample_label_quantiles(struct sample_quantiles *quantiles)
{
    struct buffer *text = &quantiles->text;
    text->length = 0;
    text->failed = false;
    for (size_t i = 0; i < quantiles->count; i++) {
        size_t offset = text->length;
        buffer_append_text(text, "quantile=\"");
        prom_append_quantile(text, quantiles->percents[i]);
        buffer_append_text(text, "\"");
        quantiles->labels[i] = (struct sample_label){offset, text->length - offset};
    }
    quantiles->count = text->failed ? 0 : quantiles->count;
}

static bool bounds_init(struct sample_bounds *bounds, const struct config_numbers *numbers)
{
    REQUIRE(numbers->count <= SAMPLE_BUCKETS_MAX);
    bounds->count = numbers->count;
    for (size_t i = 0; i < numbers->count; i++) {
        bounds->values[i] = numbers->items[i];
    }
    sample_label_bounds(bounds);
    return !bounds->text.failed;
}

bool sampler_init(struct sampler *sampler, const struct config *config)
{
    *sampler = (struct sampler){0};
    sampler->histogram = config->prometheus.timer_type == TIMER_TYPE_HISTOGRAM;
    sampler->pool = pool_new(POOL_BYTES_MAX);
    sampler->cache = sampler->pool ? pool_cache_new(sampler->pool) : NULL;
    return sampler->cache && bounds_init(&sampler->seconds, &config->prometheus.buckets) &&
           bounds_init(&sampler->plain, &config->prometheus.buckets_plain);
}

void sampler_deinit(struct sampler *sampler)
{
    if (sampler->cache) {
        pool_cache_free(sampler->cache);
    }
    if (sampler->pool) {
        pool_free(sampler->pool);
    }
    buffer_deinit(&sampler->seconds.text);
    buffer_deinit(&sampler->plain.text);
    buffer_deinit(&sampler->quantiles.text);
    buffer_deinit(&sampler->own_quantiles.text);
    buffer_deinit(&sampler->own_bounds.text);
}

bool sampler_is_histogram(const struct sampler *sampler, const struct family *family)
{
    const struct mapping_options *options =
        naming_options(&sampler->catalogue->naming, family->rule);
    bool said = options && options->observer != MAPPING_UNSAID;
    if (said && (sampler->totals || sampler->histogram)) {
        return options->observer == MAPPING_HISTOGRAM;
    }
    return sampler->histogram && !said;
}

void sampler_begin(struct sampler *sampler, const struct catalogue *catalogue,
                   const struct snapshot *snapshot)
{
    REQUIRE(snapshot->percentile_count <= SAMPLE_QUANTILES_MAX);
    sampler->quantiles.count = snapshot->percentile_count;
    for (size_t i = 0; i < snapshot->percentile_count; i++) {
        sampler->quantiles.percents[i] = snapshot->percents[i];
    }
    sample_label_quantiles(&sampler->quantiles);
    sampler->own = NULL;
    sampler->snapshot = snapshot;
    sampler->catalogue = catalogue;
}

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* name suffix{labels,extra} value */
static void write_line(struct buffer *out, const struct series *series, const char *suffix,
                       const char *extra, size_t extra_length, double value)
{
    const struct family *family = series->family;
    size_t suffix_length = strlen(suffix);
    char *room = buffer_room(out, family->name_length + suffix_length + series->labels_length +
                                      extra_length + NUMBER_TEXT_MAX + 5);
    if (!room) {
        return;
    }
    char *at = put(room, family->text, family->name_length);
    at = put(at, suffix, suffix_length);
    if (series->labels_length + extra_length > 0) {
        *at++ = '{';
        at = put(at, series->labels, series->labels_length);
        if (series->labels_length > 0 && extra_length > 0) {
            *at++ = ',';
        }
        at = put(at, extra, extra_length);
        *at++ = '}';
    }
    *at++ = ' ';
    at += number_format(at, value);
    *at++ = '\n';
    out->length += (size_t)(at - room);
}

/* What the rule that took a source multiplies its values with. */
static double scale_of(const struct sampler *sampler, const struct source *source)
{
    return naming_scale(&sampler->catalogue->naming, source->rule);
}

static double counter_value(const struct sampler *sampler, const struct series *series)
{
    double total = 0;
    const struct source *source = sample_source(sampler, METRIC_COUNTER, series->first_source);
    for (; source; source = sample_source(sampler, METRIC_COUNTER, source->next)) {
        total += sampler->snapshot->counters[source->row].total * scale_of(sampler, source);
    }
    return total;
}

static double gauge_value(const struct sampler *sampler, const struct series *series)
{
    const struct gauge_row *latest = NULL;
    double scale = 1;
    const struct source *source = sample_source(sampler, METRIC_GAUGE, series->first_source);
    for (; source; source = sample_source(sampler, METRIC_GAUGE, source->next)) {
        const struct gauge_row *row = &sampler->snapshot->gauges[source->row];
        if (!latest || row->updated_ns > latest->updated_ns) {
            latest = row;
            scale = scale_of(sampler, source);
        }
    }
    return latest->value * scale;
}

/* Rows without their members can only be added up. */
static double merged_unique(struct sampler *sampler, const struct source *source)
{
    struct set *all = NULL;
    double apart = 0;
    for (; source; source = sample_source(sampler, METRIC_SET, source->next)) {
        const struct set_row *row = &sampler->snapshot->sets[source->row];
        if (!row->set || !set_merge(&all, row->set, sampler->cache)) {
            apart += row->unique;
        }
    }
    double unique = apart + set_unique(all);
    set_free(&all, sampler->cache);
    return unique;
}

static double set_value(struct sampler *sampler, const struct series *series)
{
    const struct source *source = sample_source(sampler, METRIC_SET, series->first_source);
    return source->next == SOURCE_NONE ? sampler->snapshot->sets[source->row].unique
                                       : merged_unique(sampler, source);
}

static void add_buckets(struct timer_view *view, const double *buckets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        view->merged_buckets[i] = buckets[i] + (view->buckets ? view->merged_buckets[i] : 0);
    }
    view->buckets = view->merged_buckets;
}

/* Without memory for the merged sketch the quantiles are missing, never wrong. */
static void merge_timers(struct sampler *sampler, const struct source *source, size_t bucket_count,
                         struct timer_view *view)
{
    const struct snapshot *snapshot = sampler->snapshot;
    struct sketch *all = NULL;
    bool whole = true;
    for (; source; source = sample_source(sampler, METRIC_TIMER, source->next)) {
        const struct timer_row *row = &snapshot->timers[source->row];
        view->count += row->total_count;
        view->sum += row->total_sum;
        whole = whole && (!row->sketch || sketch_merge(&all, row->sketch, sampler->cache));
        if (row->buckets) {
            add_buckets(view, row->buckets, bucket_count);
        }
    }
    if (whole && all) {
        sketch_quantiles(all, snapshot->percents, snapshot->percentile_count,
                         view->merged_quantiles);
        view->quantiles = view->merged_quantiles;
    }
    sketch_free(&all, sampler->cache);
}

static void view_timer(struct sampler *sampler, const struct series *series,
                       struct timer_view *view)
{
    const struct source *source = sample_source(sampler, METRIC_TIMER, series->first_source);
    const struct timer_row *row = &sampler->snapshot->timers[source->row];
    bool seconds = series->family->kind == PROM_SECONDS;
    view->count = view->sum = 0;
    view->unit = seconds ? MS_PER_SECOND : 1;
    view->listed = &sampler->quantiles;
    view->bounds = seconds ? &sampler->seconds : &sampler->plain;
    view->quantiles = view->buckets = NULL;
    if (series->family->kind == PROM_OBSERVER) {
        observer_view(sampler, series, view);
    } else if (source->next != SOURCE_NONE) {
        merge_timers(sampler, source, view->bounds->count, view);
    } else {
        view->count = row->total_count;
        view->sum = row->total_sum;
        view->quantiles = row->percentiles;
        view->buckets = row->buckets;
    }
}

static void write_quantiles(const struct series *series, const struct timer_view *view,
                            struct buffer *out)
{
    for (size_t i = 0; i < view->listed->count; i++) {
        const struct sample_label *label = &view->listed->labels[i];
        write_line(out, series, "", view->listed->text.bytes + label->offset, label->length,
                   view->quantiles ? view->quantiles[i] / view->unit : (double)NAN);
    }
}

/* Sums of fractions may differ in the last bit, and a bucket may never exceed the next. */
static void write_buckets(const struct series *series, const struct timer_view *view,
                          struct buffer *out)
{
    const struct sample_bounds *bounds = view->bounds;
    for (size_t i = 0; i <= bounds->count; i++) {
        const struct sample_label *label = &bounds->labels[i];
        double below = view->count;
        if (i < bounds->count) {
            below = view->buckets ? fmin(view->buckets[i], view->count) : 0;
        }
        write_line(out, series, "_bucket", bounds->text.bytes + label->offset, label->length,
                   below);
    }
}

static void write_timer(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    struct timer_view view;
    view_timer(sampler, series, &view);
    if (sampler_is_histogram(sampler, series->family)) {
        write_buckets(series, &view, out);
    } else {
        write_quantiles(series, &view, out);
    }
    write_line(out, series, "_sum", "", 0, view.sum / view.unit);
    write_line(out, series, "_count", "", 0, view.count);
}

void sampler_fetch_source(const struct sampler *sampler, const struct series *series)
{
    enum metric_kind kind = catalogue_metric_kind(series->family->kind);
    __builtin_prefetch(sample_source(sampler, kind, series->first_source));
}

void sampler_fetch_row(const struct sampler *sampler, const struct series *series)
{
    const struct snapshot *snapshot = sampler->snapshot;
    enum metric_kind kind = catalogue_metric_kind(series->family->kind);
    uint32_t row = sample_source(sampler, kind, series->first_source)->row;
    switch (kind) {
    case METRIC_COUNTER:
        __builtin_prefetch(&snapshot->counters[row]);
        break;
    case METRIC_GAUGE:
        __builtin_prefetch(&snapshot->gauges[row]);
        break;
    case METRIC_TIMER:
        __builtin_prefetch(&snapshot->timers[row].total_count);
        break;
    default:
        __builtin_prefetch(&snapshot->sets[row]);
        break;
    }
}

double sampler_value(struct sampler *sampler, const struct series *series)
{
    switch ((enum prom_kind)series->family->kind) {
    case PROM_COUNTER:
        return counter_value(sampler, series);
    case PROM_GAUGE:
        return gauge_value(sampler, series);
    default:
        return set_value(sampler, series);
    }
}

void sampler_write(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    if (prom_kind_is_timer((enum prom_kind)series->family->kind)) {
        write_timer(sampler, series, out);
    } else {
        write_line(out, series, "", "", 0, sampler_value(sampler, series));
    }
}
