/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/report/plot.h"
#include "tools/sigmactl/backtest_show.h"

#define PLOT_WIDTH 960
#define PLOT_HEIGHT 260

/* Windows without a stamp: a gap of so many times the mean length of a window. */
#define GAP_WINDOWS 5

static enum unit unit_of(const struct history_case *judged)
{
    if (judged->statistic == STATISTIC_RATE) {
        return UNIT_PER_SECOND;
    }
    return strcmp(judged->series->type, "ms") == 0 ? UNIT_MS : UNIT_NONE;
}

static void put_plot(struct buffer *out, const struct history *history,
                     const struct history_case *judged, const struct history_trace *trace,
                     const struct plot_mark *marks, bool document)
{
    char title[256];
    snprintf(title, sizeof(title), "%s of %s %s", statistic_name(judged->statistic),
             judged->series->metric, judged->series->tags);
    double from = history->stamps[0];
    double to = history->stamps[history->stamp_count - 1];
    struct plot plot = {
        .title = title,
        .unit = unit_of(judged),
        .from = from,
        .to = to,
        .stamps = history->stamps,
        .count = history->stamp_count,
        .lines = {{statistic_name(judged->statistic), trace->values}},
        .line_count = 1,
        .band = {"usual", trace->lower, trace->upper},
        .marks = marks,
        .mark_count = judged->alarm_count,
        .break_after = GAP_WINDOWS * (to - from) / (double)history->stamp_count,
        .fits = true,
        .width = PLOT_WIDTH,
        .height = PLOT_HEIGHT,
    };
    if (document) {
        plot_put_document(out, &plot);
    } else {
        plot_put(out, &plot);
    }
}

static bool put_case(struct buffer *out, const struct history *history,
                     const struct history_case *judged, const struct settings *settings,
                     bool document)
{
    struct history_trace trace;
    struct plot_mark *marks = calloc(judged->alarm_count + 1, sizeof(*marks));
    bool done = history_trace(history, judged, settings, &trace) && marks != NULL;
    for (size_t i = 0; done && i < judged->alarm_count; i++) {
        const struct history_alarm *alarm = &judged->alarms[i];
        marks[i] = (struct plot_mark){alarm->stamp, alarm->severity, alarm->reason};
    }
    if (done) {
        put_plot(out, history, judged, &trace, marks, document);
    }
    history_trace_free(&trace);
    free(marks);
    return done && !out->failed;
}

static bool put_page(struct buffer *out, const struct history *history,
                     const struct settings *settings)
{
    buffer_append_text(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                            "<title>backtest</title>\n<style>");
    plot_style(out);
    buffer_append_text(out, "</style></head>\n<body>\n");
    for (size_t i = 0; i < history->case_count; i++) {
        const struct history_case *judged = &history->cases[i];
        buffer_append_format(out, "<h2>%s of ", statistic_name(judged->statistic));
        words_put_html(out, judged->series->metric, strlen(judged->series->metric));
        buffer_append_text(out, " ");
        words_put_html(out, judged->series->tags, strlen(judged->series->tags));
        buffer_append_format(out, "</h2>\n<p>%s %s</p>\n", settings->knob,
                             settings->items[0].value);
        if (!put_case(out, history, judged, settings, false)) {
            return false;
        }
    }
    buffer_append_text(out, "</body></html>\n");
    return !out->failed;
}

static bool write_file(const char *path, const struct buffer *text, char *reason)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fwrite(text->bytes, 1, text->length, file) == text->length;
    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    if (!written) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s: %s", path, strerror(errno));
    }
    return written;
}

bool history_plot(const struct history *history, const struct settings *settings, const char *path,
                  char reason[CSV_READER_REASON_MAX])
{
    size_t length = strlen(path);
    bool page = length > 5 && strcmp(path + length - 5, ".html") == 0;
    size_t most = page ? HISTORY_PLOTS_MAX : 1;
    struct buffer out = {0};
    if (history->case_count > most || history->stamp_count < 2) {
        snprintf(reason, CSV_READER_REASON_MAX,
                 history->stamp_count < 2
                     ? "--plot needs two windows at least"
                     : "--plot draws %zu at most here, and %zu match: narrow --metric or "
                       "--statistic%s",
                 most, history->case_count, page ? "" : ", or name a file .html");
        return false;
    }
    bool put = page ? put_page(&out, history, settings)
                    : put_case(&out, history, &history->cases[0], settings, true);
    if (!put) {
        snprintf(reason, CSV_READER_REASON_MAX, "out of memory");
    }
    bool written = put && write_file(path, &out, reason);
    buffer_deinit(&out);
    return written;
}
