/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/report_csv.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/core/clock.h"
#include "server/report/gather.h"
#include "tools/sigmactl/csv_reader.h"
#include "tools/sigmactl/progress.h"
#include "tools/sigmactl/report_tracks.h"

static const enum csv_kind kinds[] = {CSV_COUNTERS, CSV_GAUGES, CSV_TIMERS, CSV_SETS};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Distances between stamps that are looked at for the length of a window. */
#define GAPS_MAX 4096

/* The time of the rows, and how far apart their stamps are. */
struct extent {
    double from, to, latest;
    double gaps[GAPS_MAX];
    size_t gap_count;
    uint64_t windows; /* of the kind in hand */
    uint64_t rows;
    struct progress *progress;
};

static void show(struct extent *span)
{
    span->rows++;
    if (span->rows % 65536 == 0 &&
        progress_is_due(span->progress, clock_monotonic_ns(&clock_system))) {
        progress_show("%llu rows", (unsigned long long)span->rows);
    }
}

static struct csv_reader *open_rows(const struct report_csv *options, enum csv_kind kind,
                                    char reason[REPORT_CSV_REASON_MAX])
{
    struct csv_reader_query query = {
        .directory = options->directory, .kind = kind, .from = options->from, .to = options->to};
    return csv_reader_new(&query, reason);
}

static bool read_span(const struct report_csv *options, struct extent *span,
                      char reason[REPORT_CSV_REASON_MAX])
{
    const struct csv_row *row;
    for (size_t i = 0; i < KINDS; i++) {
        struct csv_reader *reader = open_rows(options, kinds[i], reason);
        uint64_t windows = 0;
        span->latest = -HUGE_VAL;
        if (!reader) {
            return false;
        }
        while ((row = csv_reader_next(reader))) {
            show(span);
            if (row->stamp > span->latest) {
                if (isfinite(span->latest) && span->gap_count < GAPS_MAX) {
                    span->gaps[span->gap_count++] = row->stamp - span->latest;
                }
                windows++;
                span->latest = row->stamp;
            }
            span->from = fmin(span->from, row->stamp);
            span->to = fmax(span->to, row->stamp);
        }
        span->windows = windows > span->windows ? windows : span->windows;
        csv_reader_free(reader);
    }
    return true;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The median distance, to the millisecond; that of the configuration where there is none. */
static double interval_of(struct extent *span, const struct config *config)
{
    if (span->gap_count == 0) {
        return (double)config->flush.interval_ms / 1000;
    }
    qsort(span->gaps, span->gap_count, sizeof(span->gaps[0]), by_size);
    return fmax(1, round(span->gaps[span->gap_count / 2] * 1000)) / 1000;
}

static bool read_series(const struct report_csv *options, struct tracks *tracks,
                        struct extent *span, char reason[REPORT_CSV_REASON_MAX])
{
    const struct csv_row *row;
    bool whole = true;
    for (size_t i = 0; whole && i < KINDS; i++) {
        struct csv_reader *reader = open_rows(options, kinds[i], reason);
        if (!reader) {
            return false;
        }
        while (whole && (row = csv_reader_next(reader))) {
            show(span);
            whole = tracks_add(tracks, kinds[i], row);
        }
        csv_reader_free(reader);
    }
    snprintf(reason, REPORT_CSV_REASON_MAX, "out of memory");
    return whole;
}

static int find_word(const char *text, const char *(*name)(int), int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(text, name(i)) == 0) {
            return i;
        }
    }
    return 0;
}

static const char *name_of_statistic(int i)
{
    return statistic_name((enum statistic)i);
}

static const char *name_of_type(int i)
{
    return anomaly_type_name((enum anomaly_type)i);
}

static const char *name_of_severity(int i)
{
    return anomaly_severity_name((enum anomaly_severity)i);
}

static const struct csv_field *field(const struct csv_row *row, const char *column)
{
    static char empty[1];
    static const struct csv_field none = {empty, 0};
    int at = csv_row_column(row, column);
    return at < 0 ? &none : &row->fields[at];
}

