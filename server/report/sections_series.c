/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "server/report/gather.h"
#include "server/report/sections.h"

/* So many of the series that changed have a plot of their own. */
#define PLOTS 4

/* Marks of a plot at most. */
#define MARKS 24

static void put_series(struct page *page, const struct series *series)
{
    page_series(page, series->name, series->name_length, series->tags, series->tags_length);
}

static bool is_of(const struct report_anomaly *anomaly, const struct series *series)
{
    return anomaly->statistic == series->changed && strcmp(anomaly->metric, series->name) == 0 &&
           strcmp(anomaly->tags, series->tags) == 0;
}

static size_t find_marks(const struct report *report, const struct series *series,
                         struct plot_mark marks[MARKS])
{
    size_t count = 0;
    for (size_t i = 0; i < report->anomaly_count && count < MARKS; i++) {
        const struct report_anomaly *anomaly = &report->anomalies[i];
        if (is_of(anomaly, series) && anomaly->from > report->points.from) {
            marks[count++] = (struct plot_mark){anomaly->from, anomaly->severity, anomaly->reason};
        }
    }
    return count;
}

/* Shaded where the level is another one; the marks are anomalies of the same statistic. */
static void plot_change(struct page *page, const struct report *report, const struct series *series)
{
    char title[320];
    struct plot_mark marks[MARKS];
    const struct change *change = &series->change;
    const struct points *points = &report->points;
    struct plot_span span = {points_stamp(points, change->from) - points_step(points),
                             points_stamp(points, change->to)};
    snprintf(title, sizeof(title), "%s of %.*s%s%.*s", statistic_name(series->changed),
             (int)fmin(120, (double)series->name_length), series->name,
             series->tags_length > 0 ? " " : "", (int)fmin(120, (double)series->tags_length),
             series->tags);
    struct plot plot = {.title = title,
                        .unit = series_unit(series, series->changed),
                        .from = points->from,
                        .to = points->to,
                        .stamps = report->stamps,
                        .count = points->count,
                        .lines = {{NULL, series->values[series->changed]}},
                        .line_count = 1,
                        .marks = marks,
                        .mark_count = find_marks(report, series, marks),
                        .spans = &span,
                        .span_count = 1};
    page->form->plot(page, &plot);
}

static void plot_changes(struct page *page, const struct report *report)
{
    page->form->plots_begin(page);
    for (size_t i = 0; i < report->changed.count && i < PLOTS; i++) {
        plot_change(page, report, report->changed.rows[i].series);
    }
    page->form->plots_end(page);
}

/* The columns of a table whose last one shows the time: without history there is none to show. */
static size_t columns_of(const struct report *report, size_t columns)
{
    return report->has_history ? columns : columns - 1;
}

static void put_time(struct page *page, const struct report *report, const double *values)
{
    if (report->has_history) {
        page_line(page, values, report->points.count, false);
    }
}

static const char *assess(const struct series *series, enum statistic statistic, bool up)
{
    enum better better = series->better[statistic];
    return better == BETTER_UNKNOWN          ? "changed"
           : (better == BETTER_HIGHER) == up ? "better"
                                             : "worse";
}

/* `3.2 times`, `+12 %`, or from and to nothing. */
static void put_factor(struct page *page, double before, double after)
{
    char text[32];
    double factor = after / before;
    if (!isfinite(factor) || factor < 0) {
        snprintf(text, sizeof(text), "%s", before == 0 ? "from 0" : "sign");
    } else if (factor >= 2) {
        snprintf(text, sizeof(text), "× %.3g", factor);
    } else {
        snprintf(text, sizeof(text), "%+.0f %%", 100 * (factor - 1));
    }
    page_text(page, text);
}

static void put_change_row(struct page *page, const struct report *report,
                           const struct series *series)
{
    const struct change *change = &series->change;
    enum unit unit = series_unit(series, series->changed);
    double step = points_step(&report->points);
    page_row(page);
    put_series(page, series);
    page_text(page, statistic_name(series->changed));
    page_figure(page, change->before, unit);
    page_figure(page, change->after, unit);
    put_factor(page, change->before, change->after);
    page_text(page, assess(series, series->changed, change->after > change->before));
    page_stamp(page, points_stamp(&report->points, change->from) - step);
    page_span(page, (double)(change->to - change->from + 1) * step);
    page_line(page, series->values[series->changed], report->points.count, false);
    page_row_end(page);
}

void section_changed(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"Series", false},  {"Of it", false}, {"Before", true}, {"After", true}, {"Change", true},
        {"For the", false}, {"Since", false}, {"For", true},    {"", false}};
    page->form->section(page, "What changed",
                        "Series whose level is another one for a part of the time, by ranks; the "
                        "largest and clearest changes first, those for the worse before others.");
    if (!report->has_history) {
        page->form->paragraph(page, "Not known: without [history] only the last window is.");
        return;
    }
    if (report->changed.count == 0) {
        page->form->paragraph(page, "Nothing beyond chance.");
        return;
    }
    if (page->form->draws) {
        plot_changes(page, report);
    }
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->changed.count; i++) {
        put_change_row(page, report, report->changed.rows[i].series);
    }
    page_table_end(page);
}

