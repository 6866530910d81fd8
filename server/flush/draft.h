/* SPDX-License-Identifier: MIT
 *
 * A snapshot that is being made, and the memory of all its rows: derive.c and derive_timer.c write
 * into it; once published it is only the snapshot. Flusher only.
 */
#ifndef SERVER_FLUSH_DRAFT_H
#define SERVER_FLUSH_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "server/flush/derive.h"
#include "server/flush/details.h"
#include "server/metrics/snapshot.h"

/* A snapshot with everything it owns. Identities, sketches and sets belong to the registry. */
struct draft {
    struct snapshot snapshot;
    struct counter_row *counters;
    struct gauge_row *gauges;
    struct timer_row *timers;
    struct set_row *sets;
    double *numbers; /* percents, then percentiles and buckets of the timers */
    size_t number_count, numbers_max;
    uint32_t rows_max[METRIC_KINDS]; /* room there is */
    struct anomaly_row *anomalies;
    struct anomaly_row *active;
    struct events events;
    struct details_store details;
};

/* Room for `counts` rows of each kind and `timer_numbers_max` numbers a timer, with the head of the
 * snapshot filled in from the options; one reference, by which it is freed. NULL without memory. */
struct draft *draft_new(const struct derive_options *options, const uint32_t counts[METRIC_KINDS],
                        size_t timer_numbers_max);

/* The next `count` numbers of the snapshot's own store, or NULL: series that came after its size
 * was read. */
double *draft_take_numbers(struct draft *draft, size_t count);

#endif
