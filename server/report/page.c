/* SPDX-License-Identifier: MIT */
#include "server/report/page.h"

void page_table(struct page *page, const struct page_column *columns, size_t count)
{
    page->columns = columns;
    page->column_count = count;
    page->form->table_begin(page);
}

void page_row(struct page *page)
{
    page->column = 0;
    page->form->row_begin(page);
}

void page_row_end(struct page *page)
{
    page->form->row_end(page);
}

void page_table_end(struct page *page)
{
    page->form->table_end(page);
}

static void put_words(struct page *page, struct buffer *words)
{
    page->out->failed = page->out->failed || words->failed;
    page->form->text(page, words->bytes ? words->bytes : "", words->length);
    page->column++;
    buffer_deinit(words);
}

void page_text(struct page *page, const char *text)
{
    page->form->text(page, text, strlen(text));
    page->column++;
}

void page_figure(struct page *page, double value, enum unit unit)
{
    struct buffer words = {0};
    words_put_figure(&words, value, unit);
    put_words(page, &words);
}

void page_count(struct page *page, double value)
{
    struct buffer words = {0};
    buffer_append_format(&words, "%.0f", value);
    put_words(page, &words);
}

void page_stamp(struct page *page, double seconds)
{
    struct buffer words = {0};
    words_put_stamp(&words, seconds);
    put_words(page, &words);
}

void page_span(struct page *page, double seconds)
{
    struct buffer words = {0};
    words_put_span(&words, seconds);
    put_words(page, &words);
}

void page_series(struct page *page, const char *name, size_t name_length, const char *tags,
                 size_t tags_length)
{
    page->form->series(page, name, name_length, tags, tags_length);
    page->column++;
}

void page_severity(struct page *page, enum anomaly_severity severity)
{
    page->form->severity(page, severity);
    page->column++;
}

void page_line(struct page *page, const double *values, size_t count, bool fits)
{
    page->form->line(page, values, count, fits);
    page->column++;
}
