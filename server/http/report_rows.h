/* SPDX-License-Identifier: MIT
 *
 * The rows of a snapshot as the series of a report. Functions of their arguments.
 */
#ifndef SERVER_HTTP_REPORT_ROWS_H
#define SERVER_HTTP_REPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"
#include "server/report/series.h"

/* How many rows there are, of all kinds. */
size_t report_rows_count(const struct snapshot *snapshot);

/* Whose row the at-th is, counted over all kinds. */
const struct identity *report_rows_identity(const struct snapshot *snapshot, size_t at);

/* The figures of the at-th row, counted over all kinds, at one point of the report. `tags` holds
 * the text of its tags, which the series points to until it is used again. `windows` is 0 where the
 * series had no sample in the window: then its names are all there is. Returns its identity. */
const struct identity *report_rows_read(const struct snapshot *snapshot, size_t at, size_t point,
                                        struct buffer *tags, struct series *series);

/* Replaces what the buffer holds by the tags as CSV has them, without its quotes. */
void report_rows_tags(const struct identity *identity, struct buffer *tags);

#endif
