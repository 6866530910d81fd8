/* SPDX-License-Identifier: MIT
 *
 * The way of a sound value is short: compare, learn. All else is apart from it.
 */
#include <math.h>

#include "server/detect/course.h"
#include "server/detect/method.h"

static struct finding found(const struct sigma_rule *rule, const struct subject *subject,
                            enum sigma_side side)
{
    const struct baseline *baseline = subject->baseline;
    struct sigma_limits limits = sigma_limits(rule, baseline, subject->noise_floor);
    bool critical = sigma_is_critical(rule, baseline, &limits, side, subject->value);
    return (struct finding){
        .mean = baseline->mean,
        .stddev = limits.deviation,
        .lower = limits.lower,
        .upper = limits.upper,
        .side = side,
        .severity = critical ? SEVERITY_CRITICAL : SEVERITY_WARNING,
    };
}

static struct episode *start(struct detector *detector, const struct subject *subject,
                             const struct finding *finding, bool flat)
{
    struct episode *episode = course_start(detector, subject, finding, flat);
    if (episode != NULL) {
        verdict_word_start(&episode->row, finding->side);
        course_announce(detector, subject, episode);
    }
    return episode;
}

static struct episode *start_or_go_on(struct detector *detector, struct episode *episode,
                                      const struct subject *subject, const struct finding *finding)
{
    if (episode == NULL) {
        return course_is_held(detector, subject) ? NULL : start(detector, subject, finding, false);
    }
    if (course_go_on(episode, subject, finding)) {
        verdict_word_start(&episode->row, finding->side);
    }
    return episode;
}

/* A window that is not simply sound: it deviates, or the one before did. */
static __attribute__((noinline)) void step(struct detector *detector, const struct subject *subject,
                                           enum sigma_side side)
{
    struct episode *episode = detector_episode(detector, subject->baseline);
    struct finding finding = found(&detector->rule, subject, side);
    if (episode != NULL && side != episode->side) {
        course_put(&episode->row, subject, &finding);
        course_finish(detector, episode, side == SIGMA_INSIDE ? VERDICT_BACK : VERDICT_CROSSED, 0,
                      0);
        episode = NULL;
    }
    if (side == SIGMA_INSIDE) {
        sigma_learn(&detector->rule, subject->baseline, subject->value);
        return;
    }
    episode = start_or_go_on(detector, episode, subject, &finding);
    if (episode == NULL) {
        return;
    }
    course_feed(detector, episode, subject->value);
    if (episode->run.windows >= detector->warmup) {
        course_settle(detector, episode);
    }
}

/* Whether an alarm comes with the window: with every anomalous one, or with hold-off where an
 * anomaly starts. */
static bool alarms(const struct detector *detector, const struct subject *subject,
                   enum sigma_side side)
{
    const struct episode *episode = detector_episode(detector, subject->baseline);
    bool starts = (episode == NULL || episode->side != side) && !course_is_held(detector, subject);
    return side != SIGMA_INSIDE && (detector->config->anomaly.hold_off_ms == 0 || starts);
}

/* The score goes from 0 at the mean to 1 far away, with 0.5 at the limit. */
static struct detector_reading read(const struct detector *detector, const struct subject *subject,
                                    enum sigma_side side)
{
    const struct baseline *baseline = subject->baseline;
    struct sigma_limits limits = sigma_limits(&detector->rule, baseline, subject->noise_floor);
    double distance = fabs(subject->value - baseline->mean);
    double share = distance > 0 ? distance / (limits.upper - baseline->mean) : 0;
    double below = fmin(share / 2, SCORE_BELOW);
    if (baseline->windows < detector->warmup && baseline->episode == 0) {
        return (struct detector_reading){0, (double)NAN, (double)NAN};
    }
    bool alarm = alarms(detector, subject, side);
    return (struct detector_reading){alarm ? fmax(0.5, 1 - 0.5 / share) : below, limits.lower,
                                     limits.upper};
}

void method_sigma_observe(struct detector *detector, const struct subject *subject)
{
    struct baseline *baseline = subject->baseline;
    enum sigma_side side = SIGMA_INSIDE;
    if (baseline->windows >= detector->warmup || baseline->episode != 0) {
        side = sigma_judge(&detector->rule, baseline, subject->value, subject->noise_floor);
    }
    if (detector->keeps_reading) {
        detector->reading = read(detector, subject, side);
    }
    if (side == SIGMA_INSIDE && baseline->episode == 0) {
        sigma_learn(&detector->rule, baseline, subject->value);
        return;
    }
    step(detector, subject, side);
}

bool method_start_flatline(struct detector *detector, const struct subject *subject)
{
    struct sigma_rule rule = detector->method->silence_rule(detector);
    enum sigma_side side =
        sigma_judge(&rule, subject->baseline, subject->value, subject->noise_floor);
    if (side != SIGMA_BELOW || course_is_held(detector, subject)) {
        return false;
    }
    struct finding finding = found(&rule, subject, side);
    return start(detector, subject, &finding, true) != NULL;
}

static struct sigma_rule silence_rule(const struct detector *detector)
{
    return detector->rule;
}

static unsigned silence_after(const struct detector *detector)
{
    return detector->warmup;
}

static void forget(struct detector *detector, enum metric_kind kind, uint32_t index)
{
    (void)detector;
    (void)kind;
    (void)index;
}

const struct method method_sigma = {
    .observe = method_sigma_observe,
    .silence_rule = silence_rule,
    .silence_after = silence_after,
    .forget = forget,
};
