/* SPDX-License-Identifier: MIT
 *
 * The figures of the server's CSV logs as series in memory: for each series of each kind its
 * stamps, and beside them one array of values a statistic. Bounded: where more than the bound is
 * asked for nothing is given, and the reason says how to ask for less. One thread; the list owns
 * all of it.
 */
#ifndef TOOLS_SIGMACTL_CSV_SERIES_H
#define TOOLS_SIGMACTL_CSV_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/index.h"
#include "tools/sigmactl/csv_reader.h"

/* Stamps and values in all, 8 bytes each: half a GiB. */
#define CSV_SERIES_VALUES_MAX ((size_t)1 << 26)

/* Why more is refused. */
#define CSV_SERIES_TOO_MANY \
    "more figures than can be held at once; ask for fewer metrics, statistics or hours"

/* The kinds whose rows are figures of a series in a window. */
#define CSV_SERIES_KINDS (1U << CSV_COUNTERS | 1U << CSV_GAUGES | 1U << CSV_TIMERS | 1U << CSV_SETS)

struct csv_series_query {
    const char *directory;
    unsigned kinds;        /* 1 << enum csv_kind, of CSV_SERIES_KINDS */
    double from, to;       /* as in csv_reader.h */
    const char *metric;    /* a glob of names; NULL = all */
    const char *statistic; /* globs of columns, by comma: p99, p*; NULL = all */
    size_t values_max;     /* 0 = CSV_SERIES_VALUES_MAX */
};

struct csv_statistic {
    char *name;
    double *values; /* one a stamp; NaN where the row has no such figure */
};

struct csv_series {
    enum csv_kind kind;
    char *metric;
    char *tags;     /* canonical, k=v;k2=v2 */
    char *type;     /* of a timer: ms, h, d; else empty */
    double *stamps; /* in the order of the rows */
    size_t count, capacity;
    struct csv_statistic *statistics;
    size_t statistic_count;
};

struct csv_series_list {
    struct csv_series **items; /* in the order of their first rows, kind by kind */
    size_t count, capacity;
    size_t values;      /* held against the bound */
    size_t files;       /* read */
    uint64_t rows;      /* taken */
    uint64_t faults;    /* told on standard error by the reader */
    struct index index; /* by kind, name, tags and type */
};

/* What tells one series from another; the type is empty but for timers. */
struct csv_series_name {
    enum csv_kind kind;
    const char *metric;
    const char *tags;
    const char *type;
};

/* An empty list. False without memory; csv_series_deinit() is to be called in either case. */
bool csv_series_init(struct csv_series_list *list);

/* Appends a window to the series of this name, as csv_series_collect() does with each row, but
 * without its bound. False without memory. */
bool csv_series_add(struct csv_series_list *list, const struct csv_series_name *name, double stamp,
                    const char *const *statistics, const double *values, size_t count);

/* Reads everything that the query asks for. False with the reason where the folder cannot be read,
 * the bound is exceeded or memory runs out. csv_series_deinit() is to be called in either case. */
bool csv_series_collect(struct csv_series_list *list, const struct csv_series_query *query,
                        char reason[CSV_READER_REASON_MAX]);
void csv_series_deinit(struct csv_series_list *list);

/* NULL where the series has no such statistic. */
const struct csv_statistic *csv_series_statistic(const struct csv_series *series, const char *name);

#endif
