/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/backtest_history.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/clock.h"
#include "tools/sigmactl/backtest_judge.h"
#include "tools/sigmactl/progress.h"

/* As in the server, which judges a p99 from so many samples on. */
#define P99_SAMPLES_MIN 20

static const char no_memory[] = "out of memory";

static bool fail(char *reason, const char *text)
{
    snprintf(reason, CSV_READER_REASON_MAX, "%s", text);
    return false;
}

static int compare_stamps(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool add_stamp(struct history *history, size_t *capacity, double stamp)
{
    if (history->stamp_count > 0 && history->stamps[history->stamp_count - 1] == stamp) {
        return true;
    }
    if (history->stamp_count == *capacity) {
        size_t larger = *capacity * 2 + 1024;
        double *stamps = larger <= CSV_SERIES_VALUES_MAX
                             ? realloc(history->stamps, larger * sizeof(double))
                             : NULL;
        if (stamps == NULL) {
            return false;
        }
        history->stamps = stamps;
        *capacity = larger;
    }
    history->stamps[history->stamp_count++] = stamp;
    return true;
}

/* Sorts the stamps and takes repeats out. */
static void order_stamps(struct history *history)
{
    size_t kept = 0;
    qsort(history->stamps, history->stamp_count, sizeof(double), compare_stamps);
    for (size_t i = 0; i < history->stamp_count; i++) {
        if (kept == 0 || history->stamps[kept - 1] != history->stamps[i]) {
            history->stamps[kept++] = history->stamps[i];
        }
    }
    history->stamp_count = kept;
}

/* The windows that the logs know: rows of any series tell of them. */
static bool read_windows(struct history *history, const struct history_query *query,
                         char reason[CSV_READER_REASON_MAX])
{
    static const enum csv_kind kinds[] = {CSV_COUNTERS, CSV_GAUGES, CSV_TIMERS, CSV_SETS};
    size_t capacity = 0;
    bool room = true;
    for (size_t i = 0; room && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct csv_reader_query rows = {query->directory, kinds[i], query->from, query->to, NULL};
        struct csv_reader *reader = csv_reader_new(&rows, reason);
        if (reader == NULL) {
            return false;
        }
        for (const struct csv_row *row; room && (row = csv_reader_next(reader)) != NULL;) {
            room = add_stamp(history, &capacity, row->stamp);
        }
        csv_reader_free(reader);
    }
    if (!room) {
        return fail(reason, no_memory);
    }
    if (history->stamp_count > 0) {
        order_stamps(history);
    }
    return true;
}

/* What the server judges of a kind of file. */
static size_t statistics_of(enum csv_kind kind, enum statistic out[3])
{
    switch (kind) {
    case CSV_COUNTERS:
        out[0] = STATISTIC_RATE;
        return 1;
    case CSV_GAUGES:
        out[0] = STATISTIC_VALUE;
        return 1;
    case CSV_TIMERS:
        out[0] = STATISTIC_MEAN;
        out[1] = STATISTIC_P99;
        out[2] = STATISTIC_RATE;
        return 3;
    default:
        out[0] = STATISTIC_UNIQUE;
        return 1;
    }
}

static enum statsd_type type_of(const struct csv_series *series)
{
    switch (series->kind) {
    case CSV_COUNTERS:
        return STATSD_COUNTER;
    case CSV_GAUGES:
        return STATSD_GAUGE;
    case CSV_TIMERS:
        return strcmp(series->type, "h") == 0   ? STATSD_HISTOGRAM
               : strcmp(series->type, "d") == 0 ? STATSD_DISTRIBUTION
                                                : STATSD_TIMER;
    default:
        return STATSD_SET;
    }
}

/* One statistic of a series, row by row. */
struct figures {
    const struct csv_series *series;
    const double *values;
    const double *counts; /* NULL where the file has none */
    enum statistic statistic;
};

static bool figures_init(struct figures *figures, const struct csv_series *series,
                         enum statistic statistic)
{
    const struct csv_statistic *values = csv_series_statistic(series, statistic_name(statistic));
    const struct csv_statistic *counts = csv_series_statistic(series, "count");
    *figures = (struct figures){series, values ? values->values : NULL,
                                counts ? counts->values : NULL, statistic};
    return values != NULL;
}

/* NaN where the server would not judge the row. */
static double value_at(const struct figures *figures, size_t row)
{
    bool few = figures->statistic == STATISTIC_P99 && figures->counts != NULL &&
               figures->counts[row] < P99_SAMPLES_MIN;
    return few ? (double)NAN : figures->values[row];
}

/* √count a window, as a rate. */
static double floor_at(const struct figures *figures, size_t row)
{
    double count = figures->counts != NULL ? fabs(figures->counts[row]) : 0;
    bool is_rate = figures->statistic == STATISTIC_RATE && count > 0;
    return is_rate ? fabs(figures->values[row]) / sqrt(count) : 0;
}

/* What becomes of each window; `value` is NaN in an idle one. */
typedef void take_window(void *context, size_t window, double value,
                         const struct judgement *judgement);

/* Goes through the windows from the first row of the series on. */
static bool judge_all(const struct history *history, const struct figures *figures,
                      const struct config *config, take_window *take, void *context,
                      struct judge *judge)
{
    const struct csv_series *series = figures->series;
    size_t row = 0;
    bool made = judge_init(judge, config, type_of(series), series->metric, figures->statistic);
    for (size_t i = 0; made && i < history->stamp_count; i++) {
        double stamp = history->stamps[i];
        while (row < series->count && series->stamps[row] < stamp) {
            row++; /* Out of order, since the clock was set back. */
        }
        bool here = row < series->count && series->stamps[row] == stamp;
        if (row == 0 && !here) {
            continue;
        }
        double value = here ? value_at(figures, row) : (double)NAN;
        struct judgement judgement = isnan(value)
                                         ? judge_take_nothing(judge, stamp, !here)
                                         : judge_take(judge, stamp, value, floor_at(figures, row));
        take(context, i, value, &judgement);
        row += here;
    }
    judge_deinit(judge);
    return made;
}

struct tallying {
    struct history *history;
    struct history_case *judged;
    size_t setting;
};

static void keep_alarm(struct history_case *judged, const struct anomaly_row *row)
{
    size_t count = judged->alarm_count;
    if (count == HISTORY_ALARMS_MAX) {
        return;
    }
    if ((count & (count - 1)) == 0) {
        size_t capacity = count == 0 ? 1 : count * 2;
        struct history_alarm *larger = realloc(judged->alarms, capacity * sizeof(*larger));
        if (larger == NULL) {
            return;
        }
        judged->alarms = larger;
    }
    struct history_alarm *alarm = &judged->alarms[judged->alarm_count++];
    *alarm = (struct history_alarm){row->since, row->value, row->severity, row->type, ""};
    memcpy(alarm->reason, row->reason, sizeof(alarm->reason));
}

static void tally_window(void *context, size_t window, double value,
                         const struct judgement *judgement)
{
    const struct tallying *tallying = context;
    struct history_tally *tally = &tallying->judged->tallies[tallying->setting];
    (void)window;
    tallying->judged->windows += tallying->setting == 0 && !isnan(value);
    if (judgement->start == NULL) {
        return;
    }
    tally->alarms++;
    tally->by_severity[judgement->start->severity]++;
    if (tallying->setting == 0) {
        keep_alarm(tallying->judged, judgement->start);
    }
}

static bool judge_case(struct history *history, struct history_case *judged,
                       const struct figures *figures, const struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct judge judge;
        struct tallying tallying = {history, judged, i};
        if (!judge_all(history, figures, settings->items[i].config, tally_window, &tallying,
                       &judge)) {
            return false;
        }
        judged->seconds = judge.judged_seconds;
    }
    return true;
}

