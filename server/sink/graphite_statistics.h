/* SPDX-License-Identifier: MIT
 *
 * Which figures of a timer are shown, what each is called, and where it is in a row. Names are etsy
 * statsd's: upper_90, mean_99_9 for 99.9, lower_top10 for -10; a list of wanted ones compares them
 * as etsy does (lib/process_metrics.js, filter_timer_metrics): a number at the end, behind `_` or
 * `_top`, counts as `_percent`. One thread at a time.
 */
#ifndef SERVER_SINK_GRAPHITE_STATISTICS_H
#define SERVER_SINK_GRAPHITE_STATISTICS_H

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"
#include "server/sink/graphite_put.h"

enum graphite_figure {
    FIGURE_PART_COUNT,
    FIGURE_PART_MEAN,
    FIGURE_PART_BOUND,
    FIGURE_PART_SUM,
    FIGURE_PART_SUM_SQUARES,
    FIGURE_STD,
    FIGURE_UPPER,
    FIGURE_LOWER,
    FIGURE_COUNT,
    FIGURE_COUNT_PS,
    FIGURE_SUM,
    FIGURE_SUM_SQUARES,
    FIGURE_MEAN,
    FIGURE_MEDIAN,
    GRAPHITE_FIGURES
};

struct graphite_statistic {
    enum graphite_figure figure;
    size_t index; /* of the percentile, for the parts and the median; SIZE_MAX = none */
    char *tail;   /* ".upper_90" and the suffix */
    size_t tail_length;
};

/* All zero is empty. */
struct graphite_statistics {
    struct graphite_statistic *items;
    size_t count;
    bool bins; /* histograms are shown */
    struct config_strings wanted;
    struct buffer suffix;
    struct buffer bin; /* the latest graphite_statistics_bin() */
};

/* `wanted` (empty = all) and `suffix` are copied. False without memory. */
bool graphite_statistics_init(struct graphite_statistics *statistics,
                              const struct config_strings *wanted, const char *suffix);

/* Makes the list for the percentiles of a snapshot, which never change: once. False without memory.
 */
bool graphite_statistics_make(struct graphite_statistics *statistics,
                              const struct snapshot *snapshot);

/* False where the row does not have it: of an idle timer there are two counts of 0. */
bool graphite_statistics_value(const struct graphite_statistic *statistic,
                               const struct timer_row *row, double *value);

/* ".histogram.bin_100_5" and the suffix; valid until the next call. */
struct graphite_text graphite_statistics_bin(struct graphite_statistics *statistics, double bound);

void graphite_statistics_deinit(struct graphite_statistics *statistics);

#endif
