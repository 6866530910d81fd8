/* SPDX-License-Identifier: MIT */
#include "server/metrics/timer.h"

#include <math.h>
#include <string.h>

_Static_assert(sizeof(struct timer) == 64, "a timer is one cache line");

bool timer_add(struct timer *timer, double value, double weight, struct pool_cache *cache)
{
    if (!sketch_add(&timer->sketch, value, weight, cache)) {
        return false;
    }
    if (timer->samples++ == 0) {
        timer->origin = timer->min = timer->max = value;
    }
    double distance = value - timer->origin;
    timer->weight += weight;
    timer->deviation += weight * distance;
    timer->deviation_squared += weight * distance * distance;
    if (value < timer->min) {
        timer->min = value;
    }
    if (value > timer->max) {
        timer->max = value;
    }
    return true;
}

/* With x - K = (x - L) + (L - K), the sums of the second around its own L become sums around K. */
static void moments_merge(struct timer *into, const struct timer *from)
{
    double shift = from->origin - into->origin;
    into->weight += from->weight;
    into->deviation += from->deviation + from->weight * shift;
    into->deviation_squared +=
        from->deviation_squared + shift * (2 * from->deviation + from->weight * shift);
    into->min = fmin(into->min, from->min);
    into->max = fmax(into->max, from->max);
    into->samples += from->samples;
}

/* Merging costs what the second holds, so that the smaller one is made the second. */
static bool sketches_merge(struct timer *into, struct timer *from, struct pool_cache *cache)
{
    if (sketch_bytes(into->sketch) < sketch_bytes(from->sketch)) {
        struct sketch *larger = from->sketch;
        from->sketch = into->sketch;
        into->sketch = larger;
    }
    bool merged = sketch_merge(&into->sketch, from->sketch, cache);
    sketch_free(&from->sketch, cache);
    return merged;
}

bool timer_merge(struct timer *into, struct timer *from, struct pool_cache *cache)
{
    bool merged = true;
    if (into->samples == 0) {
        *into = *from;
    } else if (from->samples > 0) {
        moments_merge(into, from);
        merged = sketches_merge(into, from, cache);
    }
    memset(from, 0, sizeof *from);
    return merged;
}

void timer_clear(struct timer *timer, struct pool_cache *cache)
{
    sketch_free(&timer->sketch, cache);
    memset(timer, 0, sizeof *timer);
}

double timer_mean(const struct timer *timer)
{
    if (timer->samples == 0) {
        return (double)NAN;
    }
    double mean = timer->origin + timer->deviation / timer->weight;
    if (!isfinite(mean)) {
        /* Distances between the largest doubles overflow; the middle is all that is known. */
        mean = timer->min / 2 + timer->max / 2;
    }
    return fmin(fmax(mean, timer->min), timer->max);
}

double timer_sum(const struct timer *timer)
{
    double sum = timer->origin * timer->weight + timer->deviation;
    return isfinite(sum) || timer->samples == 0 ? sum : timer_mean(timer) * timer->weight;
}

double timer_stddev(const struct timer *timer)
{
    if (timer->samples == 0) {
        return (double)NAN;
    }
    /* No deviation exceeds half the range (Popoviciu, 1935): 0 for equal values whatever was
     * rounded, and an answer where squares overflow. */
    double half_range = timer->max / 2 - timer->min / 2;
    double shift = timer->deviation / timer->weight;
    double variance = timer->deviation_squared / timer->weight - shift * shift;
    if (!isfinite(variance)) {
        return half_range;
    }
    return fmin(sqrt(fmax(variance, 0)), half_range);
}
