/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/backtest_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the first window, whose length cannot be known. */
#define FIRST_SECONDS 10.0

bool judge_init(struct judge *judge, const struct config *config, enum statsd_type type,
                const char *name, enum statistic statistic)
{
    size_t length = strlen(name);
    *judge =
        (struct judge){.statistic = statistic, .latest = (double)NAN, .seconds = FIRST_SECONDS};
    if (length > UINT16_MAX) {
        return false;
    }
    judge->identity = calloc(1, identity_bytes_max(length, NULL, 0));
    judge->detector = detector_new(config);
    if (judge->identity == NULL || judge->detector == NULL) {
        return false;
    }
    identity_init(judge->identity, type, name, length, NULL, 0);
    judge->identity->generation = 1;
    detector_keep_reading(judge->detector);
    return true;
}

void judge_deinit(struct judge *judge)
{
    detector_free(judge->detector);
    free(judge->identity);
}

static void begin(struct judge *judge, double stamp)
{
    if (stamp > judge->latest) {
        judge->seconds = stamp - judge->latest;
    }
    judge->latest = stamp;
    detector_begin(judge->detector, stamp, judge->seconds);
}

static const struct anomaly_row *end(struct judge *judge)
{
    const struct anomaly_row *rows, *active;
    size_t row_count, active_count;
    const struct anomaly_row *start = NULL;
    detector_end(judge->detector, &rows, &row_count, &active, &active_count);
    for (size_t i = 0; i < row_count; i++) {
        start = rows[i].end ? start : &rows[i];
    }
    return start;
}

struct judgement judge_take(struct judge *judge, double stamp, double value, double noise_floor)
{
    begin(judge, stamp);
    judge->judged_seconds += judge->seconds;
    detector_observe(judge->detector, judge->identity, judge->statistic, value, noise_floor);
    struct detector_reading reading = detector_reading(judge->detector);
    return (struct judgement){reading, end(judge)};
}

struct judgement judge_take_nothing(struct judge *judge, double stamp, bool idle)
{
    begin(judge, stamp);
    if (idle) {
        detector_observe_idle(judge->detector, judge->identity);
    }
    return (struct judgement){{0, (double)NAN, (double)NAN}, end(judge)};
}
