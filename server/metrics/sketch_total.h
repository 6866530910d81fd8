/* SPDX-License-Identifier: MIT
 *
 * Sketches that gather the samples of many windows, for cumulative histograms. What is added counts
 * in whole units, dealt out once and for all, so that no bucket ever falls: who reads a bucket that
 * falls takes the histogram for one that began again. (A sketch of few samples keeps their weights
 * as they are and deals out units when it is exported, each time anew.) One thread at a time.
 */
#ifndef SERVER_METRICS_SKETCH_TOTAL_H
#define SERVER_METRICS_SKETCH_TOTAL_H

#include <stdbool.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"

/* A copy of `total`, which may be NULL, with all of `window` added to it, in *sum; both stay as
 * they are. `carry` is the fraction of a unit that is left of the windows before, 0 at first, and
 * is updated. For a window that goes on it is NULL: each sample then counts what it will count at
 * least. False, with *sum NULL, at the budget. */
bool sketch_total_add(struct sketch **sum, const struct sketch *total, const struct sketch *window,
                      double *carry, struct pool_cache *cache);

#endif
