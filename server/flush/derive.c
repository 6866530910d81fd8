/* SPDX-License-Identifier: MIT */
#include "server/flush/derive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/large.h"
#include "server/core/require.h"
#include "server/flush/details.h"

/* Identities lie anywhere in memory: they are fetched so many series ahead. */
#define SERIES_AHEAD 12

/* A timer's p99 says something from this many samples a window on. */
#define P99_SAMPLES_MIN 20

/* Of flush.percentiles, as the configuration allows. */
#define PERCENTILES_MAX 32

/* A snapshot with everything it owns. Identities, sketches and sets belong to the registry. */
struct owned {
    struct snapshot snapshot;
    struct counter_row *counters;
    struct gauge_row *gauges;
    struct timer_row *timers;
    struct set_row *sets;
    double *numbers; /* percents, then percentiles and buckets of the timers */
    size_t number_count, numbers_max;
    uint32_t rows_max[METRIC_KINDS]; /* room there is */
    struct anomaly_row *anomalies;
    struct anomaly_row *active;
    struct details_store details;
};

struct derivation {
    const struct derive_options *options;
    struct owned *owned;
    uint32_t counts[METRIC_KINDS]; /* indexes looked at; series may be added meanwhile */
    uint64_t lifetime_ns;          /* of the kind in hand; 0 = for ever */
    bool judge;
    double rate_seconds; /* that rates are of */
    struct details_maker details;
};

/* Rows are written whole, and the memory of the last snapshot is long out of the cache: it is given
 * back rather than kept. */
static void release(struct snapshot *snapshot)
{
    struct owned *owned = (struct owned *)snapshot;
    const uint32_t *rows_max = owned->rows_max;
    large_give(owned->counters, rows_max[METRIC_COUNTER] * sizeof(*owned->counters));
    large_give(owned->gauges, rows_max[METRIC_GAUGE] * sizeof(*owned->gauges));
    large_give(owned->timers, rows_max[METRIC_TIMER] * sizeof(*owned->timers));
    large_give(owned->sets, rows_max[METRIC_SET] * sizeof(*owned->sets));
    large_give(owned->numbers, owned->numbers_max * sizeof(*owned->numbers));
    free(owned->anomalies);
    free(owned->active);
    details_store_free(&owned->details);
    free(owned);
}

static const struct config_numbers *bounds_of(const struct config *config, enum statsd_type type)
{
    return type == STATSD_TIMER ? &config->prometheus.buckets : &config->prometheus.buckets_plain;
}

static bool has_buckets(const struct config *config)
{
    return config->prometheus.timer_type == TIMER_TYPE_HISTOGRAM;
}

static bool is_etsy(const struct config *config)
{
    return config->server.profile == PROFILE_ETSY;
}

static size_t bucket_count_max(const struct config *config)
{
    size_t timer = config->prometheus.buckets.count;
    size_t plain = config->prometheus.buckets_plain.count;
    return !has_buckets(config) ? 0 : timer > plain ? timer : plain;
}

static struct owned *make(const struct config *config, const uint32_t counts[METRIC_KINDS])
{
    struct owned *owned = calloc(1, sizeof(*owned));
    if (!owned) {
        return NULL;
    }
    size_t timers = counts[METRIC_TIMER];
    size_t percents = config->flush.percentiles.count;
    memcpy(owned->rows_max, counts, sizeof(owned->rows_max));
    owned->numbers_max = percents + timers * (percents + bucket_count_max(config));
    owned->counters = large_take(counts[METRIC_COUNTER] * sizeof(*owned->counters));
    owned->gauges = large_take(counts[METRIC_GAUGE] * sizeof(*owned->gauges));
    owned->timers = large_take(timers * sizeof(*owned->timers));
    owned->sets = large_take(counts[METRIC_SET] * sizeof(*owned->sets));
    owned->numbers = large_take(owned->numbers_max * sizeof(*owned->numbers));
    if (!owned->counters || !owned->gauges || !owned->timers || !owned->sets || !owned->numbers) {
        release(&owned->snapshot);
        return NULL;
    }
    return owned;
}

