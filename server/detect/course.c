/* SPDX-License-Identifier: MIT */
#include "server/detect/course.h"

#include <math.h>

/* How the class of a series is kept once it was needed: the topic, and these bits. */
#define CLASS_KNOWN 0x80
#define CLASS_HIGHER 0x40

struct class course_class(const struct detector *detector, const struct subject *subject)
{
    uint8_t *kept = baselines_class(&subject->entry);
    if ((*kept & CLASS_KNOWN) == 0) {
        struct class class = classify_name(detector->config, identity_name(subject->identity),
                                           subject->identity->name_length);
        *kept = (uint8_t)(class.topic | CLASS_KNOWN | (class.higher_is_better ? CLASS_HIGHER : 0));
    }
    return (struct class){.topic = *kept & (CLASS_HIGHER - 1),
                          .higher_is_better = (*kept & CLASS_HIGHER) != 0};
}

bool course_is_held(const struct detector *detector, const struct subject *subject)
{
    const uint32_t *held = baselines_held(&subject->entry, subject->baseline);
    return held != NULL && detector->config->anomaly.hold_off_ms > 0 &&
           detector->elapsed_seconds < (double)*held;
}

/* Without memory nothing is held off. */
static void hold_off(struct detector *detector, const struct subject *subject)
{
    double until = detector->elapsed_seconds + (double)detector->config->anomaly.hold_off_ms / 1e3;
    enum metric_kind kind = (enum metric_kind)subject->identity->kind;
    if (detector->config->anomaly.hold_off_ms > 0 &&
        baselines_make_held(&detector->baselines, kind, &subject->entry)) {
        *baselines_held(&subject->entry, subject->baseline) =
            (uint32_t)fmin(ceil(until), (double)UINT32_MAX);
    }
}

void course_put(struct anomaly_row *row, const struct subject *subject,
                const struct finding *finding)
{
    row->identity = subject->identity;
    row->value = subject->value;
    row->mean = finding->mean;
    row->stddev = finding->stddev;
    row->lower = finding->lower;
    row->upper = finding->upper;
}

static enum anomaly_type type_of(const struct detector *detector, const struct subject *subject,
                                 enum sigma_side side)
{
    return classify_type(course_class(detector, subject), (enum statsd_type)subject->identity->type,
                         subject->statistic, side == SIGMA_ABOVE);
}

struct episode *course_start(struct detector *detector, const struct subject *subject,
                             const struct finding *finding, bool flat)
{
    /* The row of its start, that of its end, and the ends of all that lasts already. */
    size_t trends = detector->watch ? trend_watch_count(detector->watch) : 0;
    bool room = rows_reserve(&detector->rows, detector->episodes.active + trends + 2);
    uint16_t handle = room ? episodes_take(&detector->episodes) : 0;
    if (handle == 0) {
        detector->totals.refused++;
        return NULL;
    }
    subject->baseline->episode = handle;
    struct episode *episode = episodes_at(&detector->episodes, handle);
    episode->baseline = subject->baseline;
    episode->side = finding->side;
    episode->fed_window = detector->window - 1;
    struct anomaly_row *row = &episode->row;
    course_put(row, subject, finding);
    row->since = detector->timestamp;
    row->statistic = subject->statistic;
    row->type = flat ? ANOMALY_FLATLINE : type_of(detector, subject, finding->side);
    row->severity = finding->severity;
    return episode;
}

void course_announce(struct detector *detector, const struct subject *subject,
                     const struct episode *episode)
{
    rows_add(&detector->rows, &episode->row);
    detector->totals.starts[episode->row.severity]++;
    hold_off(detector, subject);
}

bool course_go_on(struct episode *episode, const struct subject *subject,
                  const struct finding *finding)
{
    struct anomaly_row *row = &episode->row;
    course_put(row, subject, finding);
    if (finding->severity <= row->severity) {
        return false;
    }
    row->severity = finding->severity;
    return true;
}

void course_finish(struct detector *detector, struct episode *episode, enum verdict_end end,
                   unsigned windows, double level)
{
    struct anomaly_row row = episode->row;
    row.end = true;
    verdict_word_end(&row, end, episode->side, windows, level);
    uint16_t handle = episode->baseline->episode;
    episode->baseline->episode = 0;
    episodes_give(&detector->episodes, handle);
    rows_add(&detector->rows, &row);
}

void course_feed(struct detector *detector, struct episode *episode, double value)
{
    episode->fed_window = detector->window;
    sigma_run_add(&episode->run, value);
}

void course_settle(struct detector *detector, struct episode *episode)
{
    sigma_restart(episode->baseline, &episode->run);
    course_finish(detector, episode, VERDICT_NEW_USUAL, episode->run.windows, episode->run.mean);
}

void course_finish_all(struct detector *detector, enum verdict_end end)
{
    for (uint32_t i = 0; i < detector->episodes.made; i++) {
        if (detector->episodes.items[i].baseline != NULL) {
            course_finish(detector, &detector->episodes.items[i], end, 0, 0);
        }
    }
}

void course_finish_silent(struct detector *detector)
{
    for (uint32_t i = 0; i < detector->episodes.made; i++) {
        struct episode *episode = &detector->episodes.items[i];
        uint64_t silent = detector->window - episode->fed_window;
        if (episode->baseline != NULL && silent >= detector->warmup) {
            course_finish(detector, episode, VERDICT_SILENT, (unsigned)silent, 0);
        }
    }
}

static size_t list_severity(struct detector *detector, size_t count, enum anomaly_severity severity)
{
    for (uint32_t i = 0; i < detector->episodes.made && count < DETECTOR_ACTIVE_MAX; i++) {
        const struct episode *episode = &detector->episodes.items[i];
        if (episode->baseline != NULL && episode->row.severity == severity) {
            detector->active[count++] = episode->row;
        }
    }
    return count;
}

size_t course_list_active(struct detector *detector)
{
    size_t count = list_severity(detector, 0, SEVERITY_CRITICAL);
    count = list_severity(detector, count, SEVERITY_WARNING);
    count = list_severity(detector, count, SEVERITY_INFO);
    if (detector->watch) {
        count += trend_watch_list(detector->watch, &detector->active[count],
                                  DETECTOR_ACTIVE_MAX - count);
    }
    return count;
}
