/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"
#include "tools/sigmactl/glob_list.h"

/* What is under way: the columns of the current header that are collected. */
struct collecting {
    struct csv_series_list *list;
    const struct csv_series_query *query;
    enum csv_kind kind;
    unsigned header_number;
    int type_column;
    int columns[CSV_LINE_FIELDS_MAX];
    size_t column_count;
};

static const char no_memory[] = "out of memory";

static void take_header(struct collecting *collecting, const struct csv_row *row)
{
    const struct csv_header *header = row->header;
    collecting->header_number = header->number;
    collecting->type_column = collecting->kind == CSV_TIMERS ? csv_row_column(row, "type") : -1;
    collecting->column_count = 0;
    for (size_t i = CSV_COLUMNS_FIXED; i < header->count; i++) {
        const char *wanted = collecting->query->statistic;
        const char *name = header->columns[i].name;
        if (header->columns[i].numeric &&
            (!wanted || glob_list_match(wanted, name, strlen(name)))) {
            collecting->columns[collecting->column_count++] = (int)i;
        }
    }
}

static bool is_same(const struct csv_series *series, const struct csv_series_name *name)
{
    return series->kind == name->kind && strcmp(series->metric, name->metric) == 0 &&
           strcmp(series->tags, name->tags) == 0 && strcmp(series->type, name->type) == 0;
}

static uint32_t hash_of(const struct csv_series_name *name)
{
    uint64_t seed = hash_bytes(name->metric, strlen(name->metric), (uint64_t)name->kind);
    return table_hash(hash_bytes(name->tags, strlen(name->tags), seed));
}

static void free_series(struct csv_series *series)
{
    for (size_t i = 0; i < series->statistic_count; i++) {
        free(series->statistics[i].name);
        free(series->statistics[i].values);
    }
    free(series->statistics);
    free(series->metric);
    free(series->tags);
    free(series->type);
    free(series->stamps);
    free(series);
}

static struct csv_series *make_series(const struct csv_series_name *name)
{
    struct csv_series *series = calloc(1, sizeof(*series));
    if (!series) {
        return NULL;
    }
    series->kind = name->kind;
    series->metric = strdup(name->metric);
    series->tags = strdup(name->tags);
    series->type = strdup(name->type);
    if (!series->metric || !series->tags || !series->type) {
        free_series(series);
        return NULL;
    }
    return series;
}

static bool append_item(struct csv_series_list *list, struct csv_series *series)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 256;
        void *grown = realloc(list->items, capacity * sizeof(*list->items));
        if (!grown) {
            return false;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = series;
    return true;
}

/* The series of this name, made where it is new; NULL without memory. */
static struct csv_series *find_series(struct csv_series_list *list,
                                      const struct csv_series_name *name)
{
    uint32_t hash = hash_of(name);
    for (const struct table_slot *slot = index_first(&list->index, hash); slot;
         slot = index_next(&list->index, slot)) {
        struct csv_series *series = index_at(&list->index, slot);
        if (is_same(series, name)) {
            return series;
        }
    }
    struct csv_series *series = make_series(name);
    if (!series) {
        return NULL;
    }
    if (!append_item(list, series)) {
        free_series(series);
        return NULL;
    }
    return index_insert(&list->index, hash, series) ? series : NULL;
}

/* The array of a statistic, made with NaN for the rows before; NULL without memory. */
static struct csv_statistic *find_statistic(struct csv_series *series, const char *name,
                                            size_t hint)
{
    if (hint < series->statistic_count && strcmp(series->statistics[hint].name, name) == 0) {
        return &series->statistics[hint];
    }
    for (size_t i = 0; i < series->statistic_count; i++) {
        if (strcmp(series->statistics[i].name, name) == 0) {
            return &series->statistics[i];
        }
    }
    struct csv_statistic *grown =
        realloc(series->statistics, (series->statistic_count + 1) * sizeof(*grown));
    if (!grown) {
        return NULL;
    }
    series->statistics = grown;
    struct csv_statistic made = {strdup(name), malloc(series->capacity * sizeof(double))};
    if (!made.name || !made.values) {
        free(made.name);
        free(made.values);
        return NULL;
    }
    for (size_t i = 0; i < series->count; i++) {
        made.values[i] = (double)NAN;
    }
    grown[series->statistic_count] = made;
    return &grown[series->statistic_count++];
}

static bool grow_array(double **array, size_t capacity)
{
    double *grown = realloc(*array, capacity * sizeof(double));
    *array = grown ? grown : *array;
    return grown != NULL;
}

