/* SPDX-License-Identifier: MIT
 *
 * One line of the server's CSV files taken apart, in place: RFC 4180 quoting, then the escapes
 * `\r`,
 * `\n` and `\\` that keep a row on one line (proto/text.h writes them). Pure functions over the
 * caller's bytes, no allocation, any thread.
 */
#ifndef TOOLS_SIGMACTL_CSV_LINE_H
#define TOOLS_SIGMACTL_CSV_LINE_H

#include <stddef.h>

/* A file has at most eight columns and 32 percentiles today; a line with more fields is damaged. */
#define CSV_LINE_FIELDS_MAX 64

/* A NUL stands behind the text, which may also hold some: `length` decides. */
struct csv_field {
    char *text;
    size_t length;
};

struct csv_line {
    size_t count;
    struct csv_field fields[CSV_LINE_FIELDS_MAX];
};

/* Takes the quoting off. `text` is a line without its LF; it is rewritten and has to have room for
 * one byte behind it. NULL, or what is wrong with the line as the end of a sentence. An empty line
 * is one empty field. */
const char *csv_line_split(char *text, size_t length, struct csv_line *line);

/* Takes the escapes off a field. NULL, or what is wrong. The tags column is not for this: its
 * escapes also part keys from values. */
const char *csv_line_unescape(struct csv_field *field);

#endif
