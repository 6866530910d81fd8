/* SPDX-License-Identifier: MIT
 *
 * The time of a report in equal parts, the points, so that a series takes the same memory however
 * many windows there are. A point is the mean of the windows that end in it. Plain data.
 */
#ifndef SERVER_REPORT_POINTS_H
#define SERVER_REPORT_POINTS_H

#include <stddef.h>

#define POINTS_MAX 120

struct points {
    double from, to; /* Unix seconds; points lie behind `from`, up to and with `to` */
    size_t count;    /* 1 to POINTS_MAX */
};

/* Points for windows of `interval` seconds that end after `from` and no later than `to`: one a
 * window, or of several windows each where there are more. */
static inline struct points points_of(double from, double to, double interval)
{
    double windows = interval > 0 && to > from ? (to - from) / interval : 1;
    double each = windows > POINTS_MAX ? (double)(size_t)((windows - 1) / POINTS_MAX + 1) : 1;
    size_t count = (size_t)(windows / each + 0.999);
    count = count < 1 ? 1 : count > POINTS_MAX ? POINTS_MAX : count;
    return (struct points){.from = to - (double)count * (interval > 0 ? interval : 1) * each,
                           .to = to,
                           .count = count};
}

static inline double points_step(const struct points *points)
{
    return (points->to - points->from) / (double)points->count;
}

/* The point of a window that ends at this time; `count` where it is outside. */
static inline size_t points_index(const struct points *points, double timestamp)
{
    double at = (timestamp - points->from) / points_step(points);
    if (!(at > 1e-6) || at > (double)points->count + 1e-6) {
        return points->count;
    }
    size_t index = (size_t)(at - 1e-6);
    return index < points->count ? index : points->count - 1;
}

/* The end of a point. */
static inline double points_stamp(const struct points *points, size_t index)
{
    return points->from + (double)(index + 1) * points_step(points);
}

#endif