static bool add_cases(struct history *history, const struct csv_series *series,
                      const struct history_query *query, const struct settings *settings)
{
    enum statistic statistics[3];
    size_t count = statistics_of(series->kind, statistics);
    for (size_t i = 0; i < count; i++) {
        struct figures figures;
        bool wanted = query->statistic == NULL ||
                      fnmatch(query->statistic, statistic_name(statistics[i]), 0) == 0;
        if (!wanted || !figures_init(&figures, series, statistics[i])) {
            continue;
        }
        struct history_case *judged = &history->cases[history->case_count++];
        *judged = (struct history_case){.series = series, .statistic = statistics[i]};
        if (!judge_case(history, judged, &figures, settings)) {
            return false;
        }
    }
    return true;
}

/* False without memory. */
static bool judge_series(struct history *history, const struct history_query *query,
                         const struct settings *settings)
{
    struct progress progress;
    bool room = true;
    progress_start(&progress);
    for (size_t i = 0; room && i < history->list.count; i++) {
        room = add_cases(history, history->list.items[i], query, settings);
        if (progress_is_due(&progress, clock_monotonic_ns(&clock_system))) {
            progress_show("%zu of %zu series judged", i + 1, history->list.count);
        }
    }
    progress_stop(&progress);
    return room;
}

bool history_judge(struct history *history, const struct history_query *query,
                   const struct settings *settings, char reason[CSV_READER_REASON_MAX])
{
    struct csv_series_query series = {.directory = query->directory,
                                      .kinds = CSV_SERIES_KINDS,
                                      .from = query->from,
                                      .to = query->to,
                                      .metric = query->metric};
    *history = (struct history){0};
    if (!csv_series_collect(&history->list, &series, reason) ||
        !read_windows(history, query, reason)) {
        return false;
    }
    history->cases = calloc(3 * history->list.count + 1, sizeof(*history->cases));
    if (history->cases == NULL || !judge_series(history, query, settings)) {
        return fail(reason, no_memory);
    }
    return history->case_count > 0 || fail(reason, "no series matches");
}

void backtest_history_free(struct history *history)
{
    for (size_t i = 0; i < history->case_count; i++) {
        free(history->cases[i].alarms);
    }
    free(history->cases);
    free(history->stamps);
    csv_series_deinit(&history->list);
}

static void trace_window(void *context, size_t window, double value,
                         const struct judgement *judgement)
{
    const struct history_trace *trace = context;
    trace->values[window] = value;
    trace->lower[window] = judgement->reading.lower;
    trace->upper[window] = judgement->reading.upper;
}

bool history_trace(const struct history *history, const struct history_case *judged,
                   const struct settings *settings, struct history_trace *trace)
{
    struct figures figures;
    struct judge judge;
    size_t bytes = history->stamp_count * sizeof(double);
    *trace = (struct history_trace){malloc(bytes), malloc(bytes), malloc(bytes)};
    if (trace->values == NULL || trace->lower == NULL || trace->upper == NULL) {
        return false;
    }
    for (size_t i = 0; i < history->stamp_count; i++) {
        trace->values[i] = trace->lower[i] = trace->upper[i] = (double)NAN;
    }
    return figures_init(&figures, judged->series, judged->statistic) &&
           judge_all(history, &figures, settings->items[0].config, trace_window, trace, &judge);
}

void history_trace_free(struct history_trace *trace)
{
    free(trace->values);
    free(trace->lower);
    free(trace->upper);
}
