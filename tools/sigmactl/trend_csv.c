/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/trend_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tags.h"
#include "server/detect/trend.h"
#include "server/metrics/identity.h"
#include "tools/sigmactl/csv_series.h"
#include "tools/sigmactl/json_text.h"

static const enum csv_kind kinds[] = {CSV_COUNTERS, CSV_GAUGES, CSV_TIMERS, CSV_SETS};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What the server's history has of a series of each kind. */
static const char *const statistics[CSV_KINDS][4] = {
    [CSV_COUNTERS] = {"rate"},
    [CSV_GAUGES] = {"value"},
    [CSV_TIMERS] = {"rate", "mean", "p99"},
    [CSV_SETS] = {"unique"},
};

struct candidate {
    const struct csv_series *series;
    const struct csv_statistic *statistic;
    struct trend trend;
    enum trend_direction direction;
    enum trend_assessment assessment;
    double gravity;
    size_t order; /* in the list: the first of equals comes first */
};

struct candidates {
    struct candidate *items;
    size_t count, capacity;
    const struct trend_csv *wanted;
};

static bool find_latest(const struct trend_csv *wanted, double *latest,
                        char reason[CSV_READER_REASON_MAX])
{
    *latest = -(double)INFINITY;
    for (size_t i = 0; i < KINDS; i++) {
        const struct csv_reader_query query = {wanted->directory, kinds[i], wanted->from,
                                               wanted->to, wanted->metric};
        const struct csv_row *row;
        struct csv_reader *reader = csv_reader_new(&query, reason);
        if (!reader) {
            return false;
        }
        while ((row = csv_reader_next(reader))) {
            *latest = fmax(*latest, row->stamp);
        }
        csv_reader_free(reader);
    }
    return true;
}

/* Stamps have three decimals, and their differences the rounding of doubles. */
#define STAMP_HALF 0.0005

/* As far back as is wanted: a window that ends just so long before the latest is no part of it. */
static bool choose_from(const struct trend_csv *wanted, double *from,
                        char reason[CSV_READER_REASON_MAX])
{
    double latest;
    *from = wanted->from;
    if (wanted->seconds <= 0) {
        return true;
    }
    if (!find_latest(wanted, &latest, reason)) {
        return false;
    }
    *from = fmax(*from, latest - wanted->seconds + STAMP_HALF);
    return true;
}

static enum statsd_type type_of(const struct csv_series *series)
{
    for (int i = 0; series->kind == CSV_TIMERS && i < STATSD_TYPES; i++) {
        if (strcmp(series->type, statsd_type_name((enum statsd_type)i)) == 0) {
            return (enum statsd_type)i;
        }
    }
    return series->kind == CSV_COUNTERS ? STATSD_COUNTER
           : series->kind == CSV_GAUGES ? STATSD_GAUGE
           : series->kind == CSV_SETS   ? STATSD_SET
                                        : STATSD_TIMER;
}

static enum statistic statistic_of(const char *name)
{
    enum statistic statistic = STATISTIC_RATE;
    while (statistic < STATISTICS - 1 && strcmp(statistic_name(statistic), name) != 0) {
        statistic++;
    }
    return statistic;
}

static void judge(const struct trend_csv *wanted, struct candidate *candidate)
{
    const struct csv_series *series = candidate->series;
    struct class class = classify_name(wanted->config, series->metric, strlen(series->metric));
    enum better better =
        classify_better(class, type_of(series), statistic_of(candidate->statistic->name));
    candidate->direction = trend_direction(&candidate->trend, wanted->share_min);
    candidate->assessment = trend_assess(candidate->direction, better);
    candidate->gravity =
        trend_gravity(&candidate->trend, candidate->direction, candidate->assessment);
}

static bool add(struct candidates *candidates, const struct candidate *candidate)
{
    if (candidates->count == candidates->capacity) {
        size_t capacity = candidates->capacity ? 2 * candidates->capacity : 256;
        struct candidate *items = reallocarray(candidates->items, capacity, sizeof(*items));
        if (!items) {
            return false;
        }
        candidates->items = items;
        candidates->capacity = capacity;
    }
    candidates->items[candidates->count++] = *candidate;
    return true;
}

/* False without memory. */
static bool fit_all(struct candidates *candidates, const struct csv_series_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct csv_series *series = list->items[i];
        for (const char *const *name = statistics[series->kind]; *name; name++) {
            struct candidate candidate = {.series = series,
                                          .statistic = csv_series_statistic(series, *name),
                                          .order = candidates->count};
            if (!candidate.statistic || !trend_fit(series->stamps, candidate.statistic->values,
                                                   series->count, &candidate.trend)) {
                continue;
            }
            judge(candidates->wanted, &candidate);
            if (!add(candidates, &candidate)) {
                return false;
            }
        }
    }
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int order = (a->gravity < b->gravity) - (a->gravity > b->gravity);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* Leaves the gravest ones, sorted. */
static void cut(struct candidates *candidates, size_t limit)
{
    if (candidates->count > 0) {
        qsort(candidates->items, candidates->count, sizeof(*candidates->items), compare);
    }
    if (candidates->count > limit) {
        candidates->count = limit;
    }
}

