/* SPDX-License-Identifier: MIT
 *
 * The names of closed CSV files: counters-20261121T000000Z.csv, with -1, -2 behind the stamp where
 * it is taken, .gz behind it once compressed, .gz.tmp while that goes on. Pure but for looking
 * whether a name is free. Any thread.
 */
#ifndef SERVER_SINK_CSV_CLOSED_H
#define SERVER_SINK_CSV_CLOSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that csv_closed_format() may write, including the closing NUL. */
#define CSV_CLOSED_NAME_MAX 96

/* How many closed files may carry the same stamp. */
#define CSV_CLOSED_SUFFIXES_MAX 100000

enum csv_closed_form { CSV_CLOSED_PLAIN, CSV_CLOSED_GZIP, CSV_CLOSED_PARTIAL };

struct csv_closed_name {
    int kind;         /* enum csv_kind */
    int64_t stamp_ms; /* whole seconds, Unix time */
    unsigned suffix;  /* 0 = none */
    enum csv_closed_form form;
};

/* Writes the name; the stamp is cut to whole seconds. */
void csv_closed_format(char out[CSV_CLOSED_NAME_MAX], const struct csv_closed_name *name);

/* Reads the whole of `text` as such a name. False for every other file, the current ones included.
 */
bool csv_closed_parse(const char *text, struct csv_closed_name *name);

/* Orders by stamp, then suffix, then kind: oldest first, as qsort() wants it. */
int csv_closed_compare(const struct csv_closed_name *a, const struct csv_closed_name *b);

/* Writes the path of a plain name that neither a closed file nor a compressed one has, to `path`.
 * False with errno when there is none or it does not fit. */
bool csv_closed_find_free(const char *directory, int kind, int64_t stamp_ms, char *path,
                          size_t path_size);

#endif
