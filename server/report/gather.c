/* SPDX-License-Identifier: MIT */
#include "server/report/gather.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* R² from which on a line is a trend. */
#define FIT_MIN 0.5

/* A name of a topic, in either case; what the detector makes of names. */
static void set_good(struct series *series)
{
    if (series->type == STATSD_TIMER) {
        series->good[STATISTIC_MEAN] = GOOD_LOW;
        series->good[STATISTIC_P99] = GOOD_LOW;
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

/* Least squares over the points with values: slope and R² of the sums about the means. */
static void fit_line(const double *values, size_t points, double *rise, double *fit)
{
    double n = 0, x_sum = 0, y_sum = 0, xx = 0, xy = 0, yy = 0;
    for (size_t i = 0; i < points; i++) {
        if (isfinite(values[i])) {
            n++;
            x_sum += (double)i;
            y_sum += values[i];
        }
    }
    for (size_t i = 0; i < points; i++) {
        if (isfinite(values[i])) {
            double x = (double)i - x_sum / n, y = values[i] - y_sum / n;
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
    }
    bool known = n >= CHANGE_VALUES_MIN && xx > 0 && yy > 0 && y_sum != 0;
    *rise = known ? xy / xx * (double)(points - 1) / fabs(y_sum / n) : 0;
    *fit = known ? xy * xy / (xx * yy) : 0;
}

/* The statistic with the straightest rise, of those that a line explains and that matter. */
static double find_trend(const struct report *report, struct series *series)
{
    double best = 0;
    for (size_t s = 0; s < STATISTICS; s++) {
        double rise, fit;
        if (!series->has[s]) {
            continue;
        }
        fit_line(series->values[s], report->points.count, &rise, &fit);
        if (fit >= FIT_MIN && fabs(rise) >= report->config->anomaly.min_change &&
            fabs(rise) * fit > best) {
            best = fabs(rise) * fit;
            series->trending = (enum statistic)s;
            series->rise = rise;
            series->fit = fit;
        }
    }
    return best;
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
    set_good(series);
    if (report->has_history) {
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