static bool make_room(struct csv_series *series)
{
    if (series->count < series->capacity) {
        return true;
    }
    size_t capacity = series->capacity > 0 ? series->capacity + series->capacity / 2 : 16;
    bool grown = grow_array(&series->stamps, capacity);
    for (size_t i = 0; grown && i < series->statistic_count; i++) {
        grown = grow_array(&series->statistics[i].values, capacity);
    }
    series->capacity = grown ? capacity : series->capacity;
    return grown;
}

bool csv_series_add(struct csv_series_list *list, const struct csv_series_name *name, double stamp,
                    const char *const *statistics, const double *values, size_t count)
{
    struct csv_series *series = find_series(list, name);
    if (!series || !make_room(series)) {
        return false;
    }
    series->stamps[series->count] = stamp;
    for (size_t i = 0; i < series->statistic_count; i++) {
        series->statistics[i].values[series->count] = (double)NAN;
    }
    for (size_t i = 0; i < count; i++) {
        struct csv_statistic *statistic = find_statistic(series, statistics[i], i);
        if (!statistic) {
            return false;
        }
        statistic->values[series->count] = values[i];
    }
    series->count++;
    list->values += 1 + series->statistic_count;
    list->rows++;
    return true;
}

static bool add_row(struct collecting *collecting, const struct csv_row *row)
{
    const char *names[CSV_LINE_FIELDS_MAX];
    double values[CSV_LINE_FIELDS_MAX];
    const char *type = collecting->type_column < 0 ? "" : row->fields[collecting->type_column].text;
    const struct csv_series_name name = {collecting->kind, row->fields[CSV_COLUMN_METRIC].text,
                                         row->fields[CSV_COLUMN_TAGS].text, type};
    for (size_t i = 0; i < collecting->column_count; i++) {
        names[i] = row->header->columns[collecting->columns[i]].name;
        values[i] = row->numbers[collecting->columns[i]];
    }
    return csv_series_add(collecting->list, &name, row->stamp, names, values,
                          collecting->column_count);
}

/* NULL, or why no more can be taken. */
static const char *take_row(struct collecting *collecting, const struct csv_row *row)
{
    size_t most = collecting->query->values_max;
    if (row->header->number != collecting->header_number) {
        take_header(collecting, row);
    }
    if (collecting->column_count == 0) {
        return NULL;
    }
    if (!add_row(collecting, row)) {
        return no_memory;
    }
    return collecting->list->values > (most > 0 ? most : CSV_SERIES_VALUES_MAX)
               ? CSV_SERIES_TOO_MANY
               : NULL;
}

static bool collect_kind(struct collecting *collecting, char reason[CSV_READER_REASON_MAX])
{
    const struct csv_series_query *query = collecting->query;
    const struct csv_reader_query files = {query->directory, collecting->kind, query->from,
                                           query->to, query->metric};
    struct csv_reader *reader = csv_reader_new(&files, reason);
    if (!reader) {
        return false;
    }
    const char *fault = NULL;
    collecting->header_number = 0;
    for (const struct csv_row *row; !fault && (row = csv_reader_next(reader));) {
        fault = take_row(collecting, row);
    }
    collecting->list->files += csv_reader_files(reader);
    collecting->list->faults += csv_reader_faults(reader);
    csv_reader_free(reader);
    if (fault) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s: %s", query->directory, fault);
    }
    return !fault;
}

bool csv_series_init(struct csv_series_list *list)
{
    *list = (struct csv_series_list){0};
    return index_init(&list->index);
}

bool csv_series_collect(struct csv_series_list *list, const struct csv_series_query *query,
                        char reason[CSV_READER_REASON_MAX])
{
    struct collecting collecting = {.list = list, .query = query};
    if (!csv_series_init(list)) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s", no_memory);
        return false;
    }
    for (int i = 0; i < CSV_KINDS; i++) {
        collecting.kind = (enum csv_kind)i;
        if ((query->kinds & CSV_SERIES_KINDS & 1U << i) && !collect_kind(&collecting, reason)) {
            return false;
        }
    }
    return true;
}

void csv_series_deinit(struct csv_series_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_series(list->items[i]);
    }
    free(list->items);
    index_deinit(&list->index);
    *list = (struct csv_series_list){0};
}

const struct csv_statistic *csv_series_statistic(const struct csv_series *series, const char *name)
{
    for (size_t i = 0; i < series->statistic_count; i++) {
        if (strcmp(series->statistics[i].name, name) == 0) {
            return &series->statistics[i];
        }
    }
    return NULL;
}
