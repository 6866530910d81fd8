/* SPDX-License-Identifier: MIT */
#include "server/http/report_rows.h"

#include <math.h>

size_t report_rows_count(const struct snapshot *snapshot)
{
    return snapshot->counter_count + snapshot->gauge_count + snapshot->timer_count +
           snapshot->set_count;
}

void report_rows_tags(const struct identity *identity, struct buffer *tags)
{
    struct tag list[IDENTITY_TAGS_MAX];
    size_t room = 0;
    tags->length = 0;
    if (identity->tag_count == 0) {
        return;
    }
    identity_tags(identity, list);
    for (size_t i = 0; i < identity->tag_count; i++) {
        room += 2 * ((size_t)list[i].key_length + list[i].value_length) + 2;
    }
    char *text = buffer_room(tags, room);
    tags->length = text ? tags_format_csv(text, list, identity->tag_count) : 0;
}

static void name(struct series *series, const struct identity *identity, bool updated,
                 struct buffer *tags)
{
    series_reset(series);
    report_rows_tags(identity, tags);
    series->name = identity_name(identity);
    series->name_length = identity->name_length;
    series->tags = tags->length > 0 ? tags->bytes : "";
    series->tags_length = tags->length;
    series->type = (enum statsd_type)identity->type;
    series->windows = updated;
}

static void set(struct series *series, enum statistic statistic, size_t point, double value)
{
    series->has[statistic] = true;
    series->values[statistic][point] = value;
}

static void read_percentiles(const struct snapshot *snapshot, const struct timer_row *row,
                             struct series *series)
{
    static const double percents[SERIES_PERCENTILES] = {50, 95, 99};
    for (size_t i = 0; row->percentiles && i < snapshot->percentile_count; i++) {
        for (size_t p = 0; p < SERIES_PERCENTILES; p++) {
            if (fabs(snapshot->percents[i] - percents[p]) < 1e-9) {
                series->typical[p] = series->worst[p] = row->percentiles[i];
            }
        }
    }
}

static const struct identity *read_counter(const struct counter_row *row, size_t point,
                                           struct buffer *tags, struct series *series)
{
    name(series, row->identity, row->updated, tags);
    if (!row->updated) {
        return row->identity;
    }
    series->count = row->count;
    set(series, STATISTIC_RATE, point, row->rate);
    return row->identity;
}

static const struct identity *read_gauge(const struct gauge_row *row, size_t point,
                                         struct buffer *tags, struct series *series)
{
    name(series, row->identity, true, tags);
    set(series, STATISTIC_VALUE, point, row->value);
    return row->identity;
}

static const struct identity *read_timer(const struct snapshot *snapshot,
                                         const struct timer_row *row, size_t point,
                                         struct buffer *tags, struct series *series)
{
    name(series, row->identity, row->updated, tags);
    if (!row->updated) {
        return row->identity;
    }
    series->count = row->count;
    series->sum = row->sum;
    series->min = row->min;
    series->max = row->max;
    series->samples = (double)row->samples;
    read_percentiles(snapshot, row, series);
    set(series, STATISTIC_RATE, point, row->rate);
    set(series, STATISTIC_MEAN, point, row->mean);
    if (isfinite(series->typical[SERIES_P99])) {
        set(series, STATISTIC_P99, point, series->typical[SERIES_P99]);
    }
    return row->identity;
}

static const struct identity *read_set(const struct set_row *row, size_t point, struct buffer *tags,
                                       struct series *series)
{
    name(series, row->identity, row->updated, tags);
    if (!row->updated) {
        return row->identity;
    }
    set(series, STATISTIC_UNIQUE, point, row->unique);
    return row->identity;
}

const struct identity *report_rows_read(const struct snapshot *snapshot, size_t at, size_t point,
                                        struct buffer *tags, struct series *series)
{
    if (at < snapshot->counter_count) {
        return read_counter(&snapshot->counters[at], point, tags, series);
    }
    at -= snapshot->counter_count;
    if (at < snapshot->gauge_count) {
        return read_gauge(&snapshot->gauges[at], point, tags, series);
    }
    at -= snapshot->gauge_count;
    if (at < snapshot->timer_count) {
        return read_timer(snapshot, &snapshot->timers[at], point, tags, series);
    }
    return read_set(&snapshot->sets[at - snapshot->timer_count], point, tags, series);
}

const struct identity *report_rows_identity(const struct snapshot *snapshot, size_t at)
{
    if (at < snapshot->counter_count) {
        return snapshot->counters[at].identity;
    }
    at -= snapshot->counter_count;
    if (at < snapshot->gauge_count) {
        return snapshot->gauges[at].identity;
    }
    at -= snapshot->gauge_count;
    return at < snapshot->timer_count ? snapshot->timers[at].identity
                                      : snapshot->sets[at - snapshot->timer_count].identity;
}
