/* SPDX-License-Identifier: MIT */
#include "server/flush/derive_timer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/flush/derivation.h"
#include "server/metrics/sketch_total.h"

/* A timer's p99 says something from this many samples a window on. */
#define P99_SAMPLES_MIN 20

/* Of flush.percentiles, as the configuration allows. */
#define PERCENTILES_MAX 32

#define BOUNDS_AT_ONCE 64

static const struct config_numbers *bounds_of(const struct config *config, enum statsd_type type)
{
    return type == STATSD_TIMER ? &config->prometheus.buckets : &config->prometheus.buckets_plain;
}

static bool has_buckets(const struct config *config)
{
    return config->prometheus.timer_type == TIMER_TYPE_HISTOGRAM;
}

static bool has_total(const struct derive_options *options)
{
    return options->total_sketches || options->config->prometheus.timer_type == TIMER_TYPE_NATIVE;
}

/* NULL without memory. */
static struct timer_kept *keep(struct timer_series *timer, size_t bucket_count)
{
    if (!timer->kept) {
        timer->kept = calloc(1, sizeof(*timer->kept) + 2 * bucket_count * sizeof(double));
    }
    return timer->kept;
}

size_t derive_timer_numbers_max(const struct config *config)
{
    size_t percents = config->flush.percentiles.count;
    size_t timer = config->prometheus.buckets.count;
    size_t plain = config->prometheus.buckets_plain.count;
    return percents + (!has_buckets(config) ? 0 : timer > plain ? timer : plain);
}

/* The configured percentiles, then p99, in one pass over the sketch. */
static void compute_quantiles(const struct sketch *sketch, const struct config_numbers *percents,
                              double *quantiles)
{
    double asked[PERCENTILES_MAX + 1], answers[PERCENTILES_MAX + 1];
    size_t before = 0, count = percents->count;
    while (before < count && percents->items[before] < 99) {
        before++;
    }
    size_t added = before < count && percents->items[before] <= 99 ? 0 : 1;
    memcpy(asked, percents->items, before * sizeof(double));
    asked[before] = 99;
    memcpy(asked + before + added, percents->items + before, (count - before) * sizeof(double));
    sketch_quantiles(sketch, asked, count + added, answers);
    memcpy(quantiles, answers, before * sizeof(double));
    memcpy(quantiles + before, answers + before + added, (count - before) * sizeof(double));
    quantiles[count] = answers[before];
}

/* Etsy's percentiles are where its parts end; p99 behind them is for the detector. */
static void take_bounds(const struct derivation *derivation, const struct timer_row *row,
                        double *quantiles)
{
    size_t count = derivation->options->config->flush.percentiles.count;
    for (size_t i = 0; i < count; i++) {
        const struct percentile_part *part = &row->details->parts[i];
        quantiles[i] = part->count > 0 ? part->bound : (double)NAN;
    }
    quantiles[count] = details_percentile(&derivation->details, 99);
}

/* Closing moves the window's sketch to where later snapshots find it until a newer one comes. */
static void keep_quantiles(struct derivation *derivation, struct timer_series *timer,
                           const struct timer_row *row)
{
    const struct derive_options *options = derivation->options;
    const struct config_numbers *percents = &options->config->flush.percentiles;
    REQUIRE(percents->count <= PERCENTILES_MAX);
    if (!timer->quantiles) {
        timer->quantiles = malloc((percents->count + 1) * sizeof(double));
    }
    if (timer->quantiles) {
        if (row->details && derivation_is_etsy(derivation)) {
            take_bounds(derivation, row, timer->quantiles);
        } else {
            compute_quantiles(timer->window.sketch, percents, timer->quantiles);
        }
        timer->quantiles_ns = options->now_ns;
    }
    graveyard_bury(options->graveyard, GRAVE_SKETCH, timer->sketch, options->sequence);
    timer->sketch = timer->window.sketch;
    timer->window.sketch = NULL;
}

static void show_quantiles(struct derivation *derivation, const struct timer_series *timer,
                           struct timer_row *row)
{
    const struct derive_options *options = derivation->options;
    uint64_t window_ns = options->config->prometheus.quantile_window_ms * 1000000;
    bool fresh = timer->quantiles_ns == options->now_ns ||
                 options->now_ns - timer->quantiles_ns <= window_ns;
    if (!timer->quantiles || timer->quantiles_ns == 0 || !fresh) {
        return;
    }
    size_t count = options->config->flush.percentiles.count;
    double *percentiles = draft_take_numbers(derivation->draft, count);
    if (percentiles) {
        memcpy(percentiles, timer->quantiles, count * sizeof(double));
        row->percentiles = percentiles;
        row->sketch = timer->sketch;
    }
}

/* Bounds of ms timers are in seconds, the sketch holds milliseconds. */
static void add_cumulative(const struct config *config, enum statsd_type type,
                           const struct sketch *sketch, double *buckets)
{
    const struct config_numbers *bounds = bounds_of(config, type);
    double unit = type == STATSD_TIMER ? 1000 : 1;
    for (size_t first = 0; first < bounds->count; first += BOUNDS_AT_ONCE) {
        double scaled[BOUNDS_AT_ONCE], weights[BOUNDS_AT_ONCE];
        size_t rest = bounds->count - first;
        size_t count = rest < BOUNDS_AT_ONCE ? rest : BOUNDS_AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            scaled[i] = bounds->items[first + i] * unit;
        }
        sketch_cumulative(sketch, scaled, count, weights);
        for (size_t i = 0; i < count; i++) {
            buckets[first + i] += weights[i];
        }
    }
}

