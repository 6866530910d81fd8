/* SPDX-License-Identifier: MIT
 *
 * What a written report is made of, whatever it is written in: sections, tables, plots, advice. The
 * content (sections.h) is told once in these terms; a form (Markdown, HTML) is a table of
 * functions. All texts given are plain ones, which the form escapes. One thread.
 */
#ifndef SERVER_REPORT_PAGE_H
#define SERVER_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/report/model.h"
#include "server/report/plot.h"

struct page;

struct page_column {
    const char *heading;
    bool number; /* to the right */
};

struct page_form {
    bool draws; /* has a place for plots beside tables */
    void (*head)(struct page *page, const struct report *report);
    void (*tail)(struct page *page, const struct report *report);
    /* A large figure with what it is. All come together, behind the head. */
    void (*tile)(struct page *page, const char *label, const char *figure, const char *note);
    void (*tiles_end)(struct page *page);
    void (*section)(struct page *page, const char *heading, const char *note); /* note or NULL */
    void (*paragraph)(struct page *page, const char *text);
    void (*advice)(struct page *page, const struct advice *advice);
    void (*plots_begin)(struct page *page);
    void (*plot)(struct page *page, const struct plot *plot);
    void (*plots_end)(struct page *page);
    void (*table_begin)(struct page *page);
    void (*row_begin)(struct page *page);
    void (*row_end)(struct page *page);
    void (*table_end)(struct page *page);
    void (*text)(struct page *page, const char *text, size_t length);
    void (*series)(struct page *page, const char *name, size_t name_length, const char *tags,
                   size_t tags_length);
    void (*severity)(struct page *page, enum anomaly_severity severity);
    void (*line)(struct page *page, const double *values, size_t count, bool fits);
};

struct page {
    const struct page_form *form;
    struct buffer *out;
    const struct page_column *columns; /* of the table in hand */
    size_t column_count;
    size_t column; /* of the cell that comes next */
};

extern const struct page_form page_markdown;
extern const struct page_form page_html;

/* A table, its rows and cells: a cell is one of the calls below, from left to right. */
void page_table(struct page *page, const struct page_column *columns, size_t count);
void page_row(struct page *page);
void page_row_end(struct page *page);
void page_table_end(struct page *page);

void page_text(struct page *page, const char *text);
void page_figure(struct page *page, double value, enum unit unit);
void page_count(struct page *page, double value); /* in full */
void page_stamp(struct page *page, double seconds);
void page_span(struct page *page, double seconds);
void page_series(struct page *page, const char *name, size_t name_length, const char *tags,
                 size_t tags_length);
void page_severity(struct page *page, enum anomaly_severity severity);
void page_line(struct page *page, const double *values, size_t count, bool fits);

#endif
