/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/backtest_show.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/sigmactl/columns.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/stamp.h"

#define MONTH_SECONDS (30 * 86400.0)

static double a_month(const struct history_case *judged, size_t setting)
{
    double months = judged->seconds / MONTH_SECONDS;
    return months > 0 ? (double)judged->tallies[setting].alarms / months : 0;
}

static void add_format(struct columns *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_format(struct columns *table, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    columns_add(table, text);
}

static void add_case(struct columns *table, const struct history_case *judged,
                     const struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct history_tally *tally = &judged->tallies[i];
        columns_add(table, judged->series->metric);
        columns_add(table, judged->series->tags);
        columns_add(table, statistic_name(judged->statistic));
        add_format(table, "%" PRIu64, judged->windows);
        columns_add(table, settings->items[i].value);
        add_format(table, "%" PRIu64, tally->alarms);
        add_format(table, "%.1f", a_month(judged, i));
        add_format(table, "%" PRIu64, tally->by_severity[SEVERITY_CRITICAL]);
        add_format(table, "%" PRIu64, tally->by_severity[SEVERITY_WARNING]);
    }
}

static void print_table(const struct history *history, const struct settings *settings)
{
    static const char *const heading[] = {"metric", "tags",    "statistic", "windows", NULL,
                                          "alarms", "a month", "critical",  "warning"};
    struct columns table = {.columns = 9};
    for (size_t i = 0; i < table.columns; i++) {
        table.numeric[i] = i >= 3;
        columns_add(&table, heading[i] != NULL ? heading[i] : settings->knob);
    }
    for (size_t i = 0; i < history->case_count; i++) {
        add_case(&table, &history->cases[i], settings);
    }
    columns_print(&table, columns_terminal_width(), stdout);
    columns_deinit(&table);
}

/* Names are shown as columns.h shows them: what senders choose must not steer a terminal. */
static void print_name(const char *text)
{
    for (; *text != '\0'; text++) {
        putchar((unsigned char)*text < 32 || *text == 127 ? '?' : *text);
    }
}

static void print_alarms(const struct history_case *judged, uint64_t alarms_max)
{
    for (size_t i = 0; i < judged->alarm_count && i < alarms_max; i++) {
        const struct history_alarm *alarm = &judged->alarms[i];
        char stamp[STAMP_TEXT_MAX];
        stamp_format(stamp, alarm->stamp);
        printf("%s  %-8s  ", stamp, anomaly_severity_name(alarm->severity));
        print_name(judged->series->metric);
        if (judged->series->tags[0] != '\0') {
            putchar(' ');
            print_name(judged->series->tags);
        }
        printf("  %s\n", alarm->reason);
    }
    uint64_t shown = judged->alarm_count < alarms_max ? judged->alarm_count : alarms_max;
    if (judged->tallies[0].alarms > shown) {
        printf("and %" PRIu64 " more of ", judged->tallies[0].alarms - shown);
        print_name(judged->series->metric);
        printf(" (--alarms)\n");
    }
}

static void print_sums(const struct history *history, const struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct history_tally sum = {0};
        double months = 0;
        for (size_t k = 0; k < history->case_count; k++) {
            const struct history_case *judged = &history->cases[k];
            sum.alarms += judged->tallies[i].alarms;
            sum.by_severity[SEVERITY_CRITICAL] += judged->tallies[i].by_severity[SEVERITY_CRITICAL];
            months += judged->seconds / MONTH_SECONDS;
        }
        printf("%s %s: %" PRIu64 " alarms, %" PRIu64 " of them critical, of %zu statistics: "
               "%.1f a statistic a month\n",
               settings->knob, settings->items[i].value, sum.alarms,
               sum.by_severity[SEVERITY_CRITICAL], history->case_count,
               months > 0 ? (double)sum.alarms / months : 0);
    }
}

void history_print(const struct history *history, const struct settings *settings,
                   uint64_t alarms_max)
{
    print_table(history, settings);
    if (alarms_max > 0) {
        printf("\nalarms with %s %s:\n", settings->knob, settings->items[0].value);
        for (size_t i = 0; i < history->case_count; i++) {
            print_alarms(&history->cases[i], alarms_max);
        }
    }
    putchar('\n');
    print_sums(history, settings);
}

static json_t *json_of_results(const struct history_case *judged, const struct settings *settings)
{
    json_t *results = json_array();
    for (size_t i = 0; i < settings->count; i++) {
        const struct history_tally *tally = &judged->tallies[i];
        json_array_append_new(
            results,
            json_pack("{s:s, s:I, s:f, s:I, s:I}", settings->knob, settings->items[i].value,
                      "alarms", (json_int_t)tally->alarms, "a_month", a_month(judged, i),
                      "critical", (json_int_t)tally->by_severity[SEVERITY_CRITICAL], "warning",
                      (json_int_t)tally->by_severity[SEVERITY_WARNING]));
    }
    return results;
}

static json_t *json_of_alarms(const struct history_case *judged)
{
    json_t *alarms = json_array();
    for (size_t i = 0; i < judged->alarm_count; i++) {
        const struct history_alarm *alarm = &judged->alarms[i];
        json_array_append_new(alarms,
                              json_pack("{s:f, s:s, s:s, s:f, s:s}", "timestamp", alarm->stamp,
                                        "severity", anomaly_severity_name(alarm->severity), "type",
                                        anomaly_type_name(alarm->type), "value", alarm->value,
                                        "reason", alarm->reason));
    }
    return alarms;
}

bool history_print_json(const struct history *history, const struct settings *settings)
{
    json_t *statistics = json_array();
    for (size_t i = 0; i < history->case_count; i++) {
        const struct history_case *judged = &history->cases[i];
        json_array_append_new(
            statistics,
            json_pack("{s:s, s:s, s:s, s:I, s:f, s:o, s:o}", "metric", judged->series->metric,
                      "tags", judged->series->tags, "statistic", statistic_name(judged->statistic),
                      "windows", (json_int_t)judged->windows, "seconds", judged->seconds, "results",
                      json_of_results(judged, settings), "alarms", json_of_alarms(judged)));
    }
    bool whole = json_array_size(statistics) == history->case_count;
    json_t *all = json_pack("{s:s, s:o}", "knob", settings->knob, "statistics", statistics);
    struct buffer out = {0};
    json_print(&out, all, 0);
    whole = whole && all != NULL && !out.failed;
    if (whole) {
        fwrite(out.bytes, 1, out.length, stdout);
        putchar('\n');
    }
    buffer_deinit(&out);
    json_decref(all);
    return whole;
}
