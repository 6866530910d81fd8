/* SPDX-License-Identifier: MIT
 *
 * One window (or slice) of a timer, histogram or distribution: count, sum, mean, deviation,
 * extremes, and a sketch for percentiles. A sample of rate r has weight 1/r. Moments are kept
 * around the first value (K) as Σw, Σw(x-K), Σw(x-K)²; two are merged by moving the second to the
 * first's K (Chan, Golub and LeVeque, 1979), so there is no cancellation of large Σx². Exactly one
 * cache line; all zero is the empty timer.
 *
 * Owns its sketch. One thread at a time.
 */
#ifndef SERVER_METRICS_TIMER_H
#define SERVER_METRICS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/pool.h"
#include "server/metrics/sketch.h"

struct timer {
    double origin;            /* K: the first value */
    double weight;            /* Σ w */
    double deviation;         /* Σ w (x - K) */
    double deviation_squared; /* Σ w (x - K)² */
    double min;               /* of the raw values */
    double max;
    struct sketch *sketch;
    uint64_t samples; /* as received, unweighted */
};

/* Adds a sample. False at the memory budget: nothing is changed. */
bool timer_add(struct timer *timer, double value, double weight, struct pool_cache *cache);

/* Adds all of `from`, which is left empty (its sketch moves over when `into` has none, else is
 * merged and freed). False when percentiles lost resolution or samples at the memory budget; the
 * moments always add up. */
bool timer_merge(struct timer *into, struct timer *from, struct pool_cache *cache);

/* Gives the sketch back and makes it the empty timer. */
void timer_clear(struct timer *timer, struct pool_cache *cache);

double timer_sum(const struct timer *timer);  /* K Σw + Σw(x-K) */
double timer_mean(const struct timer *timer); /* NaN when empty */
double timer_stddev(
    const struct timer *timer); /* population, weighted; 0 for equal values, NaN when empty */

#endif
