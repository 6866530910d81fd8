/* SPDX-License-Identifier: MIT
 *
 * Anomalies of severity info: series that get worse slowly, where each window is usual beside the
 * one before. With [history] every series is looked at in one of TREND_WATCH_TURNS windows, by the
 * index of its identity, so that the work of a window is a small part of that of all: a line
 * through what the history has, and the robust slope of those few that rise or fall most by it.
 *
 * A trend starts when the series has changed for the worse by TREND_WATCH_CHANGE and by more than
 * chance (trend.h), and ends when a later look no longer finds that, when nothing was found out for
 * TREND_WATCH_PATIENCE windows, or with the series. Only what is known to be for the worse counts
 * (classify.h). In its row `mean` is that of the range, `lower` and `upper` are the ends of the
 * line.
 *
 * The detector's; one thread at a time.
 */
#ifndef SERVER_DETECT_TREND_WATCH_H
#define SERVER_DETECT_TREND_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/detect/rows.h"
#include "server/detect/trend.h"
#include "server/metrics/snapshot.h"

struct history;

#define TREND_WATCH_TURNS 256 /* a power of two */
#define TREND_WATCH_PATIENCE (3 * TREND_WATCH_TURNS)
#define TREND_WATCH_CHANGE 0.2
#define TREND_WATCH_VALUES_MIN 60   /* fewer windows are no trend yet */
#define TREND_WATCH_WINDOWS_MAX 720 /* the latest of the history */

/* Bounds: statistics looked at in a window, those whose robust slope is worked out (half a
 * millisecond each), and trends that last. */
#define TREND_WATCH_LOOKS_MAX 4096
#define TREND_WATCH_ROBUST_MAX 8
#define TREND_WATCH_LASTING_MAX 200

struct trend_watch;

/* NULL without memory. The history has to outlive it. */
struct trend_watch *trend_watch_new(struct history *history);
void trend_watch_free(struct trend_watch *watch); /* NULL is allowed */

/* A statistic of a series in the open window. */
void trend_watch_note(struct trend_watch *watch, const struct identity *identity,
                      enum statistic statistic, double value);

/* Whether it is this series' turn. */
static inline int trend_watch_is_due(uint64_t window, uint32_t index)
{
    return ((window ^ index) & (TREND_WATCH_TURNS - 1)) == 0;
}

/* The window in which what was noted is judged. */
struct trend_watch_window {
    const struct config *config;
    uint64_t number;
    double timestamp;
    struct rows *rows; /* gets starts and ends; those of what lasts have their room already */
    size_t others;     /* end rows of others that there has to be room for */
};

/* Judges what was noted, and returns how many trends started. */
uint64_t trend_watch_judge(struct trend_watch *watch, const struct trend_watch_window *window);

/* The series at this index is gone, its identity still to be read: what lasts of it ends. */
void trend_watch_forget(struct trend_watch *watch, enum metric_kind kind, uint32_t index,
                        struct rows *rows);

/* Ends all. */
void trend_watch_finish(struct trend_watch *watch, struct rows *rows);

/* Appends what lasts to `active`, which has room for `room` rows; returns how many. */
size_t trend_watch_list(const struct trend_watch *watch, struct anomaly_row *active, size_t room);

/* How many last: so many end rows there has to be room for. */
size_t trend_watch_count(const struct trend_watch *watch);

#endif