static void take_anomaly(struct report *report, const struct csv_row *row)
{
    struct report_anomaly anomaly = {
        .metric = row->fields[CSV_COLUMN_METRIC].text,
        .tags = row->fields[CSV_COLUMN_TAGS].text,
        .reason = field(row, "reason")->text,
        .from = row->stamp,
        .statistic =
            (enum statistic)find_word(field(row, "statistic")->text, name_of_statistic, STATISTICS),
        .type = (enum anomaly_type)find_word(field(row, "type")->text, name_of_type, ANOMALY_TYPES),
        .severity = (enum anomaly_severity)find_word(field(row, "severity")->text, name_of_severity,
                                                     SEVERITIES),
    };
    if (strcmp(field(row, "state")->text, "end") == 0) {
        report_end_anomaly(report, &anomaly);
    } else {
        report_add_anomaly(report, &anomaly);
    }
}

static const char *name_of_state(int i)
{
    return alert_state_name((enum alert_state)i);
}

static void take_alert(struct report *report, const struct csv_row *row)
{
    struct report_alert alert = {
        .name = field(row, "alert")->text,
        .metric = row->fields[CSV_COLUMN_METRIC].text,
        .tags = row->fields[CSV_COLUMN_TAGS].text,
        .reason = field(row, "reason")->text,
        .state =
            (enum alert_state)find_word(field(row, "state")->text, name_of_state, ALERT_STATES),
        .since = row->stamp,
        .severity = (enum anomaly_severity)find_word(field(row, "severity")->text, name_of_severity,
                                                     SEVERITIES),
    };
    report_add_alert(report, &alert);
}

static bool read_events(const struct report_csv *options, enum csv_kind kind,
                        void (*take)(struct report *, const struct csv_row *),
                        struct report *report, char reason[REPORT_CSV_REASON_MAX])
{
    struct csv_reader *reader = open_rows(options, kind, reason);
    const struct csv_row *row;
    if (!reader) {
        return false;
    }
    while ((row = csv_reader_next(reader))) {
        take(report, row);
    }
    csv_reader_free(reader);
    return true;
}

static uint64_t count_disk(const char *directory)
{
    DIR *folder = opendir(directory);
    uint64_t bytes = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat status;
        if (strstr(entry->d_name, ".csv") &&
            fstatat(dirfd(folder), entry->d_name, &status, 0) == 0) {
            bytes += (uint64_t)status.st_size;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return bytes;
}

static void gather(const struct tracks *tracks, struct report *report)
{
    struct series *series = malloc(sizeof(*series));
    const struct track *track = NULL;
    if (!series) {
        report->failed = true;
        return;
    }
    while ((track = tracks_next(tracks, track))) {
        track_read(track, &report->points, series);
        gather_series(report, series);
    }
    gather_end(report);
    report->series_left_out = tracks->left_out;
    free(series);
}

static void describe(const struct report_csv *options, const struct extent *span,
                     struct report *report)
{
    report->source = REPORT_OF_FILES;
    report->config_known = options->config_known;
    report->has_history = span->windows > 1;
    report->windows = span->windows;
    report->made = (double)clock_wall_ns(&clock_system) / 1e9;
    report->disk_bytes = count_disk(options->directory);
    snprintf(report->origin, sizeof(report->origin), "%s", options->directory);
}

static bool read_rows(const struct report_csv *options, struct extent *span, struct report *report,
                      char reason[REPORT_CSV_REASON_MAX])
{
    struct tracks tracks;
    if (!tracks_init(&tracks, report->points, REPORT_CSV_BYTES_MAX)) {
        snprintf(reason, REPORT_CSV_REASON_MAX, "out of memory");
        return false;
    }
    bool read = read_series(options, &tracks, span, reason);
    if (read) {
        gather(&tracks, report);
    }
    tracks_deinit(&tracks);
    return read && read_events(options, CSV_ANOMALIES, take_anomaly, report, reason) &&
           read_events(options, CSV_ALERTS, take_alert, report, reason);
}

bool report_csv_read(const struct report_csv *options, struct report *report,
                     char reason[REPORT_CSV_REASON_MAX])
{
    struct progress progress;
    struct extent span = {.from = HUGE_VAL, .to = -HUGE_VAL, .progress = &progress};
    progress_start(&progress);
    bool read = read_span(options, &span, reason);
    if (read && span.rows == 0) {
        snprintf(reason, REPORT_CSV_REASON_MAX, "%s: no row of any series in that time",
                 options->directory);
        read = false;
    }
    if (read) {
        double interval = interval_of(&span, options->config);
        report_init(report, options->config, points_of(span.from - interval, span.to, interval),
                    interval);
        describe(options, &span, report);
        read = read_rows(options, &span, report, reason);
        if (!read) {
            report_deinit(report);
        }
    }
    progress_stop(&progress);
    return read;
}
