/* SPDX-License-Identifier: MIT
 *
 * What a snapshot says of alerts: one row for every alert that is pending or firing, or has just
 * been resolved. An alert is one rule, [alert "NAME"], on one series. Rows and their texts belong
 * to the snapshot that they are in; they hold no pointer to an identity, since an alert can outlive
 * its series (absent) and the server (restarts).
 *
 * Immutable; any thread that holds the snapshot or a reference.
 */
#ifndef SERVER_METRICS_ALERT_H
#define SERVER_METRICS_ALERT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/severity.h"

/* [notify "NAME"] sections there can be; a set of them is a word of bits. */
#define ALERT_NOTIFIERS_MAX 32

enum alert_state { ALERT_INACTIVE, ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED, ALERT_STATES };
const char *
alert_state_name(enum alert_state state); /* "inactive", "pending", "firing", "resolved" */

struct alert_row {
    const char *name;        /* of the rule */
    const char *condition;   /* as configured */
    const char *description; /* as configured; "" for none */
    const char *metric;      /* name of the series; of `absent`, the pattern where none is known */
    const char *tags;        /* canonical, as the tags column of CSV has them; "" for none */
    const char *reason;      /* words: "p99 312 > 250 for 3 windows" */
    enum alert_state state;
    enum anomaly_severity severity;
    double value;         /* what the condition was held against, NaN where there is none */
    double threshold;     /* what it was compared with, NaN where there is none */
    double pending_since; /* Unix seconds; the three are 0 where it has not come to that */
    double firing_since;
    double resolved_at;
    bool changed;       /* into this state with this window */
    uint32_t notifiers; /* who was told that it fires, or is now: bit i is the i-th [notify] */
    uint32_t notify; /* who is to be told of this row now. 0 while there is nothing new, and where
                        the cooldown holds it back */
};

/* What a rule does at present. */
struct alert_rule_row {
    const char *name, *condition, *metric;
    enum anomaly_severity severity;
    uint64_t matched; /* series that the patterns take */
    uint64_t pending, firing;
    uint64_t refused; /* alerts and memories of changes that found no room */
};

/* The rows of one window and the text they point to, in one piece and counted: every snapshot up to
 * the next closed window shares it. */
struct alert_set {
    const struct alert_row *rows;
    const struct alert_rule_row *rules;
    size_t count, rule_count;
    size_t bytes; /* all of it */
    _Atomic uint32_t references;
};

struct alert_set *alert_set_ref(struct alert_set *set); /* NULL is allowed in both */
void alert_set_unref(struct alert_set *set);            /* any thread */

#endif
