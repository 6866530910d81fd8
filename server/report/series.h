/* SPDX-License-Identifier: MIT
 *
 * A series as a report looks at it: what it is called, its statistics at each point of the time,
 * and its sums over all of it. Who collects fills one and gives it to gather.h; what a report keeps
 * are copies, of which the tables of a report share one by reference count. One thread.
 */
#ifndef SERVER_REPORT_SERIES_H
#define SERVER_REPORT_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/statsd.h"
#include "server/detect/classify.h"
#include "server/detect/trend.h"
#include "server/metrics/snapshot.h"
#include "server/report/change.h"
#include "server/report/points.h"
#include "server/report/words.h"

/* The percentiles that a report shows. */
enum series_percentile { SERIES_P50, SERIES_P95, SERIES_P99, SERIES_PERCENTILES };

struct series {
    const char *name; /* any bytes */
    const char *tags; /* as the tags column of CSV has them, without its quotes */
    size_t name_length, tags_length;
    enum statsd_type type;
    unsigned references;

    /* By statistic; NaN at points without a sample. */
    bool has[STATISTICS];
    double values[STATISTICS][POINTS_MAX];
    enum better better[STATISTICS]; /* of a change, where it is known */

    /* Over all windows with samples. */
    uint64_t windows;
    double count;                       /* of counters and timers: the sum over the windows */
    double sum, min, max;               /* of timers; NaN where there is none */
    double typical[SERIES_PERCENTILES]; /* of timers: the median of the points; NaN where unknown */
    double worst[SERIES_PERCENTILES];   /* and the largest of all windows */
    double samples;     /* received a window, unweighted, the median; NaN where unknown */
    double longest_gap; /* seconds between two samples of it, so far as they are known */

    /* Worked out by gather.h: the change that weighs most, and in which statistic. */
    struct change change;
    enum statistic changed;
    double weight; /* 0 = nothing has changed */

    /* And the trend that matters most. */
    struct trend trend;
    enum statistic trending;
};

/* All is empty: no name, NaN at each point. */
void series_reset(struct series *series);

/* The median of the numbers among up to POINTS_MAX values, NaN where there are none: what is
 * typical of them. */
double series_median(const double *values, size_t count);

/* A copy with names of its own and one reference. NULL without memory. */
struct series *series_copy(const struct series *series);
void series_unref(struct series *series); /* NULL is allowed */

/* The unit of a statistic of this series. */
enum unit series_unit(const struct series *series, enum statistic statistic);

bool series_is_timer(const struct series *series);

/* Looks for a change in each statistic and keeps the one that weighs most: its size by how clear it
 * is, whole where it is for the worse, three quarters where that cannot be said, half where it is
 * for the better. `share_min` as of change_find(). */
void series_weigh(struct series *series, size_t points, double share_min);

#endif
