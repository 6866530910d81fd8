/* SPDX-License-Identifier: MIT */
#include "server/http/sample.h"

#include <math.h>
#include <string.h>

#include "server/core/require.h"
#include "server/http/observer.h"

/* What two merged sketches or sets may take; far more than one of each kind ever does. */
#define POOL_BYTES_MAX (64u << 20)

#define MS_PER_SECOND 1000

static void bounds_init(struct sample_bounds *bounds, const struct config_numbers *numbers)
{
    REQUIRE(numbers->count <= SAMPLE_BUCKETS_MAX);
    bounds->count = numbers->count;
    for (size_t i = 0; i < numbers->count; i++) {
        bounds->values[i] = numbers->items[i];
    }
}

bool sampler_init(struct sampler *sampler, const struct config *config)
{
    struct native_limits limits = {(int)config->prometheus.native_schema,
                                   config->prometheus.native_max_buckets};
    *sampler = (struct sampler){0};
    sampler->histogram = config->prometheus.timer_type != TIMER_TYPE_SUMMARY;
    sampler->has_native = config->prometheus.timer_type == TIMER_TYPE_NATIVE;
    sampler->totals = sampler->has_native;
    sampler->created = config->prometheus.created;
    bounds_init(&sampler->seconds, &config->prometheus.buckets);
    bounds_init(&sampler->plain, &config->prometheus.buckets_plain);
    sampler->pool = pool_new(POOL_BYTES_MAX);
    sampler->cache = sampler->pool ? pool_cache_new(sampler->pool) : NULL;
    return sampler->cache &&
           (!sampler->has_native || native_histogram_init(&sampler->native, &limits));
}

void sampler_deinit(struct sampler *sampler)
{
    if (sampler->cache) {
        pool_cache_free(sampler->cache);
    }
    if (sampler->pool) {
        pool_free(sampler->pool);
    }
    native_histogram_deinit(&sampler->native);
    buffer_deinit(&sampler->seconds.text);
    buffer_deinit(&sampler->plain.text);
    buffer_deinit(&sampler->quantiles.text);
    buffer_deinit(&sampler->own_quantiles.text);
    buffer_deinit(&sampler->own_bounds.text);
    buffer_deinit(&sampler->scratch);
}

/* OpenMetrics wants 1 written 1.0 here, so that a bound is one text wherever it comes from. */
static void close_label(const struct sampler *sampler, struct buffer *text, size_t number)
{
    const char *digits = text->bytes + number;
    if (sampler->format == FORMAT_OPENMETRICS && !text->failed &&
        strspn(digits, "+-0123456789") >= text->length - number) {
        buffer_append_text(text, ".0");
    }
    buffer_append(text, "\"", 1);
}

void sample_label_bounds(const struct sampler *sampler, struct sample_bounds *bounds)
{
    struct buffer *text = &bounds->text;
    text->length = 0;
    text->failed = false;
    for (size_t i = 0; i <= bounds->count; i++) {
        size_t offset = text->length;
        buffer_append_text(text, "le=\"");
        size_t number = text->length;
        buffer_append_number(text, i < bounds->count ? bounds->values[i] : HUGE_VAL);
        close_label(sampler, text, number);
        bounds->labels[i] = (struct sample_label){offset, text->length - offset};
    }
}

