/* SPDX-License-Identifier: MIT */
#include "server/http/report_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Windows at most: a day of ten seconds each. */
#define WINDOWS_MAX 8640

bool report_history_init(struct report_history *past, struct history *history,
                         const struct points *points)
{
    *past = (struct report_history){.history = history};
    if (history) {
        past->range = history_find(history, points->from, points->to, WINDOWS_MAX);
    }
    size_t count = past->range.count;
    if (count < 2) {
        return false;
    }
    past->places = calloc(count, sizeof(*past->places));
    past->seconds = calloc(count, sizeof(*past->seconds));
    past->stamps = calloc(count, sizeof(*past->stamps));
    past->values = calloc(count, sizeof(*past->values));
    past->scratch = calloc(count, sizeof(*past->scratch));
    if (!past->places || !past->seconds || !past->stamps || !past->values || !past->scratch) {
        report_history_deinit(past);
        return false;
    }
    history_stamps(history, &past->range, past->stamps, past->seconds);
    for (size_t i = 0; i < count; i++) {
        past->places[i] = points_index(points, past->stamps[i]);
    }
    return true;
}

void report_history_deinit(struct report_history *past)
{
    free(past->places);
    free(past->seconds);
    free(past->stamps);
    free(past->values);
    free(past->scratch);
    *past = (struct report_history){0};
}

/* The mean of the windows of each point. */
static void fold(const struct report_history *past, const struct points *points, double *out)
{
    double counts[POINTS_MAX] = {0}, sums[POINTS_MAX] = {0};
    for (size_t i = 0; i < past->range.count; i++) {
        if (past->places[i] < points->count && isfinite(past->values[i])) {
            sums[past->places[i]] += past->values[i];
            counts[past->places[i]]++;
        }
    }
    for (size_t i = 0; i < points->count; i++) {
        out[i] = counts[i] > 0 ? sums[i] / counts[i] : (double)NAN;
    }
}

/* The windows with samples, and the longest time between two. */
static void count_windows(const struct report_history *past, struct series *series)
{
    double latest = 0;
    series->windows = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        if (!isfinite(past->values[i])) {
            continue;
        }
        if (series->windows++ > 0) {
            series->longest_gap = fmax(series->longest_gap, past->stamps[i] - latest);
        }
        latest = past->stamps[i];
    }
}

/* Σ rate · length. */
static double sum_rates(const struct report_history *past)
{
    double sum = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        sum += isfinite(past->values[i]) ? past->values[i] * past->seconds[i] : 0;
    }
    return sum;
}

/* Σ mean · rate · length; the rates are in `scratch`. */
static double sum_means(const struct report_history *past)
{
    double sum = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        double product = past->values[i] * past->scratch[i] * past->seconds[i];
        sum += isfinite(product) ? product : 0;
    }
    return sum;
}

static double largest(const struct report_history *past)
{
    double largest = (double)NAN;
    for (size_t i = 0; i < past->range.count; i++) {
        largest = isfinite(past->values[i]) ? fmax(largest, past->values[i]) : largest;
    }
    return largest;
}

/* Rates come before means. */
static void take(struct report_history *past, enum statistic statistic, struct series *series)
{
    if (statistic == STATISTIC_RATE) {
        series->count = sum_rates(past);
        memcpy(past->scratch, past->values, past->range.count * sizeof(past->values[0]));
    } else if (statistic == STATISTIC_MEAN) {
        series->sum = sum_means(past);
    } else if (statistic == STATISTIC_P99) {
        series->worst[SERIES_P99] = largest(past);
    }
}

static bool read_timer(struct report_history *past, const struct identity *identity,
                       enum history_timer figure)
{
    return history_read_timer(past->history, &past->range, identity, figure, past->values) > 0;
}

/* What the logs have of timers as well. */
static void read_latency(struct report_history *past, const struct identity *identity,
                         const struct points *points, struct series *series)
{
    static const struct {
        enum history_timer figure;
        enum series_percentile percentile;
    } percentiles[] = {{HISTORY_TIMER_P50, SERIES_P50}, {HISTORY_TIMER_P95, SERIES_P95}};
    double values[POINTS_MAX];
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        if (read_timer(past, identity, percentiles[i].figure)) {
            fold(past, points, values);
            series->typical[percentiles[i].percentile] = series_median(values, points->count);
            series->worst[percentiles[i].percentile] = largest(past);
        }
    }
    if (read_timer(past, identity, HISTORY_TIMER_MAX)) {
        series->max = largest(past);
    }
    if (series->has[STATISTIC_P99]) {
        series->typical[SERIES_P99] = series_median(series->values[STATISTIC_P99], points->count);
    }
}

void report_history_read(struct report_history *past, const struct identity *identity,
                         const struct points *points, struct series *series)
{
    /* Of the last window alone, they would not go with the rest. */
    for (size_t i = 0; i < SERIES_PERCENTILES; i++) {
        series->typical[i] = series->worst[i] = (double)NAN;
    }
    series->min = series->max = (double)NAN;
    enum statistic statistic;
    for (unsigned slot = 0; history_statistic((enum metric_kind)identity->kind, slot, &statistic);
         slot++) {
        size_t known = history_read(past->history, &past->range, identity, statistic, past->values);
        series->has[statistic] = known > 0;
        if (known > 0) {
            count_windows(past, series);
            take(past, statistic, series);
            fold(past, points, series->values[statistic]);
        }
    }
    if (identity->kind == METRIC_TIMER) {
        read_latency(past, identity, points, series);
    }
}
