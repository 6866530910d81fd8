/* SPDX-License-Identifier: MIT
 *
 * A report in Markdown, as GitHub reads it (GFM: tables). Plots have no place in it; a line in a
 * table is drawn with the eight block elements of Unicode.
 */
#include <math.h>
#include <string.h>

#include "server/report/page.h"

#define LINE_BLOCKS 24 /* characters of a line in a table */

static void put(struct page *page, const char *text)
{
    words_put_markdown(page->out, text, strlen(text));
}

static void raw(struct page *page, const char *text)
{
    buffer_append_text(page->out, text);
}

static const char *status_word(enum anomaly_severity status)
{
    return status == SEVERITY_INFO ? "ok" : anomaly_severity_name(status);
}

static void head(struct page *page, const struct report *report)
{
    raw(page, "# sigmad report: ");
    raw(page, status_word(report->status));
    raw(page, "\n\n");
    put(page, report->summary);
    raw(page, "\n\n");
    put(page, report->origin);
    raw(page, ", ");
    words_put_stamp(page->out, report->points.from);
    raw(page, " to ");
    words_put_stamp(page->out, report->points.to);
    raw(page, " UTC\n\n");
}

static void tail(struct page *page, const struct report *report)
{
    raw(page, "\n---\n\nMade ");
    words_put_stamp(page->out, report->made);
    raw(page, " UTC by sigmad " SIGMAD_VERSION ".\n");
}

static void tile(struct page *page, const char *label, const char *figure, const char *note)
{
    raw(page, "- **");
    put(page, label);
    raw(page, "**: ");
    put(page, figure);
    if (note[0] != '\0') {
        raw(page, ", ");
        put(page, note);
    }
    raw(page, "\n");
}

static void nothing(struct page *page)
{
    (void)page;
}

static void paragraph(struct page *page, const char *text)
{
    raw(page, "\n");
    put(page, text);
    raw(page, "\n");
}

static void section(struct page *page, const char *heading, const char *note)
{
    raw(page, "\n## ");
    put(page, heading);
    raw(page, "\n");
    if (note) {
        paragraph(page, note);
    }
}

static void advice(struct page *page, const struct advice *advice)
{
    raw(page, "\n- **");
    put(page, advice->title);
    raw(page, "** (");
    raw(page, anomaly_severity_name(advice->severity));
    raw(page, "): ");
    put(page, advice->evidence);
    raw(page, " ");
    put(page, advice->action);
    raw(page, "\n");
    for (size_t i = 0; i < advice->setting_count; i++) {
        const struct report_setting *setting = &advice->settings[i];
        struct buffer text = {0};
        buffer_append_format(&text, "[%s] %s = %s", setting->section, setting->key, setting->value);
        raw(page, "  - ");
        words_put_code(page->out, text.bytes ? text.bytes : "", text.length);
        raw(page, " instead of ");
        words_put_code(page->out, setting->was, strlen(setting->was));
        raw(page, "\n");
        page->out->failed = page->out->failed || text.failed;
        buffer_deinit(&text);
    }
}

static void table_begin(struct page *page)
{
    raw(page, "\n");
    for (size_t i = 0; i < page->column_count; i++) {
        raw(page, "| ");
        put(page, page->columns[i].heading);
        raw(page, " ");
    }
    raw(page, "|\n");
    for (size_t i = 0; i < page->column_count; i++) {
        raw(page, page->columns[i].number ? "|---:" : "|---");
    }
    raw(page, "|\n");
}

static void row_end(struct page *page)
{
    raw(page, "|\n");
}

static void text(struct page *page, const char *text, size_t length)
{
    raw(page, "| ");
    words_put_markdown(page->out, text, length);
    raw(page, " ");
}

static void series(struct page *page, const char *name, size_t name_length, const char *tags,
                   size_t tags_length)
{
    raw(page, "| ");
    words_put_code(page->out, name, name_length);
    if (tags_length > 0) {
        raw(page, " ");
        words_put_code(page->out, tags, tags_length);
    }
    raw(page, " ");
}

static void severity(struct page *page, enum anomaly_severity severity)
{
    raw(page, "| ");
    raw(page, anomaly_severity_name(severity));
    raw(page, " ");
}

/* The mean of the values that a character stands for; NaN where there is none. */
static double block_of(const double *values, size_t count, size_t block)
{
    size_t blocks = count < LINE_BLOCKS ? count : LINE_BLOCKS;
    double sum = 0, known = 0;
    for (size_t i = block * count / blocks; i < (block + 1) * count / blocks; i++) {
        sum += isfinite(values[i]) ? values[i] : 0;
        known += isfinite(values[i]);
    }
    return known > 0 ? sum / known : (double)NAN;
}

static void put_blocks(struct page *page, const double *values, size_t count, bool fits)
{
    static const char *const marks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t blocks = count < LINE_BLOCKS ? count : LINE_BLOCKS;
    double low = fits ? HUGE_VAL : 0, high = fits ? -HUGE_VAL : 0;
    for (size_t i = 0; i < blocks; i++) {
        low = fmin(low, block_of(values, count, i));
        high = fmax(high, block_of(values, count, i));
    }
    for (size_t i = 0; i < blocks; i++) {
        double value = block_of(values, count, i);
        double share = high > low ? (value - low) / (high - low) : 0;
        raw(page, isfinite(value) ? marks[(int)fmin(7, share * 8)] : "·");
    }
}

static void line(struct page *page, const double *values, size_t count, bool fits)
{
    raw(page, "| ");
    put_blocks(page, values, count, fits);
    raw(page, " ");
}

/* A line of text for each of its lines, with the largest value. */
static void plot(struct page *page, const struct plot *plot)
{
    for (size_t i = 0; i < plot->line_count; i++) {
        double largest = -HUGE_VAL;
        for (size_t at = 0; at < plot->count; at++) {
            largest = fmax(largest, plot->lines[i].values[at]);
        }
        raw(page, "- ");
        put(page, plot->title);
        if (plot->lines[i].name) {
            raw(page, ", ");
            put(page, plot->lines[i].name);
        }
        raw(page, ": ");
        put_blocks(page, plot->lines[i].values, plot->count, plot->fits);
        raw(page, " at most ");
        words_put_figure(page->out, largest, plot->unit);
        raw(page, "\n");
    }
}

static void plots_begin(struct page *page)
{
    raw(page, "\n");
}

const struct page_form page_markdown = {
    .head = head,
    .tail = tail,
    .tile = tile,
    .tiles_end = nothing,
    .section = section,
    .paragraph = paragraph,
    .advice = advice,
    .plots_begin = plots_begin,
    .plot = plot,
    .plots_end = nothing,
    .table_begin = table_begin,
    .row_begin = nothing,
    .row_end = row_end,
    .table_end = nothing,
    .text = text,
    .series = series,
    .severity = severity,
    .line = line,
};
