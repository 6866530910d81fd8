/* SPDX-License-Identifier: MIT
 *
 * What every output reads: all known series at one moment, immutable, shared by reference count.
 * The flusher publishes one at the close of each window (`closed`), and one between when somebody
 * wants fresher totals. Rows of a series that had no sample in the window are present with
 * `updated` = false: CSV leaves them out, Prometheus shows their totals. Rows are in the order of
 * identity->index within a kind.
 *
 * Any thread may read; snapshot_unref() may be called on any thread.
 */
#ifndef SERVER_METRICS_SNAPSHOT_H
#define SERVER_METRICS_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/alert.h"
#include "server/metrics/events.h"
#include "server/metrics/exemplar.h"
#include "server/metrics/identity.h"
#include "server/metrics/set.h"
#include "server/metrics/severity.h"
#include "server/metrics/sketch.h"
#include "server/metrics/stages.h"

struct counter_row {
    const struct identity *identity;
    double count; /* of the window: Σ value/rate, negative increments included */
    double rate;  /* count a second of the measured window; profile etsy: of flush.interval */
    double total; /* since the series was first seen: positive increments only, the open window
                     included */
    bool updated;
};

struct gauge_row {
    const struct identity *identity;
    double value;
    uint64_t updated_ns; /* monotonic stamp of the latest sample, to tell which of two is newer */
    bool updated;
};

/* What lies at or below a percentile of a window, or, where the percent is negative, at the top: 10
 * is the lowest tenth of the samples, -10 the highest. */
struct percentile_part {
    double percent;
    double count; /* samples in it; 0 where the window has too few for one, and then so is all else
                   */
    double mean, sum, sum_squares;
    double bound; /* its highest sample, or of the top its lowest */
};

/* Samples from the bound of the bin before to its own. With profile etsy a sample at a bound is in
 * the next bin and each counts once; otherwise it is within the bound, as with Prometheus' `le`,
 * and samples have their weights. */
struct histogram_bin {
    double bound; /* as configured, in the unit of the samples; may be infinite */
    double count;
};

/* Of a closed window with samples, for outputs that show more than most do. With profile etsy all
 * of it is etsy statsd's arithmetic: the samples themselves, each counted once whatever its rate.
 * Otherwise samples are weighted, and once there are many parts are worked out from the sketch. */
struct timer_details {
    double median, sum_squares;
    const struct percentile_part *parts; /* snapshot->percentile_count, in their order */
    const struct histogram_bin *bins;    /* of the first [histogram] that fits the name */
    size_t bin_count;
};

struct timer_row {
    const struct identity *identity;
    /* Of the window; all 0 where it had no sample. Sum, mean and deviation are weighted by the
     * samples' rates, but for profile etsy, where they are not. */
    double count, rate, sum, mean, min, max, stddev;
    /* Since first seen, the open window included. */
    double total_count, total_sum;
    /* Of the latest closed window with samples, snapshot->percentile_count values, NULL when there
     * was none within quantile_window. In a closed snapshot of a window with samples: of that very
     * window. */
    const double *percentiles;
    const struct sketch *sketch; /* of the same window; NULL as above. For merging two series. */
    /* Cumulative classic-histogram buckets since first seen, one a bound of the configuration
     * (prometheus.buckets for ms, buckets_plain else) without +Inf; NULL unless timer_type =
     * histogram. */
    const double *buckets;
    /* NULL in a window without samples, in views, and where nobody wants them: they are there with
     * profile etsy, for a timer with bins, and where an output asks for them (derive.c). */
    const struct timer_details *details;
    /* All samples since first seen, the open window included, in whole units (sketch_total.h). NULL
     * where there were none, and unless timer_type = native or something else asked for it
     * (flusher_options.total_sketches). */
    const struct sketch *total_sketch;
    uint64_t samples; /* received in the window, unweighted */
    bool updated;
};

struct set_row {
    const struct identity *identity;
    double unique; /* of the window, or of the latest closed one with samples where not updated */
    const struct set *set; /* the members behind it, for merging two series; may be NULL */
    bool updated;
};

enum statistic {
    STATISTIC_RATE,
    STATISTIC_VALUE,
    STATISTIC_MEAN,
    STATISTIC_P99,
    STATISTIC_UNIQUE,
    STATISTICS
};
const char *statistic_name(enum statistic statistic); /* "rate", "value", "mean", "p99", "unique" */

enum anomaly_type {
    ANOMALY_HIGH_LATENCY,
    ANOMALY_HIGH_RATE,
    ANOMALY_LOW_RATE,
    ANOMALY_HIGH_VALUE,
    ANOMALY_LOW_VALUE,
    ANOMALY_HIGH_ERROR_RATE,
    ANOMALY_HIGH_MEMORY,
    ANOMALY_HIGH_CPU,
    ANOMALY_LOW_THROUGHPUT,
    ANOMALY_FLATLINE,
    ANOMALY_TYPES
};
const char *anomaly_type_name(enum anomaly_type type); /* "high_latency", … */

struct anomaly_row {
    const struct identity *identity;
    double value, mean, stddev, lower, upper; /* the baseline's before this window */
    double since;                             /* Unix seconds of the window it started in */
    enum statistic statistic;
    enum anomaly_type type;
    enum anomaly_severity severity;
    bool end;         /* state: false = start, true = end */
    char reason[160]; /* words, NUL-terminated, e.g. "mean 214 is 5.2 sigma above 41 (limit 58)" */
};

struct snapshot {
    uint64_t sequence; /* strictly increasing over all snapshots */
    uint64_t window;   /* how many windows were closed, this one included */
    bool closed;       /* a whole window; else a live view into the open one */
    bool final;        /* the short window that the stop of the server closed */
    bool has_bins;     /* [histogram] sections are configured */
    bool idle_is_zero; /* profile etsy: a series without samples counts as one with zeros */
    uint64_t taken_ns; /* monotonic stamp: what was received before is in it */
    double timestamp;  /* Unix seconds of the window's end (or of the view), at most 3 decimals */
    double window_seconds; /* measured length of the window (or of the open one so far) */
    double uptime_seconds;
    const double *percents; /* flush.percentiles, percentile_count values */
    size_t percentile_count;

    const struct counter_row *counters;
    const struct gauge_row *gauges;
    const struct timer_row *timers;
    const struct set_row *sets;
    size_t counter_count, gauge_count, timer_count, set_count;
    size_t details_bytes; /* what the details of timers take */

    /* Of a closed window: anomalies that started or ended with it. */
    const struct anomaly_row *anomalies;
    size_t anomaly_count;
    /* Anomalies that last (at most 1,000); `end` is false. Present in views as well. */
    const struct anomaly_row *active;
    size_t active_count;

    /* Alerts that are pending or firing, and those resolved with the window, and what the rules do;
     * in views as of the latest closed window. NULL where there are no rules, and in the short
     * window of a stop. */
    struct alert_set *alerts;

    /* How closing the window before this one went; all zero in the first. */
    struct flush_stages stages;

    /* Of a closed window: the events and service checks received in it, their text in event_bytes.
     */
    const struct event_row *events;
    const char *event_bytes;
    size_t event_count, event_bytes_length;

    struct exemplars exemplars; /* its own; of counters and timers (exemplars_find()) */

    _Atomic uint32_t references;
    void (*release)(struct snapshot *snapshot); /* set by the maker; called at the last unref */
};

struct snapshot *snapshot_ref(const struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* NULL is allowed */

#endif
