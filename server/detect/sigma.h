/* SPDX-License-Identifier: MIT
 *
 * The method `sigma`: pure arithmetic on one baseline, which is the mean and the population
 * standard deviation of the sound windows of one statistic. It knows no series, no episodes and no
 * time; the caller decides which windows are sound and when a baseline is old enough to judge by.
 *
 * Both moments are exponentially weighted with alpha = 2 / (history + 1), and plain (every window
 * weighs the same) until there are 1 / alpha windows. With the weight w of the newest window and d
 * = x - mean:
 *
 *     mean' = mean + w d,   variance' = (1 - w) (variance + w d²)
 *
 * which is the weighted mean and variance of the whole history exactly (Welford 1962 for w = 1/n;
 * Finch, "Incremental calculation of weighted mean and variance", 2009, for a constant w). Equal
 * values have d = 0, so that their mean is the value to the last bit and their deviation 0.
 *
 * No state beyond the caller's structs; any thread on its own baseline.
 */
#ifndef SERVER_DETECT_SIGMA_H
#define SERVER_DETECT_SIGMA_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Larger magnitudes cannot be judged, since their squares have no room in a double. */
#define SIGMA_VALUE_MAX 1e150 /* DETECTOR_VALUE_MAX is no larger */

/* A deviation is kept to 24 bits. So that a value on the limit is never taken for one beyond it
 * (whole numbers hit limits exactly: ten windows with one outlier have it at mean + 3 stddev),
 * limits are this much wider. */
#define SIGMA_TOLERANCE 1e-6

/* Windows are counted up to here; a longer history than 2 * 65,535 acts as this one. */
#define SIGMA_WINDOWS_MAX UINT16_MAX

/* All zero is the empty baseline. Sixteen bytes, since there may be millions. */
struct baseline {
    double mean;
    float stddev;     /* population; stays at FLT_MAX where it would be larger */
    uint16_t windows; /* learnt from, at most SIGMA_WINDOWS_MAX */
    uint16_t episode; /* the keeper's own, 0 in an empty baseline; no function here looks at it */
};

struct sigma_rule {
    double sigma;
    double min_change; /* of |mean|, a fraction */
    double alpha;      /* weight of the newest window, once there are 1 / alpha of them */
};

enum sigma_side { SIGMA_INSIDE, SIGMA_ABOVE, SIGMA_BELOW };

/* What a value is held against. */
struct sigma_limits {
    double deviation; /* the larger of the baseline's and the noise floor */
    double lower;     /* effective: sigma and min_change are both taken in */
    double upper;
};

/* Moments of a run of windows that may become a baseline: plain, in full precision. All zero is
 * empty. */
struct sigma_run {
    double mean;
    double squares; /* Σ (x - mean)² */
    uint32_t windows;
};

struct sigma_rule sigma_rule_make(double sigma, unsigned history_windows, double min_change);

/* Takes the run for the baseline, which keeps its episode. */
void sigma_restart(struct baseline *baseline, const struct sigma_run *run);

void sigma_run_add(struct sigma_run *run, double value);

struct sigma_limits sigma_limits(const struct sigma_rule *rule, const struct baseline *baseline,
                                 double noise_floor);

/* Whether a value on this side of the limits is critical: above a positive upper limit, beyond
 * twice that limit; elsewhere, more than 2 sigma deviations from the mean. */
bool sigma_is_critical(const struct sigma_rule *rule, const struct baseline *baseline,
                       const struct sigma_limits *limits, enum sigma_side side, double value);

/* How far a value may be from the mean: it is anomalous beyond sigma deviations and beyond
 * min_change. */
static inline double sigma_reach(const struct sigma_rule *rule, const struct baseline *baseline,
                                 double noise_floor)
{
    double stddev = (double)baseline->stddev;
    double by_deviation = rule->sigma * (noise_floor > stddev ? noise_floor : stddev);
    double by_change = rule->min_change * fabs(baseline->mean);
    return by_deviation > by_change ? by_deviation : by_change;
}

/* The verdict on a finite value; `noise_floor` is the least deviation to assume, 0 for none. */
static inline enum sigma_side sigma_judge(const struct sigma_rule *rule,
                                          const struct baseline *baseline, double value,
                                          double noise_floor)
{
    double distance = value - baseline->mean;
    if (fabs(distance) <= sigma_reach(rule, baseline, noise_floor) * (1 + SIGMA_TOLERANCE)) {
        return SIGMA_INSIDE;
    }
    return distance > 0 ? SIGMA_ABOVE : SIGMA_BELOW;
}

/* Takes a sound window in. |value| must be at most SIGMA_VALUE_MAX. */
static inline void sigma_learn(const struct sigma_rule *rule, struct baseline *baseline,
                               double value)
{
    double windows = (double)baseline->windows + 1;
    double weight = windows * rule->alpha < 1 ? 1 / windows : rule->alpha;
    double distance = value - baseline->mean;
    double variance = (double)baseline->stddev * (double)baseline->stddev;
    variance = (1 - weight) * (variance + weight * distance * distance);
    baseline->mean += weight * distance;
    baseline->stddev = (float)fmin(sqrt(variance), (double)FLT_MAX);
    baseline->windows = (uint16_t)(baseline->windows + (baseline->windows < SIGMA_WINDOWS_MAX));
}

#endif
