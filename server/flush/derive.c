/* SPDX-License-Identifier: MIT */
#include "server/flush/derive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"
#include "server/flush/derivation.h"
#include "server/flush/derive_timer.h"

/* Identities lie anywhere in memory: they are fetched so many series ahead. */
#define SERIES_AHEAD 12

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

static void derive_counter(struct derivation *derivation, struct counter_series *counter,
                           const struct identity *identity)
{
    double seconds = derivation->rate_seconds;
    struct draft *draft = derivation->draft;
    struct counter_row *row = &draft->counters[draft->snapshot.counter_count++];
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
    struct draft *draft = derivation->draft;
    struct gauge_row *row = &draft->gauges[draft->snapshot.gauge_count++];
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

static void derive_set(struct derivation *derivation, struct set_series *set,
                       const struct identity *identity)
{
    const struct derive_options *options = derivation->options;
    struct draft *draft = derivation->draft;
    struct set_row *row = &draft->sets[draft->snapshot.set_count++];
    *row = (struct set_row){.identity = identity, .updated = set->series.touched};
    if (options->close && row->updated) {
        graveyard_bury(options->graveyard, GRAVE_SET, set->last, options->sequence);
        set->last = set->window;
        set->window = NULL;
    }
    row->set = options->close || !row->updated ? set->last : NULL;
    row->unique = set_unique(options->close || !row->updated ? set->last : set->window);
    if (!row->updated && derivation_is_etsy(derivation)) {
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
    struct draft *draft = derivation->draft;
    const struct anomaly_row *started = NULL, *active = options->active;
    size_t started_count = 0, active_count = options->active_count;
    if (derivation->judge) {
        detector_end(options->detector, &started, &started_count, &active, &active_count);
    }
    draft->anomalies = copy_rows(started, &started_count);
    draft->active = copy_rows(active, &active_count);
    draft->snapshot.anomalies = draft->anomalies;
    draft->snapshot.anomaly_count = started_count;
    draft->snapshot.active = draft->active;
    draft->snapshot.active_count = active_count;
}

/* The same for alerts, but that the short window of a stop, which goes to the outputs, has none:
 * they would tell of the latest changes again. */
static void show_alerts(struct derivation *derivation)
{
    const struct derive_options *options = derivation->options;
    struct snapshot *snapshot = &derivation->draft->snapshot;
    if (derivation->judge && options->alerts) {
        snapshot->alerts = alert_engine_judge(options->alerts, snapshot, options->now_ns);
    } else if (!options->close) {
        snapshot->alerts = alert_set_ref(options->last_alerts);
    }
}

/* A closed window takes its events along. */
static void take_events(struct derivation *derivation)
{
    const struct derive_options *options = derivation->options;
    struct events *events = &derivation->draft->events;
    struct snapshot *snapshot = &derivation->draft->snapshot;
    *events = options->registry->events;
    options->registry->events = (struct events){0};
    events_date(events, options->now_ns, options->timestamp);
    snapshot->events = events->rows;
    snapshot->event_bytes = events->bytes;
    snapshot->event_count = events->count;
    snapshot->event_bytes_length = events->length;
}

/* One stage ends where the next begins. */
static void next_stage(const struct derive_options *options, enum flush_stage ended,
                       enum flush_stage begun)
{
    if (options->stages) {
        uint64_t now = clock_monotonic_ns(options->clock);
        flush_stage_end(options->stages, ended, now);
        flush_stage_begin(options->stages, begun, now);
    }
}

static void end_stage(const struct derive_options *options, enum flush_stage ended)
{
    if (options->stages) {
        flush_stage_end(options->stages, ended, clock_monotonic_ns(options->clock));
    }
}

struct snapshot *derive_snapshot(const struct derive_options *options)
{
    struct derivation derivation = {.options = options};
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        derivation.counts[kind] = registry_count(options->registry, (enum metric_kind)kind);
    }
    derivation.judge = options->close && !options->final && options->detector;
    derivation.rate_seconds = derivation_is_etsy(&derivation)
                                  ? (double)options->config->flush.interval_ms / 1000
                                  : options->window_seconds;
    derivation.draft =
        draft_new(options, derivation.counts, derive_timer_numbers_max(options->config));
    if (!derivation.draft) {
        return NULL;
    }
    derivation.details =
        (struct details_maker){.config = options->config, .store = &derivation.draft->details};
    if (derivation.judge) {
        detector_begin(options->detector, options->timestamp, options->window_seconds);
    }
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        derive_kind(&derivation, (enum metric_kind)kind);
    }
    next_stage(options, STAGE_DERIVE, STAGE_DETECT);
    show_anomalies(&derivation);
    next_stage(options, STAGE_DETECT, STAGE_ALERT);
    show_alerts(&derivation);
    end_stage(options, STAGE_ALERT);
    exemplars_copy(&derivation.draft->snapshot.exemplars, &options->registry->exemplars);
    if (options->close) {
        take_events(&derivation);
    }
    if (derivation.totals_short > 0) {
        log_line(LOG_LEVEL_WARNING, "samples missing in histograms at the memory limit", "series",
                 log_text("%zu", derivation.totals_short), "key", "limits.memory", NULL);
    }
    details_maker_deinit(&derivation.details);
    derivation.draft->snapshot.details_bytes = derivation.draft->details.bytes;
    return &derivation.draft->snapshot;
}
