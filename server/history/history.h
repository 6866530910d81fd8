/* SPDX-License-Identifier: MIT
 *
 * The latest windows of every series, for trends, reports and who wants to look back: a figure a
 * statistic and window, four bytes each, and of timers three more. Off unless [history] keep says
 * for how long.
 *
 * A window is one piece of memory, a column: for each kind and statistic an array by
 * identity->index. Closing a window so writes in order and touches nothing older. When [history]
 * memory is used up the oldest windows go, whatever `keep` says; 16 bytes an index, for whose it
 * is, come on top. A window without samples of a series is NaN: idle is not zero. After a step back
 * of the clock the windows whose time comes again go too.
 *
 * The flusher adds, the main thread reads; a lock is held while a window is linked in, or one
 * series is read.
 */
#ifndef SERVER_HISTORY_HISTORY_H
#define SERVER_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

/* Windows there can be, whatever `keep` comes to. */
#define HISTORY_WINDOWS_MAX 20000

/* Statistics of a kind: counters rate; gauges value; timers rate, mean and p99; sets unique. */
#define HISTORY_SLOTS_MAX 3

/* What is kept of timers beside these, for tables: nobody looks for trends in it. */
enum history_timer {
    HISTORY_TIMER_P50,
    HISTORY_TIMER_P95,
    HISTORY_TIMER_MAX,
    HISTORY_TIMER_FIGURES
};

struct history;

/* NULL without memory. With keep = off it holds nothing, and costs nothing. */
struct history *history_new(const struct config *config);
void history_free(struct history *history); /* NULL is allowed */

/* Flusher: takes over what is to be kept; what is beyond it goes with the next window. */
void history_configure(struct history *history, const struct config *config);

/* Flusher: takes in a closed window. The short one of a stop is left out. */
void history_add(struct history *history, const struct snapshot *closed);

/* What there is in all. */
struct history_figures {
    uint64_t windows, bytes;
    uint64_t dropped; /* windows that went before their time, for lack of memory */
    double from;      /* Unix seconds: where the oldest window begins; 0 = there is none */
};
void history_figures(struct history *history, struct history_figures *figures);

/* Windows one after the other, by number. */
struct history_range {
    uint64_t first; /* number of the oldest */
    size_t count;
};

/* The windows that end after `from` and not after `to`, in Unix seconds, and of those that are too
 * many for `count_max` the latest. Any thread. */
struct history_range history_find(struct history *history, double from, double to,
                                  size_t count_max);

/* Their ends and lengths, range->count each, oldest first; what went meanwhile is NaN. Either may
 * be NULL. */
void history_stamps(struct history *history, const struct history_range *range, double *stamps,
                    double *seconds);

/* A statistic of a series in them, range->count values; NaN in windows without samples, in those
 * that went meanwhile, and in those of an earlier series at the same index. Returns how many are
 * numbers; 0 with nothing written where the kind has no such statistic. The identity is of a
 * snapshot that the caller holds. */
size_t history_read(struct history *history, const struct history_range *range,
                    const struct identity *identity, enum statistic statistic, double *values);

/* The same of a figure of a timer. Percentiles that are not configured are NaN. */
size_t history_read_timer(struct history *history, const struct history_range *range,
                          const struct identity *identity, enum history_timer figure,
                          double *values);

/* The statistics of a kind, `slot` from 0; false beyond the last. */
bool history_statistic(enum metric_kind kind, unsigned slot, enum statistic *statistic);

#endif
