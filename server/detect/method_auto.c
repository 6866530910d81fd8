/* SPDX-License-Identifier: MIT
 *
 * From the verdicts of auto.h to anomalies. An anomaly that auto finds lasts until a window is
 * inside the usual range again, or until it has lasted so long that it is usual itself.
 */
#include <math.h>

#include "server/detect/course.h"
#include "server/detect/method.h"

/* Windows with samples after which what still deviates is the new usual. */
#define SETTLED_WINDOWS 60

/* Deviations of a rate below which silence is one by chance: a Poisson process of 16 a window, the
 * least that is judged, is silent in one window of nine million. */
#define SILENCE_SIGMAS 4

/* Critical beyond a usual range that never varied, as a share of it. */
#define CRITICAL_SHARE 0.5

/* The state of the subject's statistic; NULL, and counted, where there is no room. */
static struct auto_state *state_of(struct detector *detector, const struct subject *subject)
{
    enum metric_kind kind = (enum metric_kind)subject->identity->kind;
    uint32_t index = subject->identity->index;
    unsigned slot = subject_slot(subject);
    struct auto_state *state = states_find(&detector->states, kind, index, slot);
    if (state == NULL) {
        state = states_add(&detector->states, kind, index, slot,
                           detector->config->anomaly.max_memory_bytes);
    }
    detector->totals.substitutes += state == NULL;
    /* Series come in the order of their indexes. */
    const struct auto_state *next = states_find(&detector->states, kind, index + 1, slot);
    if (next != NULL) {
        auto_prefetch(next);
    }
    return state;
}

/* A rate of a short window (after POST /-/flush, say) has more noise than one of a usual window. So
 * what is missing of a usual window is taken for usual. */
static double steady_value(const struct detector *detector, const struct subject *subject)
{
    double share = detector->window_seconds / detector->usual_seconds;
    if (subject->statistic != STATISTIC_RATE || subject->baseline->windows == 0 ||
        !detector_window_is_short(detector, detector->window_seconds)) {
        return subject->value;
    }
    return subject->value * share + subject->baseline->mean * (1 - share);
}

/* Above a positive upper limit, beyond twice that limit; elsewhere, farther outside than the usual
 * range is wide. */
