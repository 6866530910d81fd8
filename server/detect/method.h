/* SPDX-License-Identifier: MIT
 *
 * A method: how a figure is told from a usual one. Private to the detector, on whose state the
 * operations work.
 *
 * sigma  mean and deviation of the sound windows (sigma.h).
 * auto   range, shape, season and level (auto.h). The baselines of sigma are kept beside it: for
 *        the columns mean and stddev, for silence, for statistics beyond anomaly.max_memory, and
 *        for the day when the method is changed back.
 */
#ifndef SERVER_DETECT_METHOD_H
#define SERVER_DETECT_METHOD_H

#include "server/detect/detector_private.h"

/* The highest score of a window in which no anomaly is seen or may start. */
#define SCORE_BELOW 0.499999

struct method {
    /* Takes a finite value of at most DETECTOR_VALUE_MAX: starts, carries on or ends the anomaly of
     * its statistic, learns what is sound, and sets detector->reading where that is kept. */
    void (*observe)(struct detector *detector, const struct subject *subject);

    /* The rule and the windows with samples in a row by which silence, as rate 0, is judged. */
    struct sigma_rule (*silence_rule)(const struct detector *detector);
    unsigned (*silence_after)(const struct detector *detector);

    /* The statistics of a series start afresh; their baselines are taken care of. */
    void (*forget)(struct detector *detector, enum metric_kind kind, uint32_t index);
};

extern const struct method method_sigma;
extern const struct method method_auto;

/* What method_sigma does with a value, for what another method cannot judge. */
void method_sigma_observe(struct detector *detector, const struct subject *subject);

/* Starts an anomaly of type flatline where silence is one by the method's rule. */
bool method_start_flatline(struct detector *detector, const struct subject *subject);

#endif
