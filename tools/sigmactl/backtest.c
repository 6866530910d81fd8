/* SPDX-License-Identifier: MIT
 *
 * sigmactl backtest: figures of the past through the server's own detector, row by row from
 * standard input for scorers, or over the server's logs to choose a setting.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/glob.h"
#include "tools/sigmactl/backtest_show.h"
#include "tools/sigmactl/backtest_stream.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/options.h"

#define ALARMS_SHOWN 20

struct backtest {
    struct settings_request request;
    struct history_query query;
    const char *plot;
    bool json;
    uint64_t alarms;
    struct options options;
};

static int fail(const char *reason)
{
    fprintf(stderr, "sigmactl backtest: %s\n", reason);
    return STATUS_FAILED;
}

static int run_stream(const struct settings *settings, const struct options *options)
{
    if (settings->count > 1) {
        return options_refuse(options, "standard input is judged by one value of --%s",
                              settings->knob);
    }
    bool sound = backtest_stream(settings->items[0].config, stdin, "standard input", stdout);
    return sound ? STATUS_OK : STATUS_FAILED;
}

static int show(const struct backtest *backtest, const struct history *history,
                const struct settings *settings)
{
    char reason[CSV_READER_REASON_MAX];
    if (backtest->plot != NULL && !history_plot(history, settings, backtest->plot, reason)) {
        return fail(reason);
    }
    if (!backtest->json) {
        history_print(history, settings, backtest->alarms);
    } else if (!history_print_json(history, settings)) {
        return fail("out of memory");
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return fail("standard output cannot be written");
    }
    return history->list.faults == 0 ? STATUS_OK : STATUS_FAILED;
}

static int run_history(const struct backtest *backtest, const struct settings *settings)
{
    char reason[CSV_READER_REASON_MAX];
    struct history history;
    int status = history_judge(&history, &backtest->query, settings, reason)
                     ? show(backtest, &history, settings)
                     : fail(reason);
    backtest_history_free(&history);
    return status;
}

/* Says what cannot go together, and patterns that are none. */
static const char *fault_of(const struct backtest *backtest)
{
    const struct history_query *query = &backtest->query;
    bool of_history = query->metric != NULL || query->statistic != NULL || backtest->plot != NULL ||
                      backtest->json;
    if (query->directory == NULL && of_history) {
        return "--metric, --statistic, --plot and --json go with --csv";
    }
    if (query->metric != NULL && glob_fault(query->metric) != NULL) {
        return "--metric is no pattern";
    }
    return NULL;
}

/* Whether the pattern takes a statistic that the server judges. */
static bool is_statistic(const char *pattern)
{
    for (unsigned i = 0; i < STATISTICS; i++) {
        const char *name = statistic_name((enum statistic)i);
        if (glob_match(pattern, name, strlen(name))) {
            return true;
        }
    }
    return false;
}

static int run(struct backtest *backtest)
{
    struct settings settings;
    const char *fault = fault_of(backtest);
    const char *statistic = backtest->query.statistic;
    if (fault != NULL) {
        return options_refuse(&backtest->options, "%s", fault);
    }
    if (statistic != NULL && (glob_fault(statistic) != NULL || !is_statistic(statistic))) {
        return options_refuse(&backtest->options,
                              "--statistic %s is none of rate, value, mean, p99, unique",
                              statistic);
    }
    int status = STATUS_USAGE;
    if (settings_load(&settings, &backtest->request)) {
        status = backtest->query.directory != NULL ? run_history(backtest, &settings)
                                                   : run_stream(&settings, &backtest->options);
    }
    settings_free(&settings);
    return status;
}

int command_backtest(int argc, char **argv)
{
    struct backtest backtest = {.query = {.from = -HUGE_VAL, .to = HUGE_VAL},
                                .alarms = ALARMS_SHOWN};
    struct settings_request *request = &backtest.request;
    struct history_query *query = &backtest.query;
    const struct option_entry entries[] = {
        {"method", "M", "sigma or auto (default: of the configuration)", OPTION_TEXT,
         &request->method, 0, 0},
        {"sensitivity", "N[,N]...", "of auto: false alarms to expect of a statistic in a month",
         OPTION_TEXT, &request->sensitivity, 0, 0},
        {"sigma", "N[,N]...", "of sigma: deviations beyond which a value is an anomaly",
         OPTION_TEXT, &request->sigma, 0, 0},
        {"history", "N", "as [anomaly] history", OPTION_TEXT, &request->history, 0, 0},
        {"warmup", "N", "as [anomaly] warmup", OPTION_TEXT, &request->warmup, 0, 0},
        {"min-change", "P", "as [anomaly] min_change", OPTION_TEXT, &request->min_change, 0, 0},
        {"hold-off", "T", "as [anomaly] hold_off", OPTION_TEXT, &request->hold_off, 0, 0},
        {"config", "FILE", "[anomaly] of this file (default: its defaults)", OPTION_TEXT,
         &request->config, 0, 0},
        {"csv", "DIR", "the folder of the server's logs, in place of standard input", OPTION_TEXT,
         &query->directory, 0, 0},
        {"metric", "GLOB", "series of these names (default: all)", OPTION_TEXT, &query->metric, 0,
         0},
        {"statistic", "GLOB", "rate, value, mean, p99 or unique (default: all)", OPTION_TEXT,
         &query->statistic, 0, 0},
        {"from", "TIME", "windows from then on: 2026-11-28T07:00:00Z, Unix seconds, -1d",
         OPTION_STAMP, &query->from, 0, 0},
        {"to", "TIME", "and up to then", OPTION_STAMP, &query->to, 0, 0},
        {"alarms", "N", "alarms listed of a statistic (default 20)", OPTION_COUNT, &backtest.alarms,
         0, HISTORY_ALARMS_MAX},
        {"plot", "FILE", "draw value, usual range and alarms: .svg of one, .html of several",
         OPTION_TEXT, &backtest.plot, 0, 0},
        {"json", NULL, "print JSON", OPTION_FLAG, &backtest.json, 0, 0},
    };
    backtest.options = (struct options){
        .command = "backtest",
        .operands = "[< CSV]",
        .summary =
            "Judges figures of the past as the server would have. Standard input is CSV\n"
            "timestamp,value (Unix seconds or YYYY-MM-DD HH:MM:SS); each row comes back with an\n"
            "anomaly_score and a severity where an anomaly starts. A score of 0.5 or more is an\n"
            "alarm. With --csv the server's own logs are judged, by every value of the method's\n"
            "knob, and the alarms of the first are listed.",
        .example = "sigmactl backtest --method auto < latency.csv\n"
                   "sigmactl backtest --csv data --method auto --metric 'api.*' --sensitivity "
                   "5,20,80",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    return options_parse_only(&backtest.options, argc, argv, &status) ? run(&backtest) : status;
}
