/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "server/report/sections.h"

/* A figure of the ticks within the time, as a line; rates a second, or as it is. */
struct track {
    double stamps[TICKS_MAX];
    double values[3][TICKS_MAX];
    size_t count;
};

static void read_track(struct track *track, const struct report *report,
                       const enum tick_figure *figures, size_t lines, bool rate)
{
    track->count = 0;
    for (size_t i = 0; i < report->ticks->count; i++) {
        const struct tick *tick = ticks_at(report->ticks, i);
        if (tick->timestamp <= report->points.from) {
            continue;
        }
        track->stamps[track->count] = tick->timestamp;
        for (size_t line = 0; line < lines; line++) {
            double value = tick->figures[figures[line]];
            track->values[line][track->count] = rate ? value / fmax(tick->seconds, 1e-3) : value;
        }
        track->count++;
    }
}

struct track_plot {
    const char *title;
    enum unit unit;
    bool rate;
    size_t lines;
    enum tick_figure figures[3];
    const char *names[3];
};

static void put_track(struct page *page, const struct report *report, const struct track_plot *of,
                      double limit)
{
    struct track track;
    struct plot plot = {.title = of->title,
                        .unit = of->unit,
                        .from = report->points.from,
                        .to = report->points.to,
                        .stamps = track.stamps,
                        .line_count = of->lines,
                        .limit = limit};
    read_track(&track, report, of->figures, of->lines, of->rate);
    plot.count = track.count;
    for (size_t i = 0; i < of->lines; i++) {
        plot.lines[i] = (struct plot_line){of->names[i], track.values[i]};
    }
    page->form->plot(page, &plot);
}

void section_load(struct page *page, const struct report *report)
{
    static const struct track_plot received = {"Samples received", UNIT_PER_SECOND, true, 1,
                                               {TICK_RECEIVED},    {NULL}};
    static const struct track_plot lost = {"Lost, a window",
                                           UNIT_NONE,
                                           false,
                                           3,
                                           {TICK_DROPPED, TICK_REFUSED, TICK_LATE},
                                           {"dropped datagrams", "refused", "late samples"}};
    static const struct track_plot series = {"Series", UNIT_NONE, false, 1, {TICK_SERIES}, {NULL}};
    static const struct track_plot closing = {"Time a close takes", UNIT_SECONDS, false, 1,
                                              {TICK_DURATION},      {NULL}};
    if (!report->has_figures || report->ticks->count == 0) {
        return;
    }
    page->form->section(page, "Load and losses", NULL);
    page->form->plots_begin(page);
    put_track(page, report, &received, 0);
    put_track(page, report, &lost, 0);
    put_track(page, report, &series, (double)report->config->limits.max_series);
    put_track(page, report, &closing, (double)report->config->flush.interval_ms / 1000);
    page->form->plots_end(page);
}

static void put_balance_row(struct page *page, const char *what, double recent, double whole,
                            double total)
{
    page_row(page);
    page_text(page, what);
    page_count(page, recent);
    page_figure(page, whole > 0 ? recent / whole : 0, UNIT_SHARE);
    page_count(page, total);
    page_row_end(page);
}

static uint64_t sum(const uint64_t *values, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}

static void put_losses(struct page *page, const uint64_t *recent, const uint64_t *total,
                       size_t reasons, double whole, const char *of)
{
    for (size_t i = STATSD_OK + 1; i < reasons; i++) {
        if (total[i] > 0) {
            char what[96];
            snprintf(what, sizeof(what), "%s refused: %s", of, loss_reason_name((unsigned)i));
            put_balance_row(page, what, (double)recent[i], whole, (double)total[i]);
        }
    }
}

/* Received is what was stored and each loss that has a name. */
void section_balance(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"", false}, {"In the time", true}, {"Share", true}, {"Since the start", true}};
    const struct ingest_figures *now = &report->recent, *all = &report->ingest;
    if (!report->has_figures) {
        return;
    }
    double datagrams = (double)(sum(now->datagrams_received, TRANSPORTS) + now->datagrams_dropped);
    double lines = (double)sum(now->lines_received, TRANSPORTS);
    double samples = (double)ingest_samples_received(now);
    page->form->section(page, "Balance",
                        "Lines received are accepted or refused; samples received are "
                        "stored, refused or late. Losses that never were are left out.");
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    put_balance_row(page, "Datagrams that came", datagrams, datagrams,
                    (double)(sum(all->datagrams_received, TRANSPORTS) + all->datagrams_dropped));
    put_balance_row(page, "Datagrams dropped by the kernel", (double)now->datagrams_dropped,
                    datagrams, (double)all->datagrams_dropped);
    put_balance_row(page, "Lines received", lines, lines,
                    (double)sum(all->lines_received, TRANSPORTS));
    put_losses(page, now->lines_rejected, all->lines_rejected, STATSD_REASONS, lines, "Lines");
    put_balance_row(page, "Samples received", samples, samples,
                    (double)ingest_samples_received(all));
    put_balance_row(page, "Samples stored", (double)ingest_samples_stored(now), samples,
                    (double)ingest_samples_stored(all));
    put_losses(page, now->samples_rejected, all->samples_rejected, LOSS_REASONS, samples,
               "Samples");
    if (all->samples_late > 0) {
        put_balance_row(page, "Samples late", (double)now->samples_late, samples,
                        (double)all->samples_late);
    }
    page_table_end(page);
}

