/* SPDX-License-Identifier: MIT */
#include "server/history/column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    unsigned count;
    enum statistic statistics[HISTORY_SLOTS_MAX];
} slots[METRIC_KINDS] = {
    [METRIC_COUNTER] = {1, {STATISTIC_RATE}},
    [METRIC_GAUGE] = {1, {STATISTIC_VALUE}},
    [METRIC_TIMER] = {3, {STATISTIC_RATE, STATISTIC_MEAN, STATISTIC_P99}},
    [METRIC_SET] = {1, {STATISTIC_UNIQUE}},
};

bool column_statistic(enum metric_kind kind, unsigned slot, enum statistic *statistic)
{
    if (slot >= slots[kind].count) {
        return false;
    }
    *statistic = slots[kind].statistics[slot];
    return true;
}

int column_slot(enum metric_kind kind, enum statistic statistic)
{
    for (unsigned slot = 0; slot < slots[kind].count; slot++) {
        if (slots[kind].statistics[slot] == statistic) {
            return (int)slot;
        }
    }
    return -1;
}

/* They stand behind the statistics. */
unsigned column_timer_slot(enum history_timer figure)
{
    return slots[METRIC_TIMER].count + (unsigned)figure;
}

static size_t slots_of(int kind)
{
    return slots[kind].count + (kind == METRIC_TIMER ? HISTORY_TIMER_FIGURES : 0);
}

/* One more than the highest index of the rows, which come in the order of indexes. */
static uint32_t indexes_of(const struct identity *last)
{
    return last ? last->index + 1 : 0;
}

static void count_indexes(const struct snapshot *s, uint32_t counts[METRIC_KINDS])
{
    counts[METRIC_COUNTER] =
        indexes_of(s->counter_count ? s->counters[s->counter_count - 1].identity : NULL);
    counts[METRIC_GAUGE] =
        indexes_of(s->gauge_count ? s->gauges[s->gauge_count - 1].identity : NULL);
    counts[METRIC_TIMER] =
        indexes_of(s->timer_count ? s->timers[s->timer_count - 1].identity : NULL);
    counts[METRIC_SET] = indexes_of(s->set_count ? s->sets[s->set_count - 1].identity : NULL);
}

/* All values are NaN, whose bytes are all ones. */
static struct column *make_empty(const struct snapshot *snapshot)
{
    uint32_t counts[METRIC_KINDS];
    size_t values = 0;
    count_indexes(snapshot, counts);
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        values += counts[kind] * slots_of(kind);
    }
    size_t bytes = sizeof(struct column) + values * sizeof(float);
    struct column *column = malloc(bytes);
    if (!column) {
        return NULL;
    }
    column->timestamp = snapshot->timestamp;
    column->seconds = snapshot->window_seconds;
    column->bytes = bytes;
    memcpy(column->counts, counts, sizeof(counts));
    memset(column->storage, 0xff, values * sizeof(float));
    float *at = column->storage;
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        column->values[kind] = at;
        at += counts[kind] * slots_of(kind);
    }
    return column;
}

static void put(struct column *column, enum metric_kind kind, unsigned slot, uint32_t index,
                double value)
{
    column->values[kind][(size_t)slot * column->counts[kind] + index] = (float)value;
}

/* Where a percentile stands in rows; percentile_count where it is not configured. */
static size_t find_percent(const struct snapshot *snapshot, double percent)
{
    size_t i = 0;
    while (i < snapshot->percentile_count && snapshot->percents[i] != percent) {
        i++;
    }
    return i;
}

static double percentile_of(const struct snapshot *snapshot, const struct timer_row *row, size_t at)
{
    return row->percentiles && at < snapshot->percentile_count ? row->percentiles[at] : (double)NAN;
}

static void fill_timers(struct column *column, const struct snapshot *snapshot)
{
    size_t p50 = find_percent(snapshot, 50), p95 = find_percent(snapshot, 95);
    size_t p99 = find_percent(snapshot, 99);
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        const struct timer_row *row = &snapshot->timers[i];
        if (row->updated) {
            const double figures[] = {
                row->rate,
                row->mean,
                percentile_of(snapshot, row, p99),
                [3 + HISTORY_TIMER_P50] = percentile_of(snapshot, row, p50),
                [3 + HISTORY_TIMER_P95] = percentile_of(snapshot, row, p95),
                [3 + HISTORY_TIMER_MAX] = row->max,
            };
            for (unsigned slot = 0; slot < sizeof(figures) / sizeof(figures[0]); slot++) {
                put(column, METRIC_TIMER, slot, row->identity->index, figures[slot]);
            }
        }
    }
}

/* A gauge has its value in every window; whoever wants to know when it was set asks elsewhere. */
static void fill(struct column *column, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        const struct counter_row *row = &snapshot->counters[i];
        if (row->updated) {
            put(column, METRIC_COUNTER, 0, row->identity->index, row->rate);
        }
    }
    for (size_t i = 0; i < snapshot->gauge_count; i++) {
        const struct gauge_row *row = &snapshot->gauges[i];
        put(column, METRIC_GAUGE, 0, row->identity->index, row->value);
    }
    for (size_t i = 0; i < snapshot->set_count; i++) {
        const struct set_row *row = &snapshot->sets[i];
        if (row->updated) {
            put(column, METRIC_SET, 0, row->identity->index, row->unique);
        }
    }
    fill_timers(column, snapshot);
}

struct column *column_new(const struct snapshot *closed)
{
    struct column *column = make_empty(closed);
    if (column) {
        fill(column, closed);
    }
    return column;
}

double column_value(const struct column *column, enum metric_kind kind, unsigned slot,
                    uint32_t index)
{
    return index < column->counts[kind]
               ? (double)column->values[kind][(size_t)slot * column->counts[kind] + index]
               : (double)NAN;
}