/* Fractions of samples move by up to one between buckets while the open window goes on. Who scrapes
 * takes a bucket that falls for one that began again: what was shown once is not taken back. */
static void keep_rising(double *shown, double *highest, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        highest[i] = shown[i] = fmax(shown[i], highest[i]);
    }
}

static void show_buckets(struct derivation *derivation, struct timer_series *timer,
                         struct timer_row *row)
{
    const struct config *config = derivation->options->config;
    enum statsd_type type = (enum statsd_type)row->identity->type;
    size_t count = bounds_of(config, type)->count;
    struct timer_kept *kept = keep(timer, count);
    double *shown = kept ? draft_take_numbers(derivation->draft, count) : NULL;
    if (!shown) {
        return;
    }
    memcpy(shown, kept->buckets, count * sizeof(double));
    if (timer->window.sketch) {
        add_cumulative(config, type, timer->window.sketch, shown);
    }
    /* Sums in another order, and fractions of samples made whole, may differ in the last digit. */
    for (size_t i = 0; i < count; i++) {
        shown[i] = fmin(shown[i], row->total_count);
    }
    if (derivation->options->close) {
        memcpy(kept->buckets, shown, count * sizeof(double));
    }
    keep_rising(shown, kept->buckets + count, count);
    row->buckets = shown;
}

/* Snapshots keep what they show: a close makes a new sum of all windows, and a view one that is
 * buried as soon as it is born. Of a window without samples both show the sum as it is. */
static void show_total(struct derivation *derivation, struct timer_series *timer,
                       struct timer_row *row)
{
    const struct derive_options *options = derivation->options;
    enum statsd_type type = (enum statsd_type)row->identity->type;
    bool buckets = has_buckets(options->config);
    struct timer_kept *kept = keep(timer, buckets ? bounds_of(options->config, type)->count : 0);
    struct sketch *sum = NULL;
    row->total_sketch = kept ? kept->total : NULL;
    if (!timer->window.sketch) {
        return;
    }
    if (!kept || !sketch_total_add(&sum, kept->total, timer->window.sketch,
                                   options->close ? &kept->carry : NULL, options->cache)) {
        derivation->totals_short++;
        return;
    }
    row->total_sketch = sum;
    if (options->close) {
        graveyard_bury(options->graveyard, GRAVE_SKETCH, kept->total, options->sequence);
        kept->total = sum;
    } else {
        graveyard_bury(options->graveyard, GRAVE_SKETCH, sum, options->sequence + 1);
    }
}

static void observe_timer(struct derivation *derivation, const struct timer_series *timer,
                          const struct timer_row *row)
{
    double seconds = derivation->rate_seconds;
    observe(derivation, row->identity, STATISTIC_RATE, row->rate, sqrt(row->count) / seconds);
    observe(derivation, row->identity, STATISTIC_MEAN, row->mean, 0);
    if (row->samples >= P99_SAMPLES_MIN && timer->quantiles) {
        double p99 = timer->quantiles[derivation->options->config->flush.percentiles.count];
        observe(derivation, row->identity, STATISTIC_P99, p99, 0);
    }
}

static void close_timer(struct derivation *derivation, struct timer_series *timer,
                        const struct timer_row *row)
{
    timer->total_count = row->total_count;
    timer->total_sum = row->total_sum;
    if (row->updated) {
        keep_quantiles(derivation, timer, row);
        observe_timer(derivation, timer, row);
    } else {
        observe_idle(derivation, row->identity);
    }
    timer_clear(&timer->window, derivation->options->cache);
}

static bool wants_details(const struct derivation *derivation, const struct timer_row *row)
{
    const struct config *config = derivation->options->config;
    return details_wanted(config) || details_bins(config, row->identity);
}

void derive_timer(struct derivation *derivation, struct timer_series *timer,
                  const struct identity *identity)
{
    const struct timer *window = &timer->window;
    struct draft *draft = derivation->draft;
    struct timer_row *row = &draft->timers[draft->snapshot.timer_count++];
    *row = (struct timer_row){.identity = identity,
                              .total_count = timer->total_count + window->weight,
                              .total_sum = timer->total_sum + timer_sum(window),
                              .samples = window->samples,
                              .updated = timer->series.touched};
    if (row->updated) {
        row->count = window->weight;
        row->rate = window->weight / derivation->rate_seconds;
        row->sum = timer_sum(window);
        row->mean = timer_mean(window);
        row->min = window->min;
        row->max = window->max;
        row->stddev = timer_stddev(window);
    }
    if (derivation->options->close && row->updated && wants_details(derivation, row)) {
        details_make(&derivation->details, window, row);
    }
    if (has_buckets(derivation->options->config)) {
        show_buckets(derivation, timer, row);
    }
    if (has_total(derivation->options)) {
        show_total(derivation, timer, row);
    }
    if (derivation->options->close) {
        close_timer(derivation, timer, row);
    }
    show_quantiles(derivation, timer, row);
}
