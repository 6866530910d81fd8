/* SPDX-License-Identifier: MIT
 *
 * Takes the series of a report one after the other: judges each, counts it, and keeps those that
 * are among the first of a table. Memory and the time a series are bounded, whatever is given. The
 * order does not matter, but for equals. One thread.
 */
#ifndef SERVER_REPORT_GATHER_H
#define SERVER_REPORT_GATHER_H

#include <stdbool.h>

#include "server/report/model.h"

/* Takes a series; one without a window counts for its tags alone. Fills what series.h says is
 * worked out here; nothing of it is kept. What memory does not suffice for sets report->failed. */
void gather_series(struct report *report, struct series *series);

/* All series were taken: the slower tests are done with those that are in a table. */
void gather_end(struct report *report);

#endif