void section_sinks(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {{"Output", false}, {"State", false},
                                                 {"Sent", true},    {"Queue", true},
                                                 {"Errors", true},  {"Windows lost", true}};
    if (report->sink_count == 0) {
        return;
    }
    page->form->section(page, "Outputs", NULL);
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->sink_count; i++) {
        const struct report_sink *sink = &report->sinks[i];
        page_row(page);
        page_text(page, sink->name);
        page_text(page, sink->failing ? sink->reason : "ok");
        page_figure(page, (double)sink->bytes_sent, UNIT_BYTES);
        page_figure(page, (double)sink->queue_bytes, UNIT_BYTES);
        page_count(page, (double)sink->errors);
        page_count(page, (double)sink->windows_lost);
        page_row_end(page);
    }
    page_table_end(page);
}

static void put_resource(struct page *page, const char *what, double value, double bound,
                         enum unit unit)
{
    page_row(page);
    page_text(page, what);
    page_figure(page, value, unit);
    if (bound > 0) {
        page_figure(page, bound, unit);
        page_figure(page, value / bound, UNIT_SHARE);
    } else {
        page_text(page, "");
        page_text(page, "");
    }
    page_row_end(page);
}

static void put_process(struct page *page, const struct report *report)
{
    double uptime = fmax(report->uptime, 1);
    put_resource(page, "Memory of series", (double)report->flush.pool_bytes,
                 (double)report->config->limits.memory_bytes, UNIT_BYTES);
    put_resource(page, "Resident memory", (double)report->resident_bytes, 0, UNIT_BYTES);
    put_resource(page, "Processors, on average", report->cpu_seconds / uptime, report->cpus,
                 UNIT_NONE);
    put_resource(page, "Threads", (double)report->threads, 0, UNIT_NONE);
    put_resource(page, "Descriptors", (double)report->open_fds, (double)report->max_fds, UNIT_NONE);
    put_resource(page, "Series that expired", (double)report->flush.series_expired, 0, UNIT_NONE);
    put_resource(page, "Windows extended", (double)report->flush.windows_extended,
                 (double)report->flush.windows_closed, UNIT_NONE);
    put_resource(page, "Clock steps", (double)report->flush.clock_steps, 0, UNIT_NONE);
}

/* What [resources] made of the server and its host. */
static void put_resources(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"[resources]", false}, {"At the end", true}, {"At most", true}};
    if (report->resource_count == 0) {
        return;
    }
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->resource_count; i++) {
        const struct report_resource *resource = &report->resources[i];
        page_row(page);
        page_series(page, resource->name, strlen(resource->name), resource->tags,
                    strlen(resource->tags));
        page_figure(page, resource->latest, resource->unit);
        page_figure(page, resource->largest, resource->unit);
        page_row_end(page);
    }
    page_table_end(page);
}

void section_resources(struct page *page, const struct report *report)
{
    static const struct track_plot cpu = {
        "Processors in use",          UNIT_SHARE, false, 2, {TICK_CPU, TICK_WORKER},
        {"process", "busiest worker"}};
    static const struct track_plot memory = {"Memory of series", UNIT_BYTES, false, 1,
                                             {TICK_MEMORY},      {NULL}};
    static const struct page_column columns[] = {
        {"", false}, {"In use", true}, {"Bound", true}, {"Share", true}};
    if (!report->has_figures && report->disk_bytes == 0 && report->resource_count == 0) {
        return;
    }
    page->form->section(page, "Resources", NULL);
    if (report->has_figures && report->ticks->count > 0) {
        page->form->plots_begin(page);
        put_track(page, report, &cpu, 0);
        put_track(page, report, &memory, (double)report->config->limits.memory_bytes);
        page->form->plots_end(page);
    }
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    if (report->has_figures) {
        put_process(page, report);
    }
    if (report->disk_bytes > 0) {
        put_resource(page, "CSV files", (double)report->disk_bytes,
                     report->config_known ? (double)report->config->csv.max_disk_bytes : 0,
                     UNIT_BYTES);
    }
    page_table_end(page);
    put_resources(page, report);
}