/* Those to be told of, chosen by their robust part. False without memory. */
static bool choose(struct candidates *candidates)
{
    double *room = malloc(TREND_ROOM * sizeof(*room));
    if (!room) {
        return false;
    }
    cut(candidates, candidates->wanted->limit + TREND_SPARE);
    for (size_t i = 0; i < candidates->count; i++) {
        struct candidate *candidate = &candidates->items[i];
        trend_robust(candidate->series->stamps, candidate->statistic->values,
                     candidate->series->count, &candidate->trend, room);
        judge(candidates->wanted, candidate);
    }
    cut(candidates, candidates->wanted->limit);
    free(room);
    return true;
}

/* A key with several values has an array of them, as in the server's JSON. */
static void put_tag(json_t *object, const struct tag *tag)
{
    json_t *name = json_text(tag->key, tag->key_length);
    json_t *value = json_text(tag->value, tag->value_length);
    const char *key = name ? json_string_value(name) : "";
    json_t *known = json_object_get(object, key);
    if (json_is_array(known)) {
        json_array_append_new(known, value);
    } else if (known) {
        json_object_set_new(object, key, json_pack("[O,o]", known, value));
    } else {
        json_object_set_new(object, key, value);
    }
    json_decref(name);
}

static json_t *make_tags(const char *text)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    json_t *object = json_object();
    char *copy = strdup(text);
    size_t count = copy ? tags_read_csv(copy, strlen(copy), tags, IDENTITY_TAGS_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        put_tag(object, &tags[i]);
    }
    free(copy);
    return object;
}

/* JSON has no infinity and no NaN. */
static json_t *make_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *make_row(const struct candidate *candidate)
{
    const struct csv_series *series = candidate->series;
    const struct trend *trend = &candidate->trend;
    return json_pack("{so so ss ss sI so so so so so so so so ss ss}", "name",
                     json_text(series->metric, strlen(series->metric)), "tags",
                     make_tags(series->tags), "type", statsd_type_name(type_of(series)),
                     "statistic", candidate->statistic->name, "count", (json_int_t)trend->count,
                     "mean", make_number(trend->mean), "slope_per_hour",
                     make_number(3600 * trend->slope), "robust_slope_per_hour",
                     make_number(3600 * trend->robust), "intercept", make_number(trend->intercept),
                     "r_squared", make_number(trend->r_squared), "z", make_number(trend->z), "tau",
                     make_number(trend->tau), "change", make_number(trend_change(trend)),
                     "direction", trend_direction_name(candidate->direction), "assessment",
                     trend_assessment_name(candidate->assessment));
}

static json_t *make_document(const struct candidates *candidates,
                             const struct csv_series_list *list)
{
    double from = (double)INFINITY, to = -(double)INFINITY;
    json_t *rows = json_array();
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->items[i]->count; j++) {
            from = fmin(from, list->items[i]->stamps[j]);
            to = fmax(to, list->items[i]->stamps[j]);
        }
    }
    for (size_t i = 0; i < candidates->count; i++) {
        if (json_array_append_new(rows, make_row(&candidates->items[i])) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return json_pack("{so so sI so}", "from", make_number(from), "to", make_number(to), "series",
                     (json_int_t)list->count, "trends", rows);
}

static json_t *make(const struct trend_csv *wanted, const struct csv_series_list *list,
                    char reason[CSV_READER_REASON_MAX])
{
    struct candidates candidates = {.wanted = wanted};
    json_t *document = NULL;
    snprintf(reason, CSV_READER_REASON_MAX, "out of memory");
    if (list->count == 0) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s: no rows of such metrics in this time",
                 wanted->directory);
    } else if (fit_all(&candidates, list) && choose(&candidates)) {
        document = make_document(&candidates, list);
    }
    free(candidates.items);
    return document;
}

json_t *trend_csv_make(const struct trend_csv *wanted, char reason[CSV_READER_REASON_MAX])
{
    struct csv_series_list list;
    struct csv_series_query query = {.directory = wanted->directory,
                                     .kinds = CSV_SERIES_KINDS,
                                     .to = wanted->to,
                                     .metric = wanted->metric};
    if (!choose_from(wanted, &query.from, reason)) {
        return NULL;
    }
    json_t *document =
        csv_series_collect(&list, &query, reason) ? make(wanted, &list, reason) : NULL;
    csv_series_deinit(&list);
    return document;
}
