/* SPDX-License-Identifier: MIT */
#include "server/report/gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/classify.h"

/* R² from which on a line is a trend. */
#define FIT_MIN 0.5

static void classify(const struct report *report, struct series *series)
{
    struct class class = classify_name(report->config, series->name, series->name_length);
    for (size_t s = 0; s < STATISTICS; s++) {
        series->better[s] = classify_better(class, series->type, (enum statistic)s);
    }
}

static void keep(struct report *report, struct ranking *ranking, const struct series *series,
                 double score, struct series **copy)
{
    if (!ranking_add(ranking, series, score, copy)) {
        report->failed = true;
    }
}

static size_t first_point(const struct report *report, const struct series *series)
{
    for (size_t i = 0; report->has_history && i < report->points.count; i++) {
        for (size_t s = 0; s < STATISTICS; s++) {
            if (series->has[s] && isfinite(series->values[s][i])) {
                return i;
            }
        }
    }
    return POINTS_MAX;
}

/* Samples of a timer in one of its windows; weighted ones where nothing else is known. */
static double samples_of(const struct series *series)
{
    return isfinite(series->samples) ? series->samples : series->count / (double)series->windows;
}

static void look_at_samples(struct report *report, const struct series *series)
{
    const struct config_numbers *percents = &report->config->flush.percentiles;
    double samples = samples_of(series), weight = series->count / (double)series->windows;
    report->timer_count++;
    for (size_t i = 0; i < percents->count && i < 32; i++) {
        if (percents->items[i] > 0 && percents->items[i] < 100) {
            /* To whole samples: 100 - 99.9 is a little less than a tenth. */
            double needed = round(100 / (100 - percents->items[i]));
            report->timers_thin[i] += samples < needed;
        }
    }
    /* Of p99: at least ten samples beyond it were sent, and it is made of less than one. */
    if (weight >= 1000 && samples < 100) {
        report->timers_sampled++;
        if (weight - samples > report->sampled_count - report->sampled_samples) {
            snprintf(report->sampled_example, sizeof(report->sampled_example), "%.*s",
                     (int)series->name_length, series->name);
            report->sampled_samples = samples;
            report->sampled_count = weight;
        }
    }
}

static void look_at_gap(struct report *report, const struct series *series)
{
    double lifetime = (double)report->config->flush.expire_counters_ms / 1000;
    if (series->type == STATSD_COUNTER && lifetime > 0 && series->longest_gap > lifetime) {
        if (report->counters_returned++ == 0) {
            snprintf(report->returned_example, sizeof(report->returned_example), "%.*s",
                     (int)series->name_length, series->name);
        }
    }
}

/* What a series is called slow by: the median of its p99, or the mean where that is not known. */
static double slowness(const struct series *series)
{
    double p99 = series->typical[SERIES_P99];
    return isfinite(p99) ? p99 : series->sum / series->count;
}

/* The statistic that rises or falls most, of those that a line explains and that matter. */
static double find_trend(const struct report *report, struct series *series)
{
    double best = 0;
    for (size_t s = 0; s < STATISTICS; s++) {
        struct trend trend;
        if (!series->has[s] ||
            !trend_fit(report->stamps, series->values[s], report->points.count, &trend)) {
            continue;
        }
        double change = fabs(trend_change(&trend));
        if (trend.r_squared >= FIT_MIN && isfinite(change) &&
            change >= report->config->anomaly.min_change && change * trend.r_squared > best) {
            best = change * trend.r_squared;
            series->trending = (enum statistic)s;
            series->trend = trend;
        }
    }
    return best;
}

