/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite_statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"

#define NAME_MAX_BYTES 64
#define PART_FIGURES 5

static const char *const figure_names[GRAPHITE_FIGURES] = {
    [FIGURE_PART_COUNT] = "count",
    [FIGURE_PART_MEAN] = "mean",
    [FIGURE_PART_BOUND] = "upper",
    [FIGURE_PART_SUM] = "sum",
    [FIGURE_PART_SUM_SQUARES] = "sum_squares",
    [FIGURE_STD] = "std",
    [FIGURE_UPPER] = "upper",
    [FIGURE_LOWER] = "lower",
    [FIGURE_COUNT] = "count",
    [FIGURE_COUNT_PS] = "count_ps",
    [FIGURE_SUM] = "sum",
    [FIGURE_SUM_SQUARES] = "sum_squares",
    [FIGURE_MEAN] = "mean",
    [FIGURE_MEDIAN] = "median",
};

bool graphite_statistics_init(struct graphite_statistics *statistics,
                              const struct config_strings *wanted, const char *suffix)
{
    *statistics = (struct graphite_statistics){.bins = wanted->count == 0};
    buffer_append(&statistics->suffix, suffix, strlen(suffix) + 1);
    statistics->wanted.items = calloc(wanted->count + 1, sizeof(char *));
    if (statistics->suffix.failed || !statistics->wanted.items) {
        return false;
    }
    for (size_t i = 0; i < wanted->count; i++) {
        statistics->wanted.items[i] = strdup(wanted->items[i]);
        if (!statistics->wanted.items[i]) {
            return false;
        }
        statistics->wanted.count++;
        statistics->bins = statistics->bins || strcmp(wanted->items[i], "histogram") == 0;
    }
    return true;
}

/* Replaces the first `from` of the text. */
static void replace_first(char *text, char from, const char *to)
{
    char *at = strchr(text, from);
    if (at) {
        size_t length = strlen(to);
        memmove(at + length, at + 1, strlen(at));
        memcpy(at, to, length);
    }
}

/* "90", "99_9", "top10". */
static void format_percent(char out[NUMBER_TEXT_MAX + 2], double percent)
{
    number_format_javascript(out, percent);
    replace_first(out, '.', "_");
    replace_first(out, '-', "top");
}

/* The name with the number at its end as `_percent`. */
static void generalize(const char *name, char out[NAME_MAX_BYTES + 8])
{
    size_t length = strlen(name);
    size_t end = length;
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') {
        end--;
    }
    size_t digits = length - end;
    if (end >= 3 && memcmp(name + end - 3, "top", 3) == 0) {
        end -= 3;
    }
    if (digits > 0 && end > 0 && name[end - 1] == '_') {
        snprintf(out, NAME_MAX_BYTES + 8, "%.*s_percent", (int)(end - 1), name);
    } else {
        snprintf(out, NAME_MAX_BYTES + 8, "%s", name);
    }
}

static bool is_wanted(const struct graphite_statistics *statistics, const char *name)
{
    char general[NAME_MAX_BYTES + 8];
    generalize(name, general);
    for (size_t i = 0; i < statistics->wanted.count; i++) {
        if (strcmp(statistics->wanted.items[i], general) == 0) {
            return true;
        }
    }
    return statistics->wanted.count == 0;
}

static bool add(struct graphite_statistics *statistics, enum graphite_figure figure, size_t index,
                const char *name)
{
    if (!is_wanted(statistics, name)) {
        return true;
    }
    struct graphite_statistic *statistic = &statistics->items[statistics->count];
    int length = asprintf(&statistic->tail, ".%s%s", name, statistics->suffix.bytes);
    if (length < 0) {
        return false;
    }
    statistic->tail_length = (size_t)length;
    statistic->figure = figure;
    statistic->index = index;
    statistics->count++;
    return true;
}

static bool add_parts(struct graphite_statistics *statistics, double percent, size_t index)
{
    char text[NUMBER_TEXT_MAX + 2];
    char name[NAME_MAX_BYTES];
    format_percent(text, percent);
    for (unsigned i = 0; i < PART_FIGURES; i++) {
        bool lower = i == FIGURE_PART_BOUND && percent < 0;
        snprintf(name, sizeof(name), "%s_%s", lower ? "lower" : figure_names[i], text);
        if (!add(statistics, (enum graphite_figure)i, index, name)) {
            return false;
        }
    }
    return true;
}

