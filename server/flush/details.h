/* SPDX-License-Identifier: MIT
 *
 * What a closed window of a timer shows beyond its row: median, sum of squares, a part a
 * percentile, bins. With profile etsy it is the arithmetic of etsy statsd (lib/process_metrics.js),
 * in its order of additions, so that figures agree to the last digit. Flusher only.
 */
#ifndef SERVER_FLUSH_DETAILS_H
#define SERVER_FLUSH_DETAILS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"
#include "server/metrics/timer.h"

struct details_block;

/* Where the details of one snapshot are kept; all zero is an empty store. */
struct details_store {
    struct details_block *blocks;
    size_t bytes;
};

void details_store_free(struct details_store *store);

/* Makes the details of one snapshot after the other; all zero at first. */
struct details_maker {
    const struct config *config;
    struct details_store *store;
    struct sketch_sample *samples; /* of the timer in hand, in ascending order */
    size_t samples_count, samples_max;
    double weight; /* of all of them */
};

void details_maker_deinit(struct details_maker *maker);

/* True where every timer is to have details. */
bool details_wanted(const struct config *config);

/* The bins of the first [histogram] that fits a name, NULL where there are none. */
const struct config_numbers *details_bins(const struct config *config,
                                          const struct identity *identity);

/* Fills row->details of a window with samples. With profile etsy, and where all samples were kept,
 * sum, mean and deviation of the row become those of the samples as well. Without memory there are
 * no details. */
void details_make(struct details_maker *maker, const struct timer *window, struct timer_row *row);

/* A percentile of the timer that details were made of last, by weight. */
double details_percentile(const struct details_maker *maker, double percent);

#endif