static void describe(struct derivation *derivation)
{
    const struct derive_options *options = derivation->options;
    struct owned *owned = derivation->owned;
    const struct config_numbers *percents = &options->config->flush.percentiles;
    memcpy(owned->numbers, percents->items, percents->count * sizeof(double));
    owned->number_count = percents->count;
    struct snapshot *snapshot = &owned->snapshot;
    snapshot->sequence = options->sequence;
    snapshot->window = options->window;
    snapshot->closed = options->close;
    snapshot->final = options->final;
    snapshot->has_bins = options->config->histograms.count > 0;
    snapshot->idle_is_zero = is_etsy(options->config);
    snapshot->taken_ns = options->now_ns;
    snapshot->timestamp = options->timestamp;
    snapshot->window_seconds = options->window_seconds;
    snapshot->uptime_seconds = options->uptime_seconds;
    snapshot->percents = owned->numbers;
    snapshot->percentile_count = percents->count;
    snapshot->counters = owned->counters;
    snapshot->gauges = owned->gauges;
    snapshot->timers = owned->timers;
    snapshot->sets = owned->sets;
    snapshot->references = 1;
    snapshot->release = release;
}

/* The next `count` numbers of the snapshot's own store, or NULL: series that came after its size
 * was read. */
static double *take_numbers(struct derivation *derivation, size_t count)
{
    struct owned *owned = derivation->owned;
    if (owned->number_count + count > owned->numbers_max) {
        return NULL;
    }
    double *numbers = owned->numbers + owned->number_count;
    owned->number_count += count;
    return numbers;
}

/* A gauge that Graphite is shown no longer is none to etsy statsd: a change sets it anew. Idle in
 * the n-th window after its sample, it was seen n intervals ago or longer. 0 = it stays. */
static uint64_t etsy_gauge_lifetime_ns(const struct config *config)
{
    if (config->server.profile != PROFILE_ETSY || config->graphite.addresses.count == 0 ||
        config->graphite.delete_gauges != SWITCH_ON) {
        return 0;
    }
    unsigned windows = config->graphite.gauges_max_ttl;
    return windows == 1 ? 1 : windows * config->flush.interval_ms * UINT64_C(1000000);
}

static uint64_t lifetime_ns(const struct config *config, enum metric_kind kind)
{
    uint64_t of_etsy = kind == METRIC_GAUGE ? etsy_gauge_lifetime_ns(config) : 0;
    if (of_etsy > 0) {
        return of_etsy;
    }
    const uint64_t lifetimes[METRIC_KINDS] = {
        [METRIC_COUNTER] = config->flush.expire_counters_ms,
        [METRIC_GAUGE] = config->flush.expire_gauges_ms,
        [METRIC_TIMER] = config->flush.expire_timers_ms,
        [METRIC_SET] = config->flush.expire_sets_ms,
    };
    return lifetimes[kind] < UINT64_MAX / 1000000 ? lifetimes[kind] * 1000000 : UINT64_MAX;
}

/* A name can be admitted and its samples refused, at the memory budget for instance. It holds its
 * place for one whole window. */
static void expire_unseen(struct series *series)
{
    if (atomic_load_explicit(&series->line, memory_order_acquire) != 0) {
        series->expired = series->unseen;
        series->unseen = true;
    }
}

/* The identity of a series that is to be shown, NULL otherwise. Closing is also when series expire.
 */
static const struct identity *visible(const struct derivation *derivation, struct series *series,
                                      enum metric_kind kind)
{
    const struct derive_options *options = derivation->options;
    const struct identity *identity = registry_identity(options->registry, series);
    if (!identity && options->close) {
        expire_unseen(series);
    }
    if (!identity || series->expired) {
        return NULL;
    }
    if (options->close && derivation->lifetime_ns > 0 && !series->touched &&
        options->now_ns - series->seen_ns >= derivation->lifetime_ns) {
        series->expired = true;
        if (options->detector) {
            detector_forget(options->detector, kind, identity->index);
        }
        return NULL;
    }
    return identity;
}

