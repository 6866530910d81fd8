/* SPDX-License-Identifier: MIT
 *
 * The method `auto`: a streaming detector of constant memory for one statistic of one series. It
 * keeps no history. Six parts look at each window, and their findings are joined to one figure:
 *
 *   range   (auto_range.h)   the value left the range it has kept to so far
 *   shape   (auto_shape.h)   value, level, step and unrest are together like nothing seen before
 *   season  (auto_season.h)  the value is not what this time of day has
 *   level   (auto_level.h)   the short mean left the long one
 *   unrest  (auto_range.h)   steps from window to window are larger than they have been
 *   zero    (auto_zero.h)    the value is 0 where 0 hardly ever comes
 *
 * An alarm is the start of an anomaly. The next one of the same series is held off for a while, and
 * the more often a series has alarmed lately the more it takes, so that a restless series cannot
 * flood. What a value says of the past is never revised: a verdict depends on the windows before it
 * and its own only, and equal input has equal verdicts.
 *
 * The constants stand in the files of their parts. They were found by random search, on the sources
 * themselves, from a start made by hand; those of the parts were then rounded as far as that cost
 * nothing. What was searched for was a flat maximum: NAB's standard and low-false-positive scores
 * on 29 labelled series of the Numenta Anomaly Benchmark 1.1 at fixed thresholds, as means over
 * several copies of the constants of which each is off by some 10 %, beside the plain scores; the
 * incidents of made-up series (counters, timers and gauges of four days) that are found, drifts
 * above all; few alarms in young series; and the threshold moved each time to where clean noise has
 * as many false alarms as the knob promises. A third digit of a weight may be worth a point of a
 * hundred, so coarse is a yardstick of 58 windows: constants of the join off by 3 % cost one point
 * and those of the parts off by a tenth five.
 *
 * On series not seen expect less than the 74.2 of those 29. In four-fold cross-validation, with the
 * threshold of the other three folds as well, the weights of the join and of restlessness, searched
 * anew beside parts whose constants had seen all folds, scored 63 to 69 by start and length of the
 * search (means of four ways to deal the series out), and 63 to 66 with the parts' constants off by
 * a tenth; all constants searched anew, from a start off by a third, 59. What the method reaches is
 * printed by tests/bench/detectors.py, bench_auto.c and bench_auto_alarms.c.
 *
 * Scale and origin of the values do not matter. Windows without samples are not fed; timestamps
 * serve the time of day (UTC) and the words only. They may step in either direction. Days of the
 * week are not told apart.
 *
 * Pure arithmetic on the caller's structs: no clock, no allocation; any thread on its own state.
 */
#ifndef SERVER_DETECT_AUTO_H
#define SERVER_DETECT_AUTO_H

#include <stdbool.h>
#include <stddef.h>

#include "server/detect/auto_state.h"
#include "server/detect/sigma.h"

/* Sensitivity: false alarms to expect in 30 days of 10-second windows (259,200 of them) of a series
 * in which nothing happens, as a mean over several kinds of noise; heavy tails have twice as many,
 * plain normal noise half. With windows of another length as many come in that number of windows:
 * with windows of a minute in half a year. Series with incidents have fewer, since each raises the
 * threshold for days. */
#define AUTO_FALSE_ALARMS_DEFAULT 30.0
#define AUTO_FALSE_ALARMS_MIN 0.1
#define AUTO_FALSE_ALARMS_MAX 1000.0

struct auto_rule {
    float threshold; /* of the joined figure, for an alarm */
};

enum auto_part {
    AUTO_NOTHING, /* no part found anything */
    AUTO_RANGE,
    AUTO_SHAPE,
    AUTO_SEASON,
    AUTO_LEVEL,
    AUTO_ZERO,
    AUTO_UNREST
};

struct auto_verdict {
    /* From 0 to below 1. At least AUTO_ALARM: an anomaly starts with this window. Below it, and not
     * 0: the same for someone who wants to hear of less; mostly 0. */
    double score;
    enum auto_part part;  /* that spoke loudest */
    enum sigma_side side; /* where the value lies from `usual`; never SIGMA_INSIDE in an alarm */
    double usual;         /* what was expected of this window, */
    double lower, upper;  /* and between which limits most windows lie, now */
    double extreme_s;     /* of a score above 0: the value is the highest (lowest, by `side`) of at
                             least so many seconds, at most a day; 0: it is not, in two hours */
    bool of_the_hour;     /* the three are those of this time of day */
    bool inside;          /* lower <= value <= upper: what deviated is back */
    bool ready;           /* warm: AUTO_WARMUP_WINDOWS windows came before. There are no alarms
                             before that, and `inside` is true */
};

#define AUTO_ALARM 0.5
#define AUTO_WARMUP_WINDOWS 60
#define AUTO_HOLD_WINDOWS 40 /* least distance of two alarms of a series; of two notices, too */
#define AUTO_LINE_BYTES 64   /* of memory, at a time */
#define AUTO_DAY_S 86400.0

/* Out of bounds is taken for the nearest bound. */
struct auto_rule auto_rule_make(double false_alarms_a_month);

/* Judges and learns a window. `timestamp_s` is its end in Unix seconds. A value that is not finite
 * changes nothing and has the score 0. */
struct auto_verdict auto_observe(const struct auto_rule *rule, struct auto_state *state,
                                 double value, double timestamp_s);

/* Asks for a state that is to be fed soon. Who walks many does so one window of another state
 * ahead: a state is eighteen lines of memory, and waiting for them takes longer than all
 * arithmetic. */
static inline void auto_prefetch(const struct auto_state *state)
{
    for (size_t line = 0; line < sizeof *state; line += AUTO_LINE_BYTES) {
        __builtin_prefetch((const char *)state + line, 1);
    }
}

#endif
