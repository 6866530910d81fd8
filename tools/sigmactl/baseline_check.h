/* SPDX-License-Identifier: MIT
 *
 * A run held against a baseline: a judgement for every statistic that either of them has. Worse
 * means beyond the warning limit, and so far from the target that noise explains it in less than
 * one check in 1 / level, all statistics of the check taken together (Benjamini and Hochberg: where
 * nothing has changed, the chance that anything is called worse is at most `level`). Pure
 * computation; one thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_CHECK_H
#define TOOLS_SIGMACTL_BASELINE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/baseline_file.h"
#include "tools/sigmactl/baseline_measure.h"

#define BASELINE_LEVEL 0.005

/* In the order in which people want to read them. */
enum baseline_state {
    BASELINE_CRITICAL_WORSE, /* beyond the critical limit, and not by noise */
    BASELINE_WORSE,          /* beyond the warning limit, and not by noise */
    BASELINE_MISSING,        /* in the baseline, not in the run */
    BASELINE_UNSURE,         /* beyond the warning limit, as noise may be */
    BASELINE_FEW,            /* in the run in too few windows */
    BASELINE_CHANGED,        /* off by the threshold where neither way is better, not by noise */
    BASELINE_NEW,            /* in the run, not in the baseline */
    BASELINE_IMPROVED,       /* better than the threshold, and not by noise */
    BASELINE_NOISY,          /* within limits, but a change up to critical would not have shown */
    BASELINE_OK,
    BASELINE_STATES
};

struct baseline_judgement {
    enum baseline_state state;
    const struct baseline_key *key;
    const struct baseline_entry *entry;     /* NULL: new */
    const struct baseline_measure *measure; /* NULL: missing */
    double change; /* (run - target) / |target|; NaN where there is no such figure */
    double chance; /* of so large a difference by noise; adjusted where a way is better; NaN */
};

struct baseline_check {
    struct baseline_judgement *items; /* by state, then by size of the change */
    size_t count;
    size_t states[BASELINE_STATES]; /* how many there are of each */
};

struct baseline_check_rules {
    const char *metric;               /* a glob: series of other names are left out; NULL = none */
    const struct baseline_rules *run; /* statistics that are not wanted are left out likewise */
    double level;
};

/* False without memory. baseline_check_deinit() is to be called in either case; file and measures
 * have to outlive the check. */
bool baseline_check_init(struct baseline_check *check, const struct baseline_file *file,
                         const struct baseline_measures *measures,
                         const struct baseline_check_rules *rules);
void baseline_check_deinit(struct baseline_check *check);

/* A word a state: "critical", "worse", "missing", … */
const char *baseline_state_name(enum baseline_state state);

/* How many statistics were held against their baseline. */
size_t baseline_check_judged(const struct baseline_check *check);

/* How many are worse, and how many of these by runs too few to know the spread between runs. */
size_t baseline_check_worse(const struct baseline_check *check);
size_t baseline_check_early(const struct baseline_check *check);

#endif