void sample_label_quantiles(const struct sampler *sampler, struct sample_quantiles *quantiles)
{
    struct buffer *text = &quantiles->text;
    text->length = 0;
    text->failed = false;
    for (size_t i = 0; i < quantiles->count; i++) {
        size_t offset = text->length;
        buffer_append_text(text, "quantile=\"");
        size_t number = text->length;
        prom_append_quantile(text, quantiles->percents[i]);
        close_label(sampler, text, number);
        quantiles->labels[i] = (struct sample_label){offset, text->length - offset};
    }
    quantiles->count = text->failed ? 0 : quantiles->count;
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
                   const struct snapshot *snapshot, enum format format)
{
    REQUIRE(snapshot->percentile_count <= SAMPLE_QUANTILES_MAX);
    sampler->snapshot = snapshot;
    sampler->catalogue = catalogue;
    sampler->format = format;
    sampler->scratch.failed = false;
    sampler->own = NULL;
    sampler->quantiles.count = snapshot->percentile_count;
    for (size_t i = 0; i < snapshot->percentile_count; i++) {
        sampler->quantiles.percents[i] = snapshot->percents[i];
    }
    sample_label_quantiles(sampler, &sampler->quantiles);
    sample_label_bounds(sampler, &sampler->seconds);
    sample_label_bounds(sampler, &sampler->plain);
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

static void add_buckets(struct timer_view *view, const double *buckets)
{
    for (size_t i = 0; i < view->bounds->count; i++) {
        view->merged_buckets[i] = buckets[i] + (view->buckets ? view->merged_buckets[i] : 0);
    }
    view->buckets = view->merged_buckets;
}

static void add_row(struct timer_view *view, const struct timer_row *row)
{
    view->count += row->total_count;
    view->sum += row->total_sum;
    if (row->buckets) {
        add_buckets(view, row->buckets);
    }
}

/* All sketches of one sort together, to be freed; NULL where there are none, and without memory:
 * what comes from it is then missing, never wrong. */
static struct sketch *merged(struct sampler *sampler, const struct source *source,
                             const struct sketch *(*sketch_of)(const struct timer_row *))
{
    struct sketch *all = NULL;
    for (; source; source = sample_source(sampler, METRIC_TIMER, source->next)) {
        const struct sketch *one = sketch_of(&sampler->snapshot->timers[source->row]);
        if (one && !sketch_merge(&all, one, sampler->cache)) {
            sketch_free(&all, sampler->cache);
            break;
        }
    }
    return all;
}

static const struct sketch *window_sketch(const struct timer_row *row)
{
    return row->sketch;
}

static const struct sketch *total_sketch(const struct timer_row *row)
{
    return row->total_sketch;
}

static void merge_timers(struct sampler *sampler, const struct source *source,
                         struct timer_view *view)
{
    const struct snapshot *snapshot = sampler->snapshot;
    struct sketch *all = merged(sampler, source, window_sketch);
    if (all) {
        sketch_quantiles(all, snapshot->percents, snapshot->percentile_count,
                         view->merged_quantiles);
        view->quantiles = view->merged_quantiles;
    }
    sketch_free(&all, sampler->cache);
    for (; source; source = sample_source(sampler, METRIC_TIMER, source->next)) {
        add_row(view, &snapshot->timers[source->row]);
    }
}

/* Who does not read native histograms gets classic ones from the same sketch. */
static void buckets_from(const struct sketch *sketch, struct timer_view *view)
{
    double scaled[SAMPLE_BUCKETS_MAX];
    for (size_t i = 0; i < view->bounds->count; i++) {
        scaled[i] = view->bounds->values[i] * view->unit;
    }
    sketch_cumulative(sketch, scaled, view->bounds->count, view->merged_buckets);
    view->buckets = view->merged_buckets;
}

static void view_total(struct sampler *sampler, const struct source *source,
                       struct timer_view *view)
{
    bool several = source->next != SOURCE_NONE;
    struct sketch *all = several ? merged(sampler, source, total_sketch) : NULL;
    const struct sketch *shown =
        several ? all : sampler->snapshot->timers[source->row].total_sketch;
    if (sampler->format == FORMAT_PROTOBUF) {
        native_histogram_make(&sampler->native, shown, view->unit, view->sum);
        view->native = &sampler->native;
    } else {
        buckets_from(shown, view);
    }
    sketch_free(&all, sampler->cache);
}

void sampler_view(struct sampler *sampler, const struct series *series, struct timer_view *view)
{
    const struct source *source = sample_source(sampler, METRIC_TIMER, series->first_source);
    bool seconds = series->family->kind == PROM_SECONDS;
    view->count = view->sum = 0;
    view->unit = seconds ? MS_PER_SECOND : 1;
    view->histogram = sampler_is_histogram(sampler, series->family);
    view->listed = &sampler->quantiles;
    view->bounds = seconds ? &sampler->seconds : &sampler->plain;
    view->quantiles = view->buckets = NULL;
    view->native = NULL;
    if (series->family->kind == PROM_OBSERVER) {
        observer_view(sampler, series, view);
        return;
    }
    if (source->next != SOURCE_NONE) {
        merge_timers(sampler, source, view);
    } else {
        const struct timer_row *row = &sampler->snapshot->timers[source->row];
        view->count = row->total_count;
        view->sum = row->total_sum;
        view->quantiles = row->percentiles;
        view->buckets = row->buckets;
    }
    if (sampler->has_native && view->histogram) {
        view_total(sampler, source, view);
    }
}

double sampler_created(const struct sampler *sampler, const struct series *series)
{
    enum metric_kind kind = catalogue_metric_kind(series->family->kind);
    const struct source *source = sample_source(sampler, kind, series->first_source);
    uint32_t earliest = UINT32_MAX;
    for (; source; source = sample_source(sampler, kind, source->next)) {
        earliest = source->created < earliest ? source->created : earliest;
    }
    return earliest;
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
