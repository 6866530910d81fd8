/* SPDX-License-Identifier: MIT
 *
 * The course of an anomaly: from the window in which a method finds it, through those in which it
 * lasts, to its end. Rows come out of here. Private to the detector.
 */
#ifndef SERVER_DETECT_COURSE_H
#define SERVER_DETECT_COURSE_H

#include "server/detect/classify.h"
#include "server/detect/detector_private.h"

/* What a method found of a value. */
struct finding {
    double mean, stddev, lower, upper; /* as the row will have them */
    enum sigma_side side;
    enum anomaly_severity severity;
};

/* The class of the subject's series, worked out once. */
struct class course_class(const struct detector *detector, const struct subject *subject);

/* Whether an anomaly of the statistic started less than anomaly.hold_off ago. */
bool course_is_held(const struct detector *detector, const struct subject *subject);

/* The episode of a new anomaly, whose row is complete but for its reason; it must be announced
 * once it has one. `flat`: its type is flatline. NULL, and counted, at a bound or without memory.
 */
struct episode *course_start(struct detector *detector, const struct subject *subject,
                             const struct finding *finding, bool flat);
void course_announce(struct detector *detector, const struct subject *subject,
                     const struct episode *episode);

/* Takes over the numbers of a later window of the same anomaly. True where it is severer than all
 * before: then the row wants a new reason. */
bool course_go_on(struct episode *episode, const struct subject *subject,
                  const struct finding *finding);

/* Takes a window with samples into the run that may become the baseline. */
void course_feed(struct detector *detector, struct episode *episode, double value);

/* Takes the run for the baseline and ends the episode: that is what is usual now. */
void course_settle(struct detector *detector, struct episode *episode);

/* The end, with numbers as of the last course_go_on() or course_put(); `windows` and `level` as
 * verdict_word_end() wants them. */
void course_finish(struct detector *detector, struct episode *episode, enum verdict_end end,
                   unsigned windows, double level);

/* The numbers of a window in the row of an episode. */
void course_put(struct anomaly_row *row, const struct subject *subject,
                const struct finding *finding);

/* Ends everything that lasts. */
void course_finish_all(struct detector *detector, enum verdict_end end);

/* Ends what had no samples for `warmup` windows, so that nothing lasts for ever. */
void course_finish_silent(struct detector *detector);

/* Fills detector->active, the critical ones first; returns how many there are. */
size_t course_list_active(struct detector *detector);

#endif