/* Takes out of the table what the robust tests call chance. */
void gather_end(struct report *report)
{
    struct ranking *rising = &report->rising;
    double *room = rising->count > 0 ? malloc(TREND_ROOM * sizeof(*room)) : NULL;
    size_t kept = 0;
    report->failed = report->failed || (rising->count > 0 && !room);
    for (size_t i = 0; i < rising->count; i++) {
        struct series *series = rising->rows[i].series;
        if (room) {
            trend_robust(report->stamps, series->values[series->trending], report->points.count,
                         &series->trend, room);
        }
        if (room &&
            trend_direction(&series->trend, report->config->anomaly.min_change) != TREND_STEADY) {
            rising->rows[kept++] = rising->rows[i];
        } else {
            series_unref(series);
        }
    }
    rising->count = kept;
    free(room);
}

static bool ends(const struct series *series, const char *with)
{
    size_t length = strlen(with);
    return series->name_length >= length &&
           memcmp(series->name + series->name_length - length, with, length) == 0;
}

static bool is_named(const struct series *series, const char *name)
{
    return series->name_length == strlen(name) && ends(series, name);
}

/* Names of [resources] that are worth a line: gauges of the server and its host. */
static bool is_resource(const struct series *series)
{
    static const char *const names[] = {
        "process_resident_memory_bytes",
        "process_cpu_used_ratio",
        "process_threads",
        "process_open_fds",
        "sigmad_pool_bytes",
        "node_memory_used_ratio",
        "node_cpu_used_ratio",
        "node_load1",
        "node_filesystem_used_ratio",
        "node_filesystem_avail_bytes",
        "node_memory_MemTotal_bytes",
    };
    for (size_t i = 0; series->type == STATSD_GAUGE && i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_named(series, names[i])) {
            return true;
        }
    }
    return false;
}

static void add_resource(struct report *report, const struct series *series)
{
    struct report_resource *resource = &report->resources[report->resource_count++];
    *resource = (struct report_resource){.latest = (double)NAN, .largest = -HUGE_VAL};
    snprintf(resource->name, sizeof(resource->name), "%.*s", (int)series->name_length,
             series->name);
    snprintf(resource->tags, sizeof(resource->tags), "%.*s", (int)series->tags_length,
             series->tags);
    resource->unit = ends(series, "_bytes")   ? UNIT_BYTES
                     : ends(series, "_ratio") ? UNIT_SHARE
                                              : UNIT_NONE;
    for (size_t i = 0; i < report->points.count; i++) {
        double value = series->values[STATISTIC_VALUE][i];
        resource->latest = isfinite(value) ? value : resource->latest;
        resource->largest = isfinite(value) ? fmax(resource->largest, value) : resource->largest;
    }
}

static void look_at_resource(struct report *report, const struct series *series)
{
    if (series->type == STATSD_COUNTER && is_named(series, "sigmad_datagrams_dropped_total")) {
        report->drops_logged += series->count;
    } else if (report->resource_count < REPORT_RESOURCES && is_resource(series)) {
        add_resource(report, series);
    }
}

void gather_series(struct report *report, struct series *series)
{
    struct series *copy = NULL;
    bool timer = series_is_timer(series);
    report->series_count[series->type]++;
    if (!tag_keys_add(&report->keys, series->name, series->name_length, series->tags,
                      series->tags_length, series->type == STATSD_COUNTER,
                      first_point(report, series))) {
        report->failed = true;
    }
    if (series->windows == 0) {
        return;
    }
    look_at_resource(report, series);
    if (report->has_history) {
        classify(report, series);
        series_weigh(series, report->points.count, report->config->anomaly.min_change);
        double trend = find_trend(report, series);
        keep(report, &report->changed, series, series->weight, &copy);
        keep(report, &report->rising, series, trend, &copy);
        look_at_gap(report, series);
    }
    if (timer || series->type == STATSD_COUNTER) {
        keep(report, &report->busiest, series, series->count, &copy);
    }
    if (timer && series->windows > 0) {
        look_at_samples(report, series);
    }
    if (series->type == STATSD_TIMER) {
        keep(report, &report->slowest, series, slowness(series), &copy);
    }
    series_unref(copy);
}
