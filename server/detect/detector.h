/* SPDX-License-Identifier: MIT
 *
 * The detector: the baselines of every statistic of every series, and what deviates from them at
 * present. The flusher feeds it a window at a time, between detector_begin() and detector_end(),
 * and gets back the rows of anomalies.csv and the list of what lasts. It renders, logs and writes
 * nothing.
 *
 * With the method sigma a statistic deviates from its first anomalous window (a start row) until
 * (an end row)
 *   - a window is back inside the limits; or
 *   - `warmup` windows in a row lay on the same side: the baseline restarts from those; or
 *   - a window is beyond the opposite limit: then the next anomaly starts with the same window; or
 *   - it was not judged for `warmup` windows in a row, for want of samples; or
 *   - it was a rate that was too high, and a window has no samples; or
 *   - the series expires, or detection is switched off.
 * Windows that deviate are not learnt. An anomaly keeps its type; its severity only rises, and its
 * end row, like the list of what lasts, has the severest. In a row `stddev` is the deviation taken
 * (never below the noise floor), `lower` and `upper` the limits in effect, sigma and min_change
 * both taken in. With anomaly.hold_off no anomaly of a statistic starts so long after the latest;
 * what would have been one is not learnt either.
 *
 * With the method auto it deviates from the window in which auto.h sees an anomaly start. The first
 * end of the list is then a window inside the usual range, the second 60 windows outside of it, and
 * the others are the same; while it lasts on one side it does not start again. `mean` and `stddev`
 * of a row are of the windows that sigma would have learnt, `lower` and `upper` the usual range.
 *
 * All calls are the flusher's. Rows point to identities, which stay the registry's: one that is
 * given to detector_forget() must be readable as long as the rows of that window are.
 */
#ifndef SERVER_DETECT_DETECTOR_H
#define SERVER_DETECT_DETECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

/* Of what lasts, detector_end() lists at most so many, the critical ones first. */
#define DETECTOR_ACTIVE_MAX 1000

/* Values of larger magnitude are not judged. */
#define DETECTOR_VALUE_MAX 1e150

struct detector;
struct history;

struct detector_totals {
    uint64_t starts[SEVERITIES]; /* anomalies, by the severity they started with */
    uint64_t refused; /* windows of a statistic not judged or not called out: at a bound, or without
                         memory */
    uint64_t ignored; /* values that are not finite or beyond DETECTOR_VALUE_MAX */
    uint64_t substitutes; /* statistics of the latest window that sigma judged in place of auto, for
                             want of room for their states in anomaly.max_memory */
};

/* NULL without memory. The configuration must stay until detector_configure() or detector_free().
 */
struct detector *detector_new(const struct config *config);
void detector_free(struct detector *detector); /* NULL is allowed */

/* Takes over [anomaly] of another configuration; baselines stay. With method = off nothing is
 * judged or learnt; what lasts ends with the next window then, and with a change of the method. The
 * states of auto go when it does, or where they are more than a new anomaly.max_memory: then it
 * starts afresh. Sigma goes on from what it learnt meanwhile. */
void detector_configure(struct detector *detector, const struct config *config);

/* Has slow trends for the worse found in the history, which has to outlive the detector, as
 * anomalies of severity info (trend_watch.h), while [history] keeps one. False without memory. */
bool detector_watch_trends(struct detector *detector, struct history *history);

/* A window starts being judged: its end in Unix seconds and its measured length. Rows of the window
 * before become invalid. */
void detector_begin(struct detector *detector, double timestamp, double window_seconds);

/* Judges and learns a statistic of a series that had samples in this window; at most once a window.
 * The kind of the series must have the statistic: counters rate; gauges value; timers mean, p99,
 * rate; sets unique. `noise_floor` is the least deviation to assume: sqrt(count) / window_seconds
 * for rates, else 0. */
void detector_observe(struct detector *detector, const struct identity *identity,
                      enum statistic statistic, double value, double noise_floor);

/* A known series had no sample in this window. Nothing is learnt. A counter or timer that had
 * samples in each of the `warmup` windows (with auto: at least 60) before it fell silent is judged
 * as rate 0, type flatline, by sigma (with auto: by four deviations, whatever anomaly.sigma is).
 * A silence shorter than the usual window (after POST /-/flush, say) must also be longer than
 * chance explains: its floor is the square root of the samples it should have held. */
void detector_observe_idle(struct detector *detector, const struct identity *identity);

/* The series at this index expired. What it had that lasts ends, with a row of this window (of the
 * next one where none is open); the next series at this index starts afresh. */
void detector_forget(struct detector *detector, enum metric_kind kind, uint32_t index);

/* The window is judged. Hands out its starts and ends in the order they were found, and what lasts;
 * both are the detector's, unchanged until the next call other than detector_totals() and
 * detector_bytes(). */
void detector_end(struct detector *detector, const struct anomaly_row **rows, size_t *row_count,
                  const struct anomaly_row **active, size_t *active_count);

/* What the method saw in the latest observed value. Kept once detector_keep_reading() was called,
 * which costs a little; else undefined. */
struct detector_reading {
    double score; /* from 0 to 1, how far from usual: at least 0.5 exactly where the value is an
                     anomaly by sigma, or where one starts by auto or with anomaly.hold_off */
    double lower, upper; /* the usual range it was held against; NaN where there is none yet */
};
void detector_keep_reading(struct detector *detector);
struct detector_reading detector_reading(const struct detector *detector);

const struct detector_totals *detector_totals(const struct detector *detector);

/* Memory taken from the system, and what of it the states of auto take. */
size_t detector_state_bytes(const struct detector *detector);
size_t detector_bytes(const struct detector *detector);

#endif
