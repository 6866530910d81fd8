/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/baseline_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "tools/sigmactl/glob_list.h"

static const char *const usual_statistics[CSV_KINDS] = {
    [CSV_COUNTERS] = "rate",
    [CSV_GAUGES] = "value",
    [CSV_TIMERS] = "mean,p50,p95,p99",
};

struct measuring {
    struct baseline_measures *measures;
    const struct baseline_rules *rules;
    double from; /* of the stamps that count */
    double *values, *sorted;
};

bool baseline_rules_want(const struct baseline_rules *rules, const struct baseline_key *key)
{
    const char *globs = rules->statistics ? rules->statistics : usual_statistics[key->kind];
    if (globs && glob_list_match(globs, key->statistic, strlen(key->statistic))) {
        return true;
    }
    return !rules->statistics && rules->file && baseline_file_find(rules->file, key);
}

static struct baseline_measure *append(struct baseline_measures *measures)
{
    if (measures->count == measures->capacity) {
        size_t capacity = measures->capacity > 0 ? 2 * measures->capacity : 64;
        void *grown = realloc(measures->items, capacity * sizeof(*measures->items));
        if (!grown) {
            return NULL;
        }
        measures->items = grown;
        measures->capacity = capacity;
    }
    return &measures->items[measures->count++];
}

/* The figures there are, in the order of time, of the windows that count. */
static size_t take_values(const struct measuring *measuring, const struct csv_series *series,
                          const struct csv_statistic *statistic)
{
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        double value = statistic->values[i];
        if (series->stamps[i] >= measuring->from && fabs(value) <= STATISTICS_VALUE_MAX) {
            measuring->values[count++] = value;
        }
    }
    return count;
}

static bool measure(struct measuring *measuring, const struct csv_series *series,
                    const struct csv_statistic *statistic)
{
    const struct baseline_key key = {series->kind, series->metric, series->tags, series->type,
                                     statistic->name};
    size_t count =
        baseline_rules_want(measuring->rules, &key) ? take_values(measuring, series, statistic) : 0;
    if (count == 0) {
        return true;
    }
    struct baseline_measure *made = append(measuring->measures);
    if (!made) {
        return false;
    }
    *made = (struct baseline_measure){
        .key = key,
        .windows = count,
        .few = count < BASELINE_WINDOWS_MIN,
        .run = {.time = measuring->measures->to},
    };
    measuring->measures->few += made->few;
    if (!made->few) {
        made->run.centre = statistics_centre(measuring->values, count, measuring->sorted);
    }
    return true;
}

static bool measure_series(struct measuring *measuring, const struct csv_series *series)
{
    if (!text_is_utf8(series->metric, strlen(series->metric)) ||
        !text_is_utf8(series->tags, strlen(series->tags))) {
        measuring->measures->unnamed++;
        return true;
    }
    for (size_t i = 0; i < series->statistic_count; i++) {
        if (!measure(measuring, series, &series->statistics[i])) {
            return false;
        }
    }
    return true;
}

/* Where the run begins and ends, and the most windows of a series. */
static size_t find_range(struct baseline_measures *measures, const struct csv_series_list *list)
{
    size_t most = 1;
    measures->from = measures->to = (double)NAN;
    for (size_t i = 0; i < list->count; i++) {
        const struct csv_series *series = list->items[i];
        most = series->count > most ? series->count : most;
        for (size_t j = 0; j < series->count; j++) {
            measures->from = fmin(measures->from, series->stamps[j]);
            measures->to = fmax(measures->to, series->stamps[j]);
        }
    }
    return most;
}

static int compare(const void *a, const void *b)
{
    const struct baseline_measure *left = a, *right = b;
    return baseline_key_compare(&left->key, &right->key);
}

bool baseline_measures_init(struct baseline_measures *measures, const struct csv_series_list *list,
                            const struct baseline_rules *rules)
{
    *measures = (struct baseline_measures){0};
    size_t most = find_range(measures, list);
    double *room = calloc(2 * most, sizeof(*room));
    struct measuring measuring = {measures, rules, measures->from + rules->skip_s, room,
                                  room ? room + most : NULL};
    bool measured = room != NULL;
    for (size_t i = 0; measured && i < list->count; i++) {
        measured = measure_series(&measuring, list->items[i]);
    }
    free(room);
    if (measures->count > 1) {
        qsort(measures->items, measures->count, sizeof(*measures->items), compare);
    }
    return measured;
}

void baseline_measures_deinit(struct baseline_measures *measures)
{
    free(measures->items);
    *measures = (struct baseline_measures){0};
}