static void observe(struct derivation *derivation, const struct identity *identity,
                    enum statistic statistic, double value, double noise_floor)
{
    if (derivation->judge) {
        detector_observe(derivation->options->detector, identity, statistic, value, noise_floor);
    }
}

static void observe_idle(struct derivation *derivation, const struct identity *identity)
{
    if (derivation->judge) {
        detector_observe_idle(derivation->options->detector, identity);
    }
}

static void derive_counter(struct derivation *derivation, struct counter_series *counter,
                           const struct identity *identity)
{
    double seconds = derivation->rate_seconds;
    struct owned *owned = derivation->owned;
    struct counter_row *row = &owned->counters[owned->snapshot.counter_count++];
    *row = (struct counter_row){.identity = identity,
                                .count = counter->count,
                                .rate = counter->count / seconds,
                                .total = counter->total,
                                .updated = counter->series.touched};
    if (row->updated) {
        observe(derivation, identity, STATISTIC_RATE, row->rate, sqrt(fabs(row->count)) / seconds);
    } else {
        observe_idle(derivation, identity);
    }
    if (derivation->options->close) {
        counter->count = 0;
    }
}

static void derive_gauge(struct derivation *derivation, const struct gauge_series *gauge,
                         const struct identity *identity)
{
    struct owned *owned = derivation->owned;
    struct gauge_row *row = &owned->gauges[owned->snapshot.gauge_count++];
    *row = (struct gauge_row){.identity = identity,
                              .value = gauge->value,
                              .updated_ns = gauge->series.seen_ns,
                              .updated = gauge->series.touched};
    if (row->updated) {
        observe(derivation, identity, STATISTIC_VALUE, row->value, 0);
    } else {
        observe_idle(derivation, identity);
    }
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
        if (row->details && is_etsy(options->config)) {
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
    double *percentiles = take_numbers(derivation, count);
    if (percentiles) {
        memcpy(percentiles, timer->quantiles, count * sizeof(double));
        row->percentiles = percentiles;
        row->sketch = timer->sketch;
    }
}

#define BOUNDS_AT_ONCE 64

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
    if (!timer->buckets) {
        timer->buckets = calloc(2 * count + 1, sizeof(double));
    }
    double *shown = timer->buckets ? take_numbers(derivation, count) : NULL;
    if (!shown) {
        return;
    }
    memcpy(shown, timer->buckets, count * sizeof(double));
    if (timer->window.sketch) {
        add_cumulative(config, type, timer->window.sketch, shown);
    }
    /* Sums in another order, and fractions of samples made whole, may differ in the last digit. */
    for (size_t i = 0; i < count; i++) {
        shown[i] = fmin(shown[i], row->total_count);
    }
    if (derivation->options->close) {
        memcpy(timer->buckets, shown, count * sizeof(double));
    }
    keep_rising(shown, timer->buckets + count, count);
    row->buckets = shown;
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

static void derive_timer(struct derivation *derivation, struct timer_series *timer,
                         const struct identity *identity)
{
    const struct timer *window = &timer->window;
    struct owned *owned = derivation->owned;
    struct timer_row *row = &owned->timers[owned->snapshot.timer_count++];
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
    if (derivation->options->close) {
        close_timer(derivation, timer, row);
    }
    show_quantiles(derivation, timer, row);
}

static void derive_set(struct derivation *derivation, struct set_series *set,
                       const struct identity *identity)
{
    const struct derive_options *options = derivation->options;
    struct owned *owned = derivation->owned;
    struct set_row *row = &owned->sets[owned->snapshot.set_count++];
    *row = (struct set_row){.identity = identity, .updated = set->series.touched};
    if (options->close && row->updated) {
        graveyard_bury(options->graveyard, GRAVE_SET, set->last, options->sequence);
        set->last = set->window;
        set->window = NULL;
    }
    row->set = options->close || !row->updated ? set->last : NULL;
    row->unique = set_unique(options->close || !row->updated ? set->last : set->window);
    if (!row->updated && is_etsy(options->config)) {
        row->unique = 0;
    }
    if (row->updated) {
        observe(derivation, identity, STATISTIC_UNIQUE, row->unique, 0);
    } else {
        observe_idle(derivation, identity);
    }
}

static void derive_series(struct derivation *derivation, enum metric_kind kind,
                          struct series *series, const struct identity *identity)
{
    switch (kind) {
    case METRIC_COUNTER:
        derive_counter(derivation, (struct counter_series *)series, identity);
        break;
    case METRIC_GAUGE:
        derive_gauge(derivation, (const struct gauge_series *)series, identity);
        break;
    case METRIC_TIMER:
        derive_timer(derivation, (struct timer_series *)series, identity);
        break;
    default:
        derive_set(derivation, (struct set_series *)series, identity);
        break;
    }
    if (derivation->options->close) {
        series->touched = false;
    }
}

static void fetch_identity(const struct derivation *derivation, enum metric_kind kind,
                           uint32_t index)
{
    if (derivation->judge && index < derivation->counts[kind]) {
        const struct series *series = registry_at(derivation->options->registry, kind, index);
        __builtin_prefetch(registry_identity_of(derivation->options->registry, series));
    }
}

static void derive_kind(struct derivation *derivation, enum metric_kind kind)
{
    derivation->lifetime_ns = lifetime_ns(derivation->options->config, kind);
    for (uint32_t i = 0; i < derivation->counts[kind]; i++) {
        fetch_identity(derivation, kind, i + SERIES_AHEAD);
        struct series *series = registry_at(derivation->options->registry, kind, i);
        const struct identity *identity = visible(derivation, series, kind);
        if (identity) {
            derive_series(derivation, kind, series, identity);
        }
    }
}

static struct anomaly_row *copy_rows(const struct anomaly_row *from, size_t *count)
{
    struct anomaly_row *copy = *count > 0 ? malloc(*count * sizeof(*copy)) : NULL;
    if (!copy) {
        *count = 0;
    } else {
        memcpy(copy, from, *count * sizeof(*copy));
    }
    return copy;
}

/* What is not judged shows what lasted at the latest close. */
static void show_anomalies(struct derivation *derivation)
{
    const struct derive_options *options = derivation->options;
    struct owned *owned = derivation->owned;
    const struct anomaly_row *started = NULL, *active = options->active;
    size_t started_count = 0, active_count = options->active_count;
    if (derivation->judge) {
        detector_end(options->detector, &started, &started_count, &active, &active_count);
    }
    owned->anomalies = copy_rows(started, &started_count);
    owned->active = copy_rows(active, &active_count);
    owned->snapshot.anomalies = owned->anomalies;
    owned->snapshot.anomaly_count = started_count;
    owned->snapshot.active = owned->active;
    owned->snapshot.active_count = active_count;
}

struct snapshot *derive_snapshot(const struct derive_options *options)
{
    struct derivation derivation = {.options = options};
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        derivation.counts[kind] = registry_count(options->registry, (enum metric_kind)kind);
    }
    derivation.judge = options->close && !options->final && options->detector;
    derivation.rate_seconds = is_etsy(options->config)
                                  ? (double)options->config->flush.interval_ms / 1000
                                  : options->window_seconds;
    derivation.owned = make(options->config, derivation.counts);
    if (!derivation.owned) {
        return NULL;
    }
    derivation.details =
        (struct details_maker){.config = options->config, .store = &derivation.owned->details};
    describe(&derivation);
    if (derivation.judge) {
        detector_begin(options->detector, options->timestamp, options->window_seconds);
    }
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        derive_kind(&derivation, (enum metric_kind)kind);
    }
    show_anomalies(&derivation);
    details_maker_deinit(&derivation.details);
    derivation.owned->snapshot.details_bytes = derivation.owned->details.bytes;
    return &derivation.owned->snapshot;
}
