/* SPDX-License-Identifier: MIT
 *
 * One run in figures: what each statistic of each series was in its windows, summed up as a centre
 * with its noise. Pure computation over series in memory, whose texts the measures point to. One
 * thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_MEASURE_H
#define TOOLS_SIGMACTL_BASELINE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/baseline_file.h"
#include "tools/sigmactl/csv_series.h"

/* Of fewer windows nothing is said. */
#define BASELINE_WINDOWS_MIN 5

struct baseline_rules {
    const char *statistics; /* globs by comma; NULL: rate, value, and of timers mean p50 p95 p99 */
    const struct baseline_file *file; /* where statistics is NULL, also what is in it; or NULL */
    double skip_s;                    /* so much of the run's beginning is left out */
};

/* Whether a statistic is asked for. */
bool baseline_rules_want(const struct baseline_rules *rules, const struct baseline_key *key);

struct baseline_measure {
    struct baseline_key key;
    struct baseline_run run; /* undefined where it is of too few windows */
    size_t windows;          /* with a figure */
    bool few;
};

struct baseline_measures {
    struct baseline_measure *items; /* sorted by key */
    size_t count, capacity;
    size_t few;      /* of items, those of too few windows */
    size_t unnamed;  /* series left out because JSON cannot hold their names: not UTF-8 */
    double from, to; /* stamps of the first and last window, NaN without any */
};

/* False without memory. baseline_measures_deinit() is to be called in either case; the list has to
 * outlive the measures. */
bool baseline_measures_init(struct baseline_measures *measures, const struct csv_series_list *list,
                            const struct baseline_rules *rules);
void baseline_measures_deinit(struct baseline_measures *measures);

#endif
