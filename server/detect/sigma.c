/* SPDX-License-Identifier: MIT
 *
 * What happens once a series deviates, and hence need not be inlined: limits, severity, a new
 * baseline.
 */
#include "server/detect/sigma.h"

struct sigma_rule sigma_rule_make(double sigma, unsigned history_windows, double min_change)
{
    /* Windows are counted to SIGMA_WINDOWS_MAX only, so no window may weigh less than one in so
     * many. */
    double alpha = 2 / ((double)history_windows + 1);
    return (struct sigma_rule){
        .sigma = sigma,
        .min_change = min_change,
        .alpha = fmin(1, fmax(alpha, 1.0 / SIGMA_WINDOWS_MAX)),
    };
}

void sigma_run_add(struct sigma_run *run, double value)
{
    run->windows++;
    double distance = value - run->mean;
    run->mean += distance / run->windows;
    run->squares += distance * (value - run->mean);
}

void sigma_restart(struct baseline *baseline, const struct sigma_run *run)
{
    double stddev = run->windows > 0 ? sqrt(run->squares / run->windows) : 0;
    baseline->mean = run->mean;
    baseline->stddev = (float)fmin(stddev, (double)FLT_MAX);
    baseline->windows =
        run->windows < SIGMA_WINDOWS_MAX ? (uint16_t)run->windows : (uint16_t)SIGMA_WINDOWS_MAX;
}

struct sigma_limits sigma_limits(const struct sigma_rule *rule, const struct baseline *baseline,
                                 double noise_floor)
{
    double stddev = (double)baseline->stddev;
    double reach = sigma_reach(rule, baseline, noise_floor);
    return (struct sigma_limits){
        .deviation = noise_floor > stddev ? noise_floor : stddev,
        .lower = baseline->mean - reach,
        .upper = baseline->mean + reach,
    };
}

bool sigma_is_critical(const struct sigma_rule *rule, const struct baseline *baseline,
                       const struct sigma_limits *limits, enum sigma_side side, double value)
{
    if (side == SIGMA_ABOVE && limits->upper > 0) {
        return value > 2 * limits->upper;
    }
    return fabs(value - baseline->mean) > 2 * rule->sigma * limits->deviation;
}
