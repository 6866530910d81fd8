/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/report_tracks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"

/* The lines of each kind of row, by the names of their columns. */
static const char *const columns[CSV_KINDS][TRACK_LINES] = {
    [CSV_COUNTERS] = {"rate"},
    [CSV_GAUGES] = {"value"},
    [CSV_TIMERS] = {"rate", "mean", "p50", "p95", "p99"},
    [CSV_SETS] = {"unique"},
};

enum timer_line { LINE_RATE, LINE_MEAN, LINE_P50, LINE_P95, LINE_P99 };

struct track {
    struct track *next;
    const char *metric, *tags; /* behind the points */
    size_t metric_length, tags_length;
    enum statsd_type type;
    size_t lines;
    uint64_t windows;
    double count, sum, min, max, worst[SERIES_PERCENTILES];
    double latest, longest_gap;
    uint16_t seen[POINTS_MAX]; /* windows of each point */
    float values[];            /* lines by points: the mean so far */
};

bool tracks_init(struct tracks *tracks, struct points points, size_t bytes_max)
{
    *tracks = (struct tracks){.points = points, .bytes_max = bytes_max};
    return index_init(&tracks->index);
}

void tracks_deinit(struct tracks *tracks)
{
    while (tracks->first) {
        struct track *track = tracks->first;
        tracks->first = track->next;
        free(track);
    }
    index_deinit(&tracks->index);
}

static enum statsd_type type_of(enum csv_kind kind, const struct csv_row *row)
{
    int column = csv_row_column(row, "type");
    const char *word = column < 0 ? "ms" : row->fields[column].text;
    if (kind != CSV_TIMERS) {
        return kind == CSV_COUNTERS ? STATSD_COUNTER
               : kind == CSV_GAUGES ? STATSD_GAUGE
                                    : STATSD_SET;
    }
    return strcmp(word, "h") == 0   ? STATSD_HISTOGRAM
           : strcmp(word, "d") == 0 ? STATSD_DISTRIBUTION
                                    : STATSD_TIMER;
}

static size_t lines_of(enum csv_kind kind)
{
    size_t lines = 0;
    while (lines < TRACK_LINES && columns[kind][lines]) {
        lines++;
    }
    return lines;
}

static bool is_of(const struct track *track, enum statsd_type type, const struct csv_field *metric,
                  const struct csv_field *tags)
{
    return track->type == type && track->metric_length == metric->length &&
           track->tags_length == tags->length &&
           memcmp(track->metric, metric->text, metric->length) == 0 &&
           memcmp(track->tags, tags->text, tags->length) == 0;
}

static struct track *make(struct tracks *tracks, enum csv_kind kind, enum statsd_type type,
                          const struct csv_field *metric, const struct csv_field *tags)
{
    size_t lines = lines_of(kind), floats = lines * tracks->points.count;
    size_t bytes =
        sizeof(struct track) + floats * sizeof(float) + metric->length + tags->length + 2;
    struct track *track = malloc(bytes);
    if (!track) {
        return NULL;
    }
    *track = (struct track){.metric_length = metric->length,
                            .tags_length = tags->length,
                            .type = type,
                            .lines = lines,
                            .min = HUGE_VAL,
                            .max = -HUGE_VAL,
                            .worst = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL}};
    for (size_t i = 0; i < floats; i++) {
        track->values[i] = NAN;
    }
    char *text = (char *)(track->values + floats);
    track->metric = memcpy(text, metric->text, metric->length + 1);
    track->tags = memcpy(text + metric->length + 1, tags->text, tags->length + 1);
    tracks->bytes += bytes;
    return track;
}

/* NULL without memory, or, with *full set, where no more may be used. */
static struct track *find(struct tracks *tracks, enum csv_kind kind, const struct csv_row *row,
                          bool *full)
{
    const struct csv_field *metric = &row->fields[CSV_COLUMN_METRIC];
    const struct csv_field *tags = &row->fields[CSV_COLUMN_TAGS];
    enum statsd_type type = type_of(kind, row);
    uint64_t seed = hash_bytes(metric->text, metric->length, (uint64_t)type);
    uint32_t hash = table_hash(hash_bytes(tags->text, tags->length, seed));
    for (const struct table_slot *slot = index_first(&tracks->index, hash); slot;
         slot = index_next(&tracks->index, slot)) {
        struct track *track = index_at(&tracks->index, slot);
        if (is_of(track, type, metric, tags)) {
            return track;
        }
    }
    *full = tracks->bytes >= tracks->bytes_max;
    struct track *track = *full ? NULL : make(tracks, kind, type, metric, tags);
    if (track && !index_insert(&tracks->index, hash, track)) {
        free(track);
        return NULL;
    }
    if (track) {
        track->next = tracks->first;
        tracks->first = track;
    }
    return track;
}

