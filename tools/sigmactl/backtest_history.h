/* SPDX-License-Identifier: MIT
 *
 * The server's own CSV logs through its detector, to choose a setting on one's own history: how
 * many alarms each statistic would have had, by several values of the method's knob, and which.
 *
 * A window is a stamp that any row of the folder has; a counter or timer without a row in a window
 * was silent in it. The server counts samples where a file counts them weighted by their rates, so
 * with sampled timers p99 may be judged here in windows where the server's had too few.
 */
#ifndef TOOLS_SIGMACTL_BACKTEST_HISTORY_H
#define TOOLS_SIGMACTL_BACKTEST_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/metrics/snapshot.h"
#include "tools/sigmactl/backtest_settings.h"
#include "tools/sigmactl/csv_series.h"

/* Alarms of a statistic that are kept with their reasons. */
#define HISTORY_ALARMS_MAX 1000

struct history_query {
    const char *directory;
    double from, to;       /* as in csv_reader.h */
    const char *metric;    /* a glob of names */
    const char *statistic; /* a glob of rate, value, mean, p99, unique; NULL = all */
};

struct history_tally {
    uint64_t alarms;
    uint64_t by_severity[SEVERITIES];
};

struct history_alarm {
    double stamp, value;
    enum anomaly_severity severity;
    enum anomaly_type type;
    char reason[160];
};

/* One statistic of one series, judged by every setting. */
struct history_case {
    const struct csv_series *series;
    enum statistic statistic;
    uint64_t windows; /* with a value that was judged */
    double seconds;   /* of those */
    struct history_tally tallies[SETTINGS_MAX];
    struct history_alarm *alarms; /* by the first setting, at most HISTORY_ALARMS_MAX */
    size_t alarm_count;
};

/* For a plot: a value a window of the logs, and the usual range; NaN where there is none. */
struct history_trace {
    double *values, *lower, *upper;
};

struct history {
    struct csv_series_list list;
    double *stamps; /* of windows, ascending */
    size_t stamp_count;
    struct history_case *cases;
    size_t case_count;
};

/* Reads and judges. False with the reason where the logs cannot be read, nothing matches or memory
 * runs out; backtest_history_free() is to be called in either case. */
bool history_judge(struct history *history, const struct history_query *query,
                   const struct settings *settings, char reason[CSV_READER_REASON_MAX]);
void backtest_history_free(struct history *history);

/* Judges a case once more by the first setting and writes what there was to see, history->
 * stamp_count of each. False without memory; history_trace_free() in either case. */
bool history_trace(const struct history *history, const struct history_case *judged,
                   const struct settings *settings, struct history_trace *trace);
void history_trace_free(struct history_trace *trace);

#endif
