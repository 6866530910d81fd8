/* SPDX-License-Identifier: MIT
 *
 * The rows of one of the server's CSV logs in the order they were written: its closed files by
 * their stamps, compressed or not, then the current one, while the server may be writing, rotating
 * and compressing beside it. Columns are found by the header of each file, so files of other
 * percentiles or of another version are read as well. Rows are streamed: memory is bounded by one
 * line of CSV_STREAM_LINE_MAX bytes (csv_stream.h).
 *
 * What is damaged (a header, a row, a compressed file that breaks off) is told as FILE:LINE on
 * standard error, the first CSV_READER_FAULTS_TOLD times, counted always, and passed over. Only a
 * last line of the current file that has no LF yet is no fault: it is being written. A retention
 * that deletes a file before its turn is no fault either.
 *
 * A closed file is passed over unread where its name says that it ends before `from`, or where the
 * one before says that it begins after `to`; rows out of order, as a wall clock that was set back
 * leaves them, may be missed so. One thread; the reader owns everything it hands out.
 */
#ifndef TOOLS_SIGMACTL_CSV_READER_H
#define TOOLS_SIGMACTL_CSV_READER_H

#include <stddef.h>
#include <stdint.h>

#include "server/sink/csv_rows.h"
#include "tools/sigmactl/csv_line.h"

#define CSV_READER_FAULTS_TOLD 10
#define CSV_READER_REASON_MAX 512

struct csv_reader_query {
    const char *directory;
    enum csv_kind kind;
    double from, to;    /* stamps of rows, both inclusive; -INFINITY, INFINITY: no bound */
    const char *metric; /* a glob (config/glob.h) that the whole name matches; NULL = all */
};

/* The columns of every file begin so. */
enum { CSV_COLUMN_TIMESTAMP, CSV_COLUMN_METRIC, CSV_COLUMN_TAGS, CSV_COLUMNS_FIXED };

struct csv_column {
    char *name;
    bool numeric; /* a figure: each field is a number or empty */
};

/* Of one file. `number` tells one header from another, so that a caller may keep positions. */
struct csv_header {
    unsigned number;
    size_t count;
    struct csv_column columns[CSV_LINE_FIELDS_MAX];
};

/* Valid until the next call. Fields are as they were before they were written, but for the tags,
 * which stay in their form k=v;k2=v2 with its escapes: one text for one set of tags. */
struct csv_row {
    const char *file;
    uint64_t line;
    double stamp;
    const struct csv_header *header;
    const struct csv_field *fields; /* header->count */
    const double *numbers; /* likewise; NaN where a field is empty or the column is no figure */
};

struct csv_reader;

/* Opens the folder. NULL with the reason where it cannot be read; a folder without such files has
 * no rows. The query's texts have to outlive the reader. */
struct csv_reader *csv_reader_new(const struct csv_reader_query *query,
                                  char reason[CSV_READER_REASON_MAX]);

/* The next row in range; NULL at the end. */
const struct csv_row *csv_reader_next(struct csv_reader *reader);

/* Files begun and faults found so far. */
size_t csv_reader_files(const struct csv_reader *reader);
uint64_t csv_reader_faults(const struct csv_reader *reader);

/* Says on standard error how many faults were not told one by one; nothing where there were none.
 * NULL is allowed. */
void csv_reader_free(struct csv_reader *reader);

/* The position of a column, or -1. */
int csv_row_column(const struct csv_row *row, const char *name);

#endif
