/* SPDX-License-Identifier: MIT
 *
 * Series for the tests of the method `auto`, the same in every run, and a feeder that gives them to
 * a state in windows of 10 seconds. Included after <cmocka.h>.
 */
#ifndef TESTS_UNIT_DETECT_AUTO_SERIES_H
#define TESTS_UNIT_DETECT_AUTO_SERIES_H

#include <math.h>
#include <stdlib.h>

#include "server/detect/auto.h"
#include "tests/unit/random.h"

#define WINDOW_S 10.0
#define DAY_WINDOWS 8640
#define START_S 1.7e9

struct feeder {
    struct auto_rule rule;
    struct auto_state state;
    uint64_t seed;
    unsigned windows;
    unsigned alarms;
    struct auto_verdict verdict; /* of the latest window */
};

static inline struct feeder *feeder_new(double false_alarms_a_month, uint64_t seed)
{
    struct feeder *feeder = calloc(1, sizeof *feeder);
    assert_non_null(feeder);
    feeder->rule = auto_rule_make(false_alarms_a_month);
    feeder->seed = seed;
    return feeder;
}

static inline double feeder_time(const struct feeder *feeder)
{
    return START_S + WINDOW_S * feeder->windows;
}

/* Whether the value raised an alarm. */
static inline bool feed(struct feeder *feeder, double value)
{
    feeder->verdict = auto_observe(&feeder->rule, &feeder->state, value, feeder_time(feeder));
    feeder->windows++;
    bool alarm = feeder->verdict.score >= AUTO_ALARM;
    feeder->alarms += alarm;
    return alarm;
}

static inline double uniform(uint64_t *seed)
{
    return ((double)(random_next(seed) >> 11) + 0.5) * 0x1p-53;
}

static inline double normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(uniform(seed)));
    return radius * cos(2 * M_PI * uniform(seed));
}

static inline void feed_noise(struct feeder *feeder, unsigned windows, double mean, double stddev)
{
    for (unsigned i = 0; i < windows; i++) {
        feed(feeder, mean + stddev * normal(&feeder->seed));
    }
}

#endif
