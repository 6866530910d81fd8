/* SPDX-License-Identifier: MIT
 *
 * One statistic of one series through the server's own detector, window after window, with what the
 * detector said of each. One thread; constant memory.
 */
#ifndef TOOLS_SIGMACTL_BACKTEST_JUDGE_H
#define TOOLS_SIGMACTL_BACKTEST_JUDGE_H

#include <stdbool.h>

#include "config/config.h"
#include "server/detect/detector.h"

struct judge {
    struct detector *detector;
    struct identity *identity;
    enum statistic statistic;
    double latest;         /* stamp; NaN before the first window */
    double seconds;        /* length of the latest window */
    double judged_seconds; /* of all windows with a value */
};

struct judgement {
    struct detector_reading reading;
    const struct anomaly_row *start; /* of an anomaly that starts with this window, else NULL; valid
                                        until the next */
};

/* False without memory, or where the name is too long for a series. The configuration has to
 * outlive the judge. */
bool judge_init(struct judge *judge, const struct config *config, enum statsd_type type,
                const char *name, enum statistic statistic);
void judge_deinit(struct judge *judge);

/* The window that ends at `stamp`, in Unix seconds. Windows are as long as the way from the one
 * before; one that does not lie behind it is as long as that one. */
struct judgement judge_take(struct judge *judge, double stamp, double value, double noise_floor);

/* The same for a window without a value to judge; `idle`: the series had no samples at all. */
struct judgement judge_take_nothing(struct judge *judge, double stamp, bool idle);

#endif
