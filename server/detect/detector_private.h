/* SPDX-License-Identifier: MIT
 *
 * The detector's own struct, and how its files meet. detector.c is what the flusher calls: it finds
 * the baselines of a series and hands each figure to the method in force (method.h), which judges
 * and learns it. What a method finds goes through course.c, the life of an anomaly from its start
 * row to its end row, the same for every method.
 *
 * Invariant: there is always room for the end rows of all episodes that last (rows_reserve() in
 * course_start()).
 */
#ifndef SERVER_DETECT_DETECTOR_PRIVATE_H
#define SERVER_DETECT_DETECTOR_PRIVATE_H

#include "server/detect/auto.h"
#include "server/detect/baselines.h"
#include "server/detect/detector.h"
#include "server/detect/episodes.h"
#include "server/detect/rows.h"
#include "server/detect/sigma.h"
#include "server/detect/states.h"
#include "server/detect/trend_watch.h"
#include "server/detect/verdict.h"

struct method;

struct detector {
    const struct config *config;
    const struct method *method;        /* NULL: detection is off */
    const struct method *method_before; /* of the latest window */
    struct sigma_rule rule;
    struct auto_rule auto_rule;
    unsigned warmup; /* 1 to SIGMA_WINDOWS_MAX */
    struct baselines baselines;
    struct states states; /* of auto; empty with another method */
    struct episodes episodes;
    struct trend_watch *watch; /* NULL: nobody keeps a history */
    struct detector_totals totals;

    bool open; /* between begin and end */
    uint64_t window;
    double timestamp;
    double window_seconds;
    double usual_seconds;   /* mean length of the windows before */
    double elapsed_seconds; /* of all windows, the open one included */
    struct baseline lengths;

    bool keeps_reading;
    struct detector_reading reading;

    struct rows rows;
    struct anomaly_row active[DETECTOR_ACTIVE_MAX];
};

/* One statistic of one series in the open window. */
struct subject {
    const struct identity *identity;
    struct baselines_entry entry;
    struct baseline *baseline; /* of the statistic, within the entry */
    enum statistic statistic;
    double value;
    double noise_floor;
};

/* A window counts as a usual one from this share of the mean length on: lengths jitter a little. */
#define USUAL_LENGTH_SHARE 0.9

static inline bool detector_window_is_short(const struct detector *detector, double seconds)
{
    return seconds < USUAL_LENGTH_SHARE * detector->usual_seconds;
}

static inline unsigned subject_slot(const struct subject *subject)
{
    return (unsigned)(subject->baseline - subject->entry.slots);
}

/* The episode that a statistic is in; NULL for none. */
static inline struct episode *detector_episode(const struct detector *detector,
                                               const struct baseline *baseline)
{
    return baseline->episode == 0 ? NULL : episodes_at(&detector->episodes, baseline->episode);
}

#endif
