/* SPDX-License-Identifier: MIT
 *
 * Series of a report over time, out of [history]. One series at a time, as the caller goes through
 * the rows of a snapshot, which keeps their identities. Main thread.
 */
#ifndef SERVER_HTTP_REPORT_HISTORY_H
#define SERVER_HTTP_REPORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "server/history/history.h"
#include "server/report/points.h"
#include "server/report/series.h"

/* All zero is none. */
struct report_history {
    struct history *history; /* not owned */
    struct history_range range;
    size_t *places;  /* of each window: the point it belongs to; all are owned */
    double *seconds; /* its length */
    double *stamps;
    double *values; /* of the statistic in hand */
    double *scratch;
};

/* The windows that end within the points. False without memory, or without two windows: then there
 * is nothing to deinit. */
bool report_history_init(struct report_history *past, struct history *history,
                         const struct points *points);
void report_history_deinit(struct report_history *past);

/* Gives a series, whose names and latest figures are there, its figures over the time. */
void report_history_read(struct report_history *past, const struct identity *identity,
                         const struct points *points, struct series *series);

#endif
