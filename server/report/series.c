/* SPDX-License-Identifier: MIT */
#include "server/report/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void series_reset(struct series *series)
{
    *series = (struct series){
        .sum = (double)NAN, .min = (double)NAN, .max = (double)NAN, .samples = (double)NAN};
    for (size_t i = 0; i < SERIES_PERCENTILES; i++) {
        series->typical[i] = series->worst[i] = (double)NAN;
    }
    for (size_t s = 0; s < STATISTICS; s++) {
        for (size_t i = 0; i < POINTS_MAX; i++) {
            series->values[s][i] = (double)NAN;
        }
    }
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double series_median(const double *values, size_t count)
{
    double known[POINTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count && n < POINTS_MAX; i++) {
        if (isfinite(values[i])) {
            known[n++] = values[i];
        }
    }
    qsort(known, n, sizeof(known[0]), by_size);
    return n == 0 ? (double)NAN : n % 2 ? known[n / 2] : (known[n / 2 - 1] + known[n / 2]) / 2;
}

/* The names stand behind the struct. */
struct series *series_copy(const struct series *series)
{
    struct series *copy = malloc(sizeof(*copy) + series->name_length + series->tags_length + 2);
    if (!copy) {
        return NULL;
    }
    *copy = *series;
    copy->references = 1;
    char *text = (char *)(copy + 1);
    copy->name = text;
    memcpy(text, series->name, series->name_length);
    text[series->name_length] = '\0';
    text += series->name_length + 1;
    copy->tags = text;
    if (series->tags_length > 0) {
        memcpy(text, series->tags, series->tags_length);
    }
    text[series->tags_length] = '\0';
    return copy;
}

void series_unref(struct series *series)
{
    if (series && --series->references == 0) {
        free(series);
    }
}

bool series_is_timer(const struct series *series)
{
    return metric_kind_of(series->type) == METRIC_TIMER;
}

enum unit series_unit(const struct series *series, enum statistic statistic)
{
    if (statistic == STATISTIC_RATE) {
        return UNIT_PER_SECOND;
    }
    return series->type == STATSD_TIMER ? UNIT_MS : UNIT_NONE;
}

static double weight_of(const struct series *series, enum statistic statistic,
                        const struct change *change)
{
    enum better better = series->better[statistic];
    bool worse = change->after > change->before ? better == BETTER_LOWER : better == BETTER_HIGHER;
    double part = worse ? 1 : better == BETTER_UNKNOWN ? 0.75 : 0.5;
    return part * change->size * change->effect / (change->effect + CHANGE_EFFECT_MIN);
}

void series_weigh(struct series *series, size_t points, double share_min)
{
    series->weight = 0;
    for (size_t s = 0; s < STATISTICS; s++) {
        if (!series->has[s]) {
            continue;
        }
        struct change change = change_find(series->values[s], points, share_min);
        double weight = weight_of(series, (enum statistic)s, &change);
        if (change.shape != CHANGE_NONE && weight > series->weight) {
            series->change = change;
            series->changed = (enum statistic)s;
            series->weight = weight;
        }
    }
}
