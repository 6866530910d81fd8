/* SPDX-License-Identifier: MIT
 *
 * What the tests of the detector share: a detector with a configuration, a window number and the
 * rows of the latest window. Included after <cmocka.h>; static, since each test is a program of its
 * own.
 */
#ifndef TESTS_UNIT_DETECT_HARNESS_H
#define TESTS_UNIT_DETECT_HARNESS_H

#include <stdlib.h>
#include <string.h>

#include "server/detect/detector.h"

#define START_TIME 1000.0
#define WINDOW_SECONDS 10.0

struct harness {
    struct config config;
    struct detector *detector;
    unsigned window; /* the open or latest one, from 1 */
    const struct anomaly_row *rows;
    size_t row_count;
    const struct anomaly_row *active;
    size_t active_count;
};

static inline void harness_start(struct harness *harness, unsigned warmup, unsigned history)
{
    *harness = (struct harness){0};
    harness->config.anomaly.method = ANOMALY_SIGMA;
    harness->config.anomaly.sigma = 3;
    harness->config.anomaly.history_windows = history;
    harness->config.anomaly.warmup_windows = warmup;
    harness->config.anomaly.min_change = 0.1;
    harness->detector = detector_new(&harness->config);
    assert_non_null(harness->detector);
}

static inline void harness_stop(struct harness *harness)
{
    detector_free(harness->detector);
}

static inline double harness_time(const struct harness *harness, unsigned window)
{
    (void)harness;
    return START_TIME + window * WINDOW_SECONDS;
}

static inline void harness_open(struct harness *harness)
{
    harness->window++;
    detector_begin(harness->detector, harness_time(harness, harness->window), WINDOW_SECONDS);
}

static inline void harness_close(struct harness *harness)
{
    detector_end(harness->detector, &harness->rows, &harness->row_count, &harness->active,
                 &harness->active_count);
}

/* A whole window with one value. */
static inline void harness_window(struct harness *harness, const struct identity *identity,
                                  enum statistic statistic, double value)
{
    harness_open(harness);
    detector_observe(harness->detector, identity, statistic, value, 0);
    harness_close(harness);
}

/* A whole window in which a known series has no sample. */
static inline void harness_idle(struct harness *harness, const struct identity *identity)
{
    harness_open(harness);
    detector_observe_idle(harness->detector, identity);
    harness_close(harness);
}

static inline struct identity *identity_make(enum statsd_type type, const char *name,
                                             uint32_t index)
{
    struct identity *identity = malloc(identity_bytes_max(strlen(name), NULL, 0));
    assert_non_null(identity);
    identity_init(identity, type, name, strlen(name), NULL, 0);
    identity->index = index;
    identity->generation = 1;
    return identity;
}

#endif