bool graphite_statistics_make(struct graphite_statistics *statistics,
                              const struct snapshot *snapshot)
{
    if (statistics->items) {
        return true;
    }
    size_t median = SIZE_MAX;
    size_t most = snapshot->percentile_count * PART_FIGURES + GRAPHITE_FIGURES;
    statistics->items = calloc(most, sizeof(*statistics->items));
    bool made = statistics->items != NULL;
    for (size_t i = 0; made && i < snapshot->percentile_count; i++) {
        made = add_parts(statistics, snapshot->percents[i], i);
        median = snapshot->percents[i] == 50 ? i : median;
    }
    for (unsigned i = PART_FIGURES; made && i < GRAPHITE_FIGURES; i++) {
        made = add(statistics, (enum graphite_figure)i, median, figure_names[i]);
    }
    return made;
}

static double percentile_of(const struct timer_row *row, size_t index)
{
    return row->percentiles && index != SIZE_MAX ? row->percentiles[index] : (double)NAN;
}

static bool part_value(const struct graphite_statistic *statistic, const struct timer_row *row,
                       double *value)
{
    if (!row->details) {
        *value = percentile_of(row, statistic->index);
        return statistic->figure == FIGURE_PART_BOUND;
    }
    const struct percentile_part *part = &row->details->parts[statistic->index];
    switch (statistic->figure) {
    case FIGURE_PART_COUNT:
        *value = part->count;
        break;
    case FIGURE_PART_MEAN:
        *value = part->mean;
        break;
    case FIGURE_PART_BOUND:
        *value = part->bound;
        break;
    case FIGURE_PART_SUM:
        *value = part->sum;
        break;
    default:
        *value = part->sum_squares;
        break;
    }
    return part->count > 0;
}

bool graphite_statistics_value(const struct graphite_statistic *statistic,
                               const struct timer_row *row, double *value)
{
    const struct timer_details *details = row->details;
    enum graphite_figure figure = statistic->figure;
    if (!row->updated) {
        *value = 0;
        return figure == FIGURE_COUNT || figure == FIGURE_COUNT_PS;
    }
    switch (figure) {
    case FIGURE_STD:
        *value = row->stddev;
        return true;
    case FIGURE_UPPER:
        *value = row->max;
        return true;
    case FIGURE_LOWER:
        *value = row->min;
        return true;
    case FIGURE_COUNT:
        *value = row->count;
        return true;
    case FIGURE_COUNT_PS:
        *value = row->rate;
        return true;
    case FIGURE_SUM:
        *value = row->sum;
        return true;
    case FIGURE_SUM_SQUARES:
        *value = details ? details->sum_squares : (double)NAN;
        return true;
    case FIGURE_MEAN:
        *value = row->mean;
        return true;
    case FIGURE_MEDIAN:
        *value = details ? details->median : percentile_of(row, statistic->index);
        return true;
    default:
        return part_value(statistic, row, value);
    }
}

struct graphite_text graphite_statistics_bin(struct graphite_statistics *statistics, double bound)
{
    char text[NUMBER_TEXT_MAX + 2] = "inf";
    if (isfinite(bound)) {
        number_format_javascript(text, bound);
        replace_first(text, '.', "_");
    }
    struct buffer *bin = &statistics->bin;
    bin->length = 0;
    buffer_append_text(bin, ".histogram.bin_");
    buffer_append_text(bin, text);
    buffer_append_text(bin, statistics->suffix.bytes);
    return (struct graphite_text){bin->bytes, bin->length};
}

void graphite_statistics_deinit(struct graphite_statistics *statistics)
{
    for (size_t i = 0; i < statistics->count; i++) {
        free(statistics->items[i].tail);
    }
    for (size_t i = 0; i < statistics->wanted.count; i++) {
        free(statistics->wanted.items[i]);
    }
    free(statistics->items);
    free(statistics->wanted.items);
    buffer_deinit(&statistics->suffix);
    buffer_deinit(&statistics->bin);
}
