/* SPDX-License-Identifier: MIT
 *
 * The condition of an alert, from the text of a key to plain data:
 *
 *     STAT OP NUMBER                   p99 > 250    rate < 10    p99 >= 0.25s (of ms timers)
 *     [STAT] change OP NUMBER% over T  change > 20% over 1h    mean |change| > 50% over 10m
 *     anomaly OP SEVERITY              anomaly >= warning
 *     absent T                         absent 5m
 *
 * STAT is count, rate, sum, mean, min, max, stddev, value, unique or a percentile (p99.9); a change
 * without one is of the statistic that its kind is known by: a rate, a timer's mean, a value, a
 * number of members. OP is > >= < <= = or !=. A change is what there is now against what there was
 * T ago, as a share of the latter: below 0 it is a fall, `|change|` takes both ways. T is a
 * duration as in other keys. Pure; any thread.
 */
#ifndef CONFIG_CONDITION_H
#define CONFIG_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

enum condition_form { CONDITION_THRESHOLD, CONDITION_CHANGE, CONDITION_ANOMALY, CONDITION_ABSENT };

enum condition_statistic {
    CONDITION_MAIN, /* what the kind is known by */
    CONDITION_COUNT,
    CONDITION_RATE,
    CONDITION_SUM,
    CONDITION_MEAN,
    CONDITION_MIN,
    CONDITION_MAX,
    CONDITION_STDDEV,
    CONDITION_VALUE,
    CONDITION_UNIQUE,
    CONDITION_PERCENTILE,
    CONDITION_STATISTICS
};

enum condition_operator {
    CONDITION_ABOVE,
    CONDITION_AT_LEAST,
    CONDITION_BELOW,
    CONDITION_AT_MOST,
    CONDITION_EQUAL,
    CONDITION_UNEQUAL
};

struct condition {
    enum condition_form form;
    enum condition_statistic statistic;
    double percent; /* of a percentile, in (0, 100] */
    enum condition_operator compare;
    double threshold; /* in the unit of the samples (a `s` behind it is 1,000); of a change a
                         fraction; of an anomaly the enum anomaly_severity */
    bool seconds;     /* the threshold was given in a unit of time: only ms timers have one */
    bool magnitude;   /* |change| */
    uint64_t time_ms; /* of `over` and `absent` */
};

/* `absent` and `over` take these, both ends included. */
#define CONDITION_TIME_MS_MIN 1000
#define CONDITION_TIME_MS_MAX (31 * UINT64_C(86400000))

/* Room for the reason of a refusal. */
#define CONDITION_WHY_MAX 160

/* Room for the name of a statistic. */
#define CONDITION_NAME_MAX 40

/* False with the reason, which names the place ("at 'foo'"), where the text is no condition. */
bool condition_parse(const char *text, struct condition *condition, char why[CONDITION_WHY_MAX]);

/* Whether `value` stands in this relation to the threshold; false where it is not a number. */
bool condition_holds(const struct condition *condition, double value);

/* "p99", "rate", …; of a percentile its text goes to `room`. */
const char *condition_statistic_name(const struct condition *condition,
                                     char room[CONDITION_NAME_MAX]);

/* ">", … */
const char *condition_operator_text(enum condition_operator compare);

#endif