static enum anomaly_severity severity_of(const struct finding *finding, double value)
{
    if (finding->side == SIGMA_ABOVE && finding->upper > 0) {
        return value > 2 * finding->upper ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    }
    double outside = finding->side == SIGMA_ABOVE ? value - finding->upper : finding->lower - value;
    double nearest = finding->side == SIGMA_ABOVE ? finding->upper : finding->lower;
    double reach = fmax(finding->upper - finding->lower, CRITICAL_SHARE * fabs(nearest));
    return outside > reach ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static bool is_never_negative(const struct subject *subject)
{
    return subject->statistic == STATISTIC_RATE || subject->statistic == STATISTIC_UNIQUE ||
           subject->identity->type == STATSD_TIMER;
}

static struct finding found(const struct subject *subject, const struct auto_verdict *verdict)
{
    double least = is_never_negative(subject) && verdict->upper >= 0 ? 0 : -HUGE_VAL;
    struct finding finding = {
        .mean = subject->baseline->mean,
        .stddev = (double)subject->baseline->stddev,
        .lower = fmax(verdict->lower, least),
        .upper = verdict->upper,
        .side = verdict->side,
    };
    finding.severity = severity_of(&finding, subject->value);
    return finding;
}

static void word(struct episode *episode, const struct subject *subject,
                 const struct auto_verdict *verdict)
{
    enum statsd_type type = (enum statsd_type)subject->identity->type;
    verdict_word_auto(&episode->row, verdict, classify_unit(type, subject->statistic));
}

static void start(struct detector *detector, const struct subject *subject,
                  const struct auto_verdict *verdict, const struct finding *finding)
{
    struct episode *episode = course_start(detector, subject, finding, false);
    if (episode != NULL) {
        word(episode, subject, verdict);
        course_announce(detector, subject, episode);
        course_feed(detector, episode, subject->value);
    }
}

/* A later window of an episode, in which no other starts. */
static void go_on(struct detector *detector, struct episode *episode, const struct subject *subject,
                  const struct auto_verdict *verdict, const struct finding *finding)
{
    if (verdict->inside || finding->side != episode->side) {
        course_put(&episode->row, subject, finding);
        course_finish(detector, episode, verdict->inside ? VERDICT_BACK : VERDICT_CROSSED, 0, 0);
        return;
    }
    if (course_go_on(episode, subject, finding)) {
        word(episode, subject, verdict);
    }
    course_feed(detector, episode, subject->value);
    if (episode->run.windows >= SETTLED_WINDOWS) {
        course_settle(detector, episode);
    }
}

static __attribute__((noinline)) void step(struct detector *detector, const struct subject *subject,
                                           const struct auto_verdict *verdict, bool alarm)
{
    struct episode *episode = detector_episode(detector, subject->baseline);
    struct finding finding = found(subject, verdict);
    if (!alarm) {
        go_on(detector, episode, subject, verdict, &finding);
        return;
    }
    if (episode != NULL) {
        course_put(&episode->row, subject, &finding);
        course_finish(detector, episode, VERDICT_CROSSED, 0, 0);
    }
    start(detector, subject, verdict, &finding);
}

/* Whether an anomaly starts: one that lasts is not called out again for going on. */
static bool starts(const struct detector *detector, const struct subject *subject,
                   const struct auto_verdict *verdict)
{
    const struct episode *episode = detector_episode(detector, subject->baseline);
    bool lasts = episode != NULL && episode->side == verdict->side;
    return verdict->score >= AUTO_ALARM && !lasts && !course_is_held(detector, subject);
}

static void keep_reading(struct detector *detector, const struct auto_verdict *verdict, bool alarm)
{
    detector->reading = (struct detector_reading){
        .score = alarm ? verdict->score : fmin(verdict->score, SCORE_BELOW),
        .lower = verdict->ready ? verdict->lower : (double)NAN,
        .upper = verdict->ready ? verdict->upper : (double)NAN,
    };
}

static void observe(struct detector *detector, const struct subject *subject)
{
    struct auto_state *state = state_of(detector, subject);
    if (state == NULL) {
        method_sigma_observe(detector, subject);
        return;
    }
    struct auto_verdict verdict = auto_observe(
        &detector->auto_rule, state, steady_value(detector, subject), detector->timestamp);
    bool alarm = starts(detector, subject, &verdict);
    if (detector->keeps_reading) {
        keep_reading(detector, &verdict, alarm);
    }
    if (alarm || subject->baseline->episode != 0) {
        step(detector, subject, &verdict, alarm);
    }
    if (subject->baseline->episode == 0) {
        sigma_learn(&detector->rule, subject->baseline, subject->value);
    }
}

static struct sigma_rule silence_rule(const struct detector *detector)
{
    struct sigma_rule rule = detector->rule;
    rule.sigma = SILENCE_SIGMAS;
    rule.min_change = 0;
    return rule;
}

static unsigned silence_after(const struct detector *detector)
{
    return detector->warmup > AUTO_WARMUP_WINDOWS ? detector->warmup : AUTO_WARMUP_WINDOWS;
}

static void forget(struct detector *detector, enum metric_kind kind, uint32_t index)
{
    for (unsigned slot = 0; slot < baselines_slot_count(kind); slot++) {
        struct auto_state *state = states_find(&detector->states, kind, index, slot);
        if (state != NULL) {
            *state = (struct auto_state){0};
        }
    }
}

const struct method method_auto = {
    .observe = observe,
    .silence_rule = silence_rule,
    .silence_after = silence_after,
    .forget = forget,
};
