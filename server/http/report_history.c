/* SPDX-License-Identifier: MIT */
#include "server/http/report_history.h"

#include <math.h>
#include <stdlib.h>

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
    past->sorted = calloc(count, sizeof(*past->sorted));
    if (!past->places || !past->seconds || !past->stamps || !past->values || !past->sorted) {
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
    free(past->sorted);
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

/* Of the windows with samples: how many, the sum of rate by length, and the longest time between
 * two. */
static void count(const struct report_history *past, struct series *series)
{
    double latest = 0, sum = 0;
    series->windows = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        if (!isfinite(past->values[i])) {
            continue;
        }
        if (series->windows++ > 0) {
            series->longest_gap = fmax(series->longest_gap, past->stamps[i] - latest);
        }
        latest = past->stamps[i];
        sum += past->values[i] * past->seconds[i];
    }
    series->count = sum;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void read_p99(struct report_history *past, struct series *series)
{
    size_t known = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        if (isfinite(past->values[i])) {
            past->sorted[known++] = past->values[i];
        }
    }
    if (known > 0) {
        qsort(past->sorted, known, sizeof(past->sorted[0]), by_size);
        series->typical[SERIES_P99] = past->sorted[known / 2];
        series->worst[SERIES_P99] = past->sorted[known - 1];
    }
}

/* Σ mean · rate · length, by the rates that were kept beside. */
static void sum_means(const struct report_history *past, const double *rates, struct series *series)
{
    series->sum = 0;
    for (size_t i = 0; i < past->range.count; i++) {
        if (isfinite(past->values[i]) && isfinite(rates[i])) {
            series->sum += past->values[i] * rates[i] * past->seconds[i];
        }
    }
}

static void take(struct report_history *past, enum statistic statistic, struct series *series)
{
    if (statistic == STATISTIC_P99) {
        read_p99(past, series);
    } else if (statistic == STATISTIC_MEAN) {
        sum_means(past, past->sorted, series);
    } else {
        count(past, series);
    }
    if (statistic == STATISTIC_RATE) {
        memcpy(past->sorted, past->values, past->range.count * sizeof(past->values[0]));
    }
}

void report_history_read(struct report_history *past, const struct identity *identity,
                         const struct points *points, struct series *series)
{
    enum statistic statistic;
    for (unsigned slot = 0; history_statistic((enum metric_kind)identity->kind, slot, &statistic); slot++) {
        size_t known =
            history_read(past->history, &past->range, identity, statistic, past->values);
        series->has[statistic] = known > 0;
        if (known > 0) {
            take(past, statistic, series);
            fold(past, points, series->values[statistic]);
        }
    }
}