void section_busiest(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {{"Series", false},
                                                 {"Type", false},
                                                 {"Count", true},
                                                 {"Rate", true},
                                                 {"Rate over time", false}};
    page->form->section(page, "Busiest series", NULL);
    if (report->busiest.count == 0) {
        page->form->paragraph(page, "No counter and no timer had a sample.");
        return;
    }
    page_table(page, columns, columns_of(report, sizeof(columns) / sizeof(columns[0])));
    for (size_t i = 0; i < report->busiest.count; i++) {
        const struct series *series = report->busiest.rows[i].series;
        page_row(page);
        put_series(page, series);
        page_text(page, statsd_type_name(series->type));
        page_figure(page, round(series->count), UNIT_NONE);
        page_figure(page, series->count / report->series_seconds, UNIT_PER_SECOND);
        put_time(page, report, series->values[STATISTIC_RATE]);
        page_row_end(page);
    }
    page_table_end(page);
}

static void put_latency_row(struct page *page, const struct report *report,
                            const struct series *series)
{
    enum statistic shown = series->has[STATISTIC_P99] ? STATISTIC_P99 : STATISTIC_MEAN;
    page_row(page);
    put_series(page, series);
    page_figure(page, round(series->count), UNIT_NONE);
    page_figure(page, series->sum / series->count, UNIT_MS);
    for (size_t i = 0; i < SERIES_PERCENTILES; i++) {
        page_figure(page, series->typical[i], UNIT_MS);
    }
    page_figure(page, series->worst[SERIES_P99], UNIT_MS);
    page_figure(page, series->max, UNIT_MS);
    put_time(page, report, series->values[shown]);
    page_row_end(page);
}

void section_slowest(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"Timer", false},    {"Count", true}, {"Mean", true},
        {"p50", true},       {"p95", true},   {"p99", true},
        {"Worst p99", true}, {"Max", true},   {"p99 over time", false}};
    page->form->section(page, "Slowest timers",
                        report->source == REPORT_OF_FILES || report->has_history
                            ? "Count, mean and maximum are of all windows; p50, p95 and p99 are "
                              "the median over time, the worst p99 is that of one window."
                            : "Of the last window.");
    if (report->slowest.count == 0) {
        page->form->paragraph(page, "No timer (ms) had a sample.");
        return;
    }
    page_table(page, columns, columns_of(report, sizeof(columns) / sizeof(columns[0])));
    for (size_t i = 0; i < report->slowest.count; i++) {
        put_latency_row(page, report, report->slowest.rows[i].series);
    }
    page_table_end(page);
}

static const char *assess_trend(const struct series *series, double share_min)
{
    enum trend_direction direction = trend_direction(&series->trend, share_min);
    enum better better = series->better[series->trending];
    return better == BETTER_UNKNOWN ? trend_direction_name(direction)
                                    : trend_assessment_name(trend_assess(direction, better));
}

static void put_trend_row(struct page *page, const struct report *report,
                          const struct series *series)
{
    page_row(page);
    put_series(page, series);
    page_text(page, statistic_name(series->trending));
    page_figure(page, trend_change(&series->trend), UNIT_SHARE);
    page_figure(page, series->trend.slope * 3600, series_unit(series, series->trending));
    page_figure(page, series->trend.r_squared, UNIT_NONE);
    page_text(page, assess_trend(series, report->config->anomaly.min_change));
    page_line(page, series->values[series->trending], report->points.count, true);
    page_row_end(page);
}

void section_trends(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"Series", false}, {"Of it", false}, {"Over the time", true},
        {"An hour", true}, {"R²", true},     {"", false},
        {"", false}};
    page->form->section(page, "Trends",
                        "Straight lines that explain half of the variance or more, by how far "
                        "they rise or fall over the time (Theil–Sen, as a share of the mean), "
                        "where that is more than chance (Mann–Kendall).");
    if (report->rising.count == 0) {
        page->form->paragraph(page, report->has_history ? "None." : "Not known without [history].");
        return;
    }
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->rising.count; i++) {
        put_trend_row(page, report, report->rising.rows[i].series);
    }
    page_table_end(page);
}

void section_tags(struct page *page, const struct report *report)
{
    static const struct page_column columns[] = {
        {"Tag", false}, {"Values", true}, {"Series", true}, {"Mostly of", false}};
    if (report->keys.count == 0) {
        return;
    }
    page->form->section(page, "Tags",
                        "Distinct values of each tag, within 2 %; the first ten keys by them.");
    page_table(page, columns, sizeof(columns) / sizeof(columns[0]));
    const struct tag_key *key = tag_keys_next(&report->keys, NULL);
    for (size_t row = 0; row < REPORT_ROWS && key; row++) {
        page_row(page);
        page_series(page, key->key, strlen(key->key), "", 0);
        page_count(page, tag_key_values(key));
        page_count(page, (double)key->series);
        const char *metric = tag_key_metric(key);
        page_series(page, metric ? metric : "many", metric ? strlen(metric) : 4, "", 0);
        page_row_end(page);
        key = tag_keys_next(&report->keys, key);
    }
    page_table_end(page);
}