static double number(const struct csv_row *row, const char *column)
{
    int at = csv_row_column(row, column);
    return at < 0 ? (double)NAN : row->numbers[at];
}

static void add_sums(struct track *track, const struct csv_row *row)
{
    static const char *const percentiles[SERIES_PERCENTILES] = {"p50", "p95", "p99"};
    double count = number(row, "count"), sum = number(row, "sum");
    track->count += isfinite(count) ? count : 0;
    track->sum += isfinite(sum) ? sum : 0;
    track->min = fmin(track->min, number(row, "min"));
    track->max = fmax(track->max, number(row, "max"));
    for (size_t i = 0; i < SERIES_PERCENTILES && track->lines == TRACK_LINES; i++) {
        track->worst[i] = fmax(track->worst[i], number(row, percentiles[i]));
    }
}

static void add_point(struct track *track, enum csv_kind kind, size_t point, size_t points,
                      const struct csv_row *row)
{
    uint16_t seen = track->seen[point];
    for (size_t line = 0; line < track->lines; line++) {
        float *mean = &track->values[line * points + point];
        double value = number(row, columns[kind][line]);
        if (isfinite(value)) {
            double before = isfinite(*mean) ? (double)*mean : 0;
            *mean = (float)(before + (value - before) / (isfinite(*mean) ? seen + 1 : 1));
        }
    }
    track->seen[point] = seen < UINT16_MAX ? (uint16_t)(seen + 1) : seen;
}

bool tracks_add(struct tracks *tracks, enum csv_kind kind, const struct csv_row *row)
{
    bool full = false;
    size_t point = points_index(&tracks->points, row->stamp);
    if (point == tracks->points.count) {
        return true;
    }
    struct track *track = find(tracks, kind, row, &full);
    if (!track) {
        tracks->left_out += full;
        return full;
    }
    if (track->windows > 0) {
        track->longest_gap = fmax(track->longest_gap, row->stamp - track->latest);
    }
    track->latest = row->stamp;
    track->windows++;
    add_sums(track, row);
    add_point(track, kind, point, tracks->points.count, row);
    return true;
}

const struct track *tracks_next(const struct tracks *tracks, const struct track *behind)
{
    return behind ? behind->next : tracks->first;
}

static double median(const float *values, size_t count)
{
    double points[POINTS_MAX];
    for (size_t i = 0; i < count; i++) {
        points[i] = (double)values[i];
    }
    return series_median(points, count);
}

static void read_line(const struct track *track, size_t line, const struct points *points,
                      enum statistic statistic, struct series *series)
{
    for (size_t i = 0; i < points->count; i++) {
        double value = (double)track->values[line * points->count + i];
        series->values[statistic][i] = value;
        series->has[statistic] = series->has[statistic] || isfinite(value);
    }
}

static void read_timer(const struct track *track, const struct points *points,
                       struct series *series)
{
    series->sum = track->sum;
    series->min = track->min;
    series->max = track->max;
    read_line(track, LINE_MEAN, points, STATISTIC_MEAN, series);
    read_line(track, LINE_P99, points, STATISTIC_P99, series);
    for (size_t i = 0; i < SERIES_PERCENTILES; i++) {
        series->typical[i] = median(track->values + (LINE_P50 + i) * points->count, points->count);
        series->worst[i] = isfinite(track->worst[i]) ? track->worst[i] : (double)NAN;
    }
}

void track_read(const struct track *track, const struct points *points, struct series *series)
{
    static const enum statistic firsts[STATSD_TYPES] = {
        [STATSD_GAUGE] = STATISTIC_VALUE, [STATSD_SET] = STATISTIC_UNIQUE};
    series_reset(series);
    series->name = track->metric;
    series->name_length = track->metric_length;
    series->tags = track->tags;
    series->tags_length = track->tags_length;
    series->type = track->type;
    series->windows = track->windows;
    series->count = track->count;
    series->longest_gap = track->longest_gap;
    read_line(track, 0, points, firsts[track->type], series);
    if (track->lines == TRACK_LINES) {
        read_timer(track, points, series);
    }
}
