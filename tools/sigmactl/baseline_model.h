/* SPDX-License-Identifier: MIT
 *
 * What earlier runs say of one statistic of one series, and how a run is taken in: the target that
 * runs are held against with its warning and critical limits, the exponentially weighted mean and
 * variance of the runs, and the latest runs one by one. Arithmetic only; it knows no files. One
 * thread; an entry owns its texts and its history.
 *
 * Mean and variance weigh the newest run by BASELINE_ALPHA, and by 1 / n while there were fewer
 * than 1 / BASELINE_ALPHA runs (mean' = mean + w d, variance' = (1 - w) (variance + w d²), Finch
 * 2009).
 */
#ifndef TOOLS_SIGMACTL_BASELINE_MODEL_H
#define TOOLS_SIGMACTL_BASELINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/detect/classify.h"
#include "server/detect/statistics.h"
#include "server/sink/csv_rows.h"

#define BASELINE_ALPHA 0.1
#define BASELINE_THRESHOLD 0.05
#define BASELINE_HISTORY_MAX 50
/* Critical lies so many times as far from the target as warning. */
#define BASELINE_CRITICAL 2
/* Runs from which on the spread between them is learnt. */
#define BASELINE_RUNS_SPREAD 3
/* What that spread is taken for before the runs say: a deviation of so much of the target, believed
 * as firmly as one of so many degrees of freedom. */
#define BASELINE_SPREAD 0.01
#define BASELINE_SPREAD_FREEDOM 4

/* Texts belong to whoever made the key. */
struct baseline_key {
    enum csv_kind kind;
    const char *metric;
    const char *tags;
    const char *type; /* of a timer, else empty */
    const char *statistic;
};

struct baseline_run {
    double time; /* of its last window, Unix seconds */
    struct centre centre;
};

struct baseline_entry {
    struct baseline_key key;
    enum better better;
    bool pinned;                      /* target and limits are a person's and stay */
    double threshold;                 /* of |target|; NaN: that of the file */
    double target, warning, critical; /* the limits are NaN where neither way is better */
    double mean, variance;            /* exponentially weighted, of the means of runs */
    uint64_t runs, windows;           /* taken in, ever */
    struct baseline_run *history;     /* the latest ones, oldest first */
    size_t history_count;
};

/* By kind, name, tags, type and statistic: as qsort() wants it. */
int baseline_key_compare(const struct baseline_key *a, const struct baseline_key *b);

/* An entry without runs and with texts of its own. False without memory. */
bool baseline_entry_init(struct baseline_entry *entry, const struct baseline_key *key,
                         enum better better);
void baseline_entry_deinit(struct baseline_entry *entry);

/* Takes a run in, unless its time is that of the latest one, which is then left as it is: *known
 * says so. False without memory, with the entry unchanged. */
bool baseline_entry_add(struct baseline_entry *entry, const struct baseline_run *run, bool *known);

/* Forgets every run; target and limits stay until the next one. */
void baseline_entry_reset(struct baseline_entry *entry);

/* Sets the limits from the target: `threshold` of its magnitude away, on the worse side. */
void baseline_entry_limit(struct baseline_entry *entry, double threshold);

/* How far by noise alone a new run's mean may be from the target: the run's own error, that of the
 * runs the target comes from by their weights, and the spread between runs beyond what their errors
 * explain. The spread is taken from each run to the next (von Neumann 1941), so that a level that
 * changed for good does not count as noise for ever, and is drawn towards BASELINE_SPREAD. A pinned
 * target has no error; one without runs to go by leaves the run's own. */
struct deviation baseline_entry_noise(const struct baseline_entry *entry,
                                      const struct centre *centre);

#endif
