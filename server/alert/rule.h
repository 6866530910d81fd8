/* SPDX-License-Identifier: MIT
 *
 * An [alert] section made ready: its condition as data, who is to be told as bits, and which series
 * its patterns take. Rules borrow from the configuration that they are made of. One thread.
 */
#ifndef SERVER_ALERT_RULE_H
#define SERVER_ALERT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/condition.h"
#include "config/config.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

/* A set of rules is a word of bits. */
#define ALERT_RULES_MAX 64

struct alert_rule {
    const struct config_alert *config;
    struct condition condition;
    unsigned kinds;     /* 1 << enum metric_kind: those that have the statistic */
    uint32_t notifiers; /* bit i is the i-th [notify] section */
    /* Of the latest window, for its row. */
    uint64_t matched, pending, firing;
    /* Since the rule is there. */
    uint64_t refused;
    uint64_t windows;
    bool met;         /* it has matched a series */
    uint64_t seen_ns; /* monotonic: the latest samples of any series, or since when it is there */
};

/* The condition has been checked with the configuration. */
struct alert_rule alert_rule_make(const struct config *config, const struct config_alert *alert);

/* Whether the rule is about this series. */
bool alert_rule_takes(const struct alert_rule *rule, const struct identity *identity);

/* Whether two rules mean the same for a series and for those who are told: what the one has begun
 * the other may go on with. */
bool alert_rule_equal(const struct alert_rule *left, const struct alert_rule *right);

/* The statistic of a row, in the unit of its samples; NaN where it has none. `row` is one of the
 * kind's. */
double alert_rule_value(const struct alert_rule *rule, const struct snapshot *snapshot,
                        enum metric_kind kind, const void *row);

#endif
