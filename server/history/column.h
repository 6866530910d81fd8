/* SPDX-License-Identifier: MIT
 *
 * A window of the history: for each kind and statistic an array of figures by identity->index, all
 * in one piece of memory, freed by free(). Written once, then only read. It does not know whose
 * figures stand at an index; history.h does.
 */
#ifndef SERVER_HISTORY_COLUMN_H
#define SERVER_HISTORY_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/history/history.h"

struct column {
    double timestamp, seconds;
    size_t bytes;                  /* of this piece of memory */
    uint32_t counts[METRIC_KINDS]; /* indexes that have room */
    float *values[METRIC_KINDS];   /* slot after slot, counts[kind] each */
    float storage[];
};

/* What of a closed snapshot is kept; NULL without memory. */
struct column *column_new(const struct snapshot *closed);

/* The statistics of a kind, `slot` from 0; false beyond the last. */
bool column_statistic(enum metric_kind kind, unsigned slot, enum statistic *statistic);

/* The slot of a statistic; -1 where the kind has no such. */
int column_slot(enum metric_kind kind, enum statistic statistic);

/* The slot of a figure of timers. */
unsigned column_timer_slot(enum history_timer figure);

/* NaN where the window has none. */
double column_value(const struct column *column, enum metric_kind kind, unsigned slot,
                    uint32_t index);

#endif
