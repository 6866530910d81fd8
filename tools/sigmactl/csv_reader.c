/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/glob.h"
#include "proto/number.h"
#include "tools/sigmactl/csv_listing.h"
#include "tools/sigmactl/csv_stream.h"

/* Stamps beyond are none of ours: the year 33658. */
#define STAMP_MAX 1e12

struct csv_reader {
    struct csv_reader_query query;
    struct csv_listing listing;
    size_t next_file; /* of the closed ones; count: the current one; count + 1: none is left */
    size_t files;
    bool is_current; /* the open file is the one that may be written to */
    struct csv_stream stream;
    char path[PATH_MAX];
    uint64_t line_number;
    uint64_t faults;
    struct csv_header header;
    struct csv_line line;
    double numbers[CSV_LINE_FIELDS_MAX];
    struct csv_row row;
};

/* Figures of any kind; percentile columns beside them. */
static const char *const figures[] = {
    "timestamp", "count",  "rate",  "value", "sum",    "mean",      "min",
    "max",       "stddev", "lower", "upper", "unique", "threshold",
};

__attribute__((format(printf, 2, 3))) static void tell_fault(struct csv_reader *reader,
                                                             const char *format, ...)
{
    if (reader->faults++ >= CSV_READER_FAULTS_TOLD) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%" PRIu64 ": ", reader->path, reader->line_number);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

struct csv_reader *csv_reader_new(const struct csv_reader_query *query,
                                  char reason[CSV_READER_REASON_MAX])
{
    struct csv_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        snprintf(reason, CSV_READER_REASON_MAX, "out of memory");
        return NULL;
    }
    reader->query = *query;
    reader->row.fields = reader->line.fields;
    reader->row.numbers = reader->numbers;
    reader->row.header = &reader->header;
    reader->row.file = reader->path;
    if (!csv_listing_init(&reader->listing, query->directory, query->kind)) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s: %s.csv: %s", query->directory,
                 csv_kind_name(query->kind), strerror(errno));
        csv_reader_free(reader);
        return NULL;
    }
    return reader;
}

static void forget_header(struct csv_reader *reader)
{
    for (size_t i = 0; i < reader->header.count; i++) {
        free(reader->header.columns[i].name);
    }
    reader->header.count = 0;
}

static bool is_percentile(const char *name)
{
    double percent;
    return name[0] == 'p' && number_parse(name + 1, strlen(name + 1), &percent);
}

static bool is_figure(const char *name)
{
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        if (strcmp(name, figures[i]) == 0) {
            return true;
        }
    }
    return is_percentile(name);
}

static int find_column(const struct csv_header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* NULL, or what is wrong. */
static const char *take_columns(struct csv_header *header, const struct csv_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        char *name = line->fields[i].text;
        if (name[0] == '\0' || strlen(name) != line->fields[i].length ||
            find_column(header, name) >= 0) {
            return "the header has a column without a name, or two of one name";
        }
        char *copy = strdup(name);
        if (!copy) {
            return "out of memory";
        }
        header->columns[header->count++] = (struct csv_column){copy, is_figure(name)};
    }
    return NULL;
}

static bool is_header_of_ours(const char *text, size_t length)
{
    size_t least = strlen(CSV_HEADER_BEGIN);
    return length >= least && memcmp(text, CSV_HEADER_BEGIN, least) == 0;
}

/* Spreadsheets end lines with CR LF; sigmad writes a CR as an escape. */
static size_t without_return(const char *text, size_t length)
{
    return length > 0 && text[length - 1] == '\r' ? length - 1 : length;
}

static const char *read_header(struct csv_reader *reader, char *text, size_t length)
{
    length = without_return(text, length);
    if (!is_header_of_ours(text, length)) {
        return "the header does not begin with `" CSV_HEADER_BEGIN "`";
    }
    const char *fault = csv_line_split(text, length, &reader->line);
    return fault ? fault : take_columns(&reader->header, &reader->line);
}

/* The next line; false at the end of the file, the faults of which are told. */
static bool next_line(struct csv_reader *reader, char **text, size_t *length)
{
    for (;;) {
        reader->line_number++;
        switch (csv_stream_next(&reader->stream, text, length)) {
        case CSV_STREAM_LINE:
            return true;
        case CSV_STREAM_LONG:
            tell_fault(reader, "the line is longer than %zu bytes", CSV_STREAM_LINE_MAX);
            break;
        case CSV_STREAM_REST:
            if (!reader->is_current) {
                tell_fault(reader, "the last line has no end");
            }
            return false;
        case CSV_STREAM_BROKEN:
            tell_fault(reader, "%s", reader->stream.broken);
            return false;
        case CSV_STREAM_END:
            return false;
        }
    }
}

/* False where the file has no rows to give; its faults are told. */
static bool begin_file(struct csv_reader *reader, int fd)
{
    char *text;
    size_t length;
    reader->files++;
    reader->line_number = 0;
    forget_header(reader);
    if (!csv_stream_open(&reader->stream, fd)) {
        tell_fault(reader, "%s", strerror(errno));
        return false;
    }
    size_t end = strlen(reader->path) - 3;
    if (strcmp(reader->path + end, ".gz") == 0 && csv_stream_is_plain(&reader->stream)) {
        reader->line_number = 1;
        tell_fault(reader, "the file is not compressed by gzip");
        return false;
    }
    if (!next_line(reader, &text, &length)) {
        return false;
    }
    const char *fault = read_header(reader, text, length);
    if (fault) {
        tell_fault(reader, "%s; the file is passed over", fault);
        return false;
    }
    reader->header.number++;
    return true;
}

