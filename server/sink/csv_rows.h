/* SPDX-License-Identifier: MIT
 *
 * What stands in the CSV files: the header and the rows of each, rendered from a snapshot. Pure
 * functions of their arguments; they know nothing of files, rotation or threads. Any thread; the
 * buffer is the caller's.
 *
 * A row is always one line, whatever bytes a name holds: CR, LF and backslash are written `\r`,
 * `\n`, `\\`, and a field with a comma or a quote is quoted (RFC 4180). The stamp is the window's
 * end in Unix seconds, with three decimals where it is not a whole second. Numbers are the shortest
 * text that reads back as the same double. NaN and infinity never appear: a figure that is not
 * finite is an empty field.
 */
#ifndef SERVER_SINK_CSV_ROWS_H
#define SERVER_SINK_CSV_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

enum csv_kind {
    CSV_COUNTERS,
    CSV_GAUGES,
    CSV_TIMERS,
    CSV_HISTOGRAMS,
    CSV_SETS,
    CSV_ANOMALIES,
    CSV_ALERTS,
    CSV_EVENTS,
    CSV_KINDS
};

/* Which files there are, a bit each: histograms.csv where bins are configured, the others always.
 */
unsigned csv_rows_files(bool has_bins);

/* The file's name without its ending: "counters". */
const char *csv_kind_name(enum csv_kind kind);

/* The fields that every header begins with, which tell a file of ours from a stranger's. */
#define CSV_HEADER_BEGIN "timestamp,metric,tags,"

/* Appends the header line with its LF. timers.csv has one column a percentile: p50, p99.9. */
void csv_rows_header(enum csv_kind kind, const double *percents, size_t percent_count,
                     struct buffer *out);

/* How many rows the snapshot holds for this file, those that are left out included; one a timer in
 * histograms.csv, where each is as many lines as it has bins; one an alert, changed or not. */
size_t csv_rows_count(enum csv_kind kind, const struct snapshot *snapshot);

/* Appends the rows from index `from` on until `out` holds `bytes_max` bytes or more, or all are
 * done, and returns the index to go on from (csv_rows_count() at the end). Rows that were not
 * updated in the window are left out, unless the snapshot has idle ones as zeros; gauges have one
 * in every window. When memory runs out `out` is marked as failed. */
size_t csv_rows_render(enum csv_kind kind, const struct snapshot *snapshot, size_t from,
                       size_t bytes_max, struct buffer *out);

/* A snapshot's stamp in milliseconds since the Unix epoch. */
int64_t csv_rows_stamp_ms(const struct snapshot *snapshot);

#endif