/* By its name and that of the one before; stamps in names are cut to whole seconds. */
static bool may_have_rows(const struct csv_reader *reader, size_t index)
{
    const struct csv_closed_name *closed = reader->listing.closed;
    bool after = index > 0 && (double)closed[index - 1].stamp_ms / 1000 > reader->query.to;
    bool before = index < reader->listing.count &&
                  (double)closed[index].stamp_ms / 1000 + 1 < reader->query.from;
    return !after && !before;
}

static int open_next(struct csv_reader *reader)
{
    size_t index = reader->next_file++;
    reader->is_current = index == reader->listing.count;
    if (!may_have_rows(reader, index)) {
        return -1;
    }
    if (reader->is_current) {
        return csv_listing_take_current(&reader->listing, reader->path);
    }
    int fd = csv_listing_open(&reader->listing, index, reader->path);
    if (fd < 0 && errno != ENOENT) {
        reader->line_number = 1;
        tell_fault(reader, "%s", strerror(errno));
    }
    return fd;
}

/* False when no file is left. */
static bool next_file(struct csv_reader *reader)
{
    csv_stream_close(&reader->stream);
    while (reader->next_file <= reader->listing.count) {
        int fd = open_next(reader);
        if (fd >= 0 && begin_file(reader, fd)) {
            return true;
        }
        csv_stream_close(&reader->stream);
    }
    return false;
}

/* Reads the figures and takes the escapes off the rest. False with the fault told. */
static bool read_fields(struct csv_reader *reader)
{
    for (size_t i = CSV_COLUMN_TAGS + 1; i < reader->line.count; i++) {
        struct csv_field *field = &reader->line.fields[i];
        const struct csv_column *column = &reader->header.columns[i];
        reader->numbers[i] = (double)NAN;
        const char *fault = column->numeric ? NULL : csv_line_unescape(field);
        if (fault) {
            tell_fault(reader, "%s: %s", column->name, fault);
            return false;
        }
        if (column->numeric && field->length > 0 &&
            !number_parse(field->text, field->length, &reader->numbers[i])) {
            tell_fault(reader, "%s is not a number: `%.40s`", column->name, field->text);
            return false;
        }
    }
    return true;
}

static bool read_stamp(struct csv_reader *reader)
{
    const struct csv_field *field = &reader->line.fields[CSV_COLUMN_TIMESTAMP];
    double stamp;
    if (!number_parse(field->text, field->length, &stamp) || !(fabs(stamp) < STAMP_MAX)) {
        tell_fault(reader, "timestamp is not one: `%.40s`", field->text);
        return false;
    }
    reader->row.stamp = reader->numbers[CSV_COLUMN_TIMESTAMP] = stamp;
    reader->numbers[CSV_COLUMN_METRIC] = reader->numbers[CSV_COLUMN_TAGS] = (double)NAN;
    return true;
}

static bool is_wanted(const struct csv_reader *reader, const struct csv_field *metric)
{
    const struct csv_reader_query *query = &reader->query;
    return reader->row.stamp >= query->from && reader->row.stamp <= query->to &&
           (!query->metric || glob_match(query->metric, metric->text, metric->length));
}

/* False for a row that is damaged or not wanted. */
static bool read_row(struct csv_reader *reader, char *text, size_t length)
{
    struct csv_line *line = &reader->line;
    const char *fault = csv_line_split(text, without_return(text, length), line);
    if (!fault && line->count != reader->header.count) {
        tell_fault(reader, "the row has %zu fields, the header %zu", line->count,
                   reader->header.count);
        return false;
    }
    fault = fault ? fault : csv_line_unescape(&line->fields[CSV_COLUMN_METRIC]);
    if (fault) {
        tell_fault(reader, "%s", fault);
        return false;
    }
    return read_stamp(reader) && is_wanted(reader, &line->fields[CSV_COLUMN_METRIC]) &&
           read_fields(reader);
}

const struct csv_row *csv_reader_next(struct csv_reader *reader)
{
    char *text;
    size_t length;
    while (reader->stream.file || next_file(reader)) {
        if (!next_line(reader, &text, &length)) {
            csv_stream_close(&reader->stream);
        } else if (read_row(reader, text, length)) {
            reader->row.line = reader->line_number;
            return &reader->row;
        }
    }
    return NULL;
}

size_t csv_reader_files(const struct csv_reader *reader)
{
    return reader->files;
}

uint64_t csv_reader_faults(const struct csv_reader *reader)
{
    return reader->faults;
}

void csv_reader_free(struct csv_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->faults > CSV_READER_FAULTS_TOLD) {
        fprintf(stderr, "%s: %" PRIu64 " faults more of %s\n", reader->query.directory,
                reader->faults - CSV_READER_FAULTS_TOLD, csv_kind_name(reader->query.kind));
    }
    forget_header(reader);
    csv_stream_deinit(&reader->stream);
    csv_listing_deinit(&reader->listing);
    free(reader);
}

int csv_row_column(const struct csv_row *row, const char *name)
{
    return find_column(row->header, name);
}
