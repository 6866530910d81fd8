/* SPDX-License-Identifier: MIT
 *
 * What the flusher calls: the way of a figure to its baseline and the method in force, what silence
 * means, and what becomes of series that go.
 */
#include "server/detect/detector.h"

#include <math.h>
#include <stdlib.h>

#include "server/core/require.h"
#include "server/detect/course.h"
#include "server/detect/detector_private.h"
#include "server/detect/method.h"

/* Floats count exactly up to here, and no warmup is longer. */
#define PRESENCE_MAX 1e6f

struct detector *detector_new(const struct config *config)
{
    struct detector *detector = calloc(1, sizeof(*detector));
    if (detector != NULL) {
        detector_configure(detector, config);
    }
    return detector;
}

void detector_free(struct detector *detector)
{
    if (detector == NULL) {
        return;
    }
    baselines_deinit(&detector->baselines);
    states_deinit(&detector->states);
    trend_watch_free(detector->watch);
    episodes_deinit(&detector->episodes);
    rows_deinit(&detector->rows);
    free(detector);
}

static const struct method *method_of(const struct config *config)
{
    static const struct method *const methods[] = {
        [ANOMALY_SIGMA] = &method_sigma,
        [ANOMALY_AUTO] = &method_auto,
        [ANOMALY_OFF] = NULL,
    };
    return methods[config->anomaly.method];
}

void detector_configure(struct detector *detector, const struct config *config)
{
    unsigned warmup = config->anomaly.warmup_windows;
    warmup = warmup > 0 ? warmup : 1;
    detector->warmup = warmup < SIGMA_WINDOWS_MAX ? warmup : SIGMA_WINDOWS_MAX;
    detector->rule = sigma_rule_make(config->anomaly.sigma, config->anomaly.history_windows,
                                     config->anomaly.min_change);
    detector->auto_rule = auto_rule_make(config->anomaly.sensitivity);
    detector->config = config;
    detector->method = method_of(config);
    if (detector->method != &method_auto ||
        detector->states.bytes > config->anomaly.max_memory_bytes) {
        states_deinit(&detector->states);
    }
    baselines_clear_classes(&detector->baselines);
}

bool detector_watch_trends(struct detector *detector, struct history *history)
{
    detector->watch = trend_watch_new(history);
    return detector->watch != NULL;
}

void detector_begin(struct detector *detector, double timestamp, double window_seconds)
{
    rows_next_window(&detector->rows);
    detector->open = true;
    detector->window++;
    detector->timestamp = timestamp;
    detector->window_seconds = window_seconds;
    detector->elapsed_seconds += window_seconds;
    detector->usual_seconds = detector->lengths.mean;
    detector->totals.substitutes = 0;
    sigma_learn(&detector->rule, &detector->lengths, window_seconds);
    if (detector->method != detector->method_before && detector->method != NULL) {
        course_finish_all(detector, VERDICT_METHOD);
    }
    detector->method_before = detector->method;
}

static void clear_slot(const struct baselines_entry *entry, unsigned slot)
{
    uint32_t *held = baselines_held(entry, &entry->slots[slot]);
    entry->slots[slot] = (struct baseline){0};
    if (held != NULL) {
        *held = 0;
    }
}

static void forget_states(struct detector *detector, enum metric_kind kind, uint32_t index)
{
    if (detector->method != NULL) {
        detector->method->forget(detector, kind, index);
    }
}

/* Lets go of what an earlier series at this index left behind. Its identity is gone, so it gets no
 * rows. */
static __attribute__((noinline)) void restart_series(struct detector *detector,
                                                     enum metric_kind kind,
                                                     struct baselines_entry *entry, uint32_t index,
                                                     uint32_t generation)
{
    for (unsigned slot = 0; slot < baselines_slot_count(kind); slot++) {
        if (entry->slots[slot].episode != 0) {
            episodes_give(&detector->episodes, entry->slots[slot].episode);
        }
        clear_slot(entry, slot);
    }
    *entry->series = (struct baselines_series){.generation = generation};
    *baselines_class(entry) = 0;
    forget_states(detector, kind, index);
}

static struct baselines_entry entry_for(struct detector *detector, enum metric_kind kind,
                                        const struct identity *identity)
{
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, identity->index);
    if (entry.series == NULL) {
        entry = baselines_add(&detector->baselines, kind, identity->index);
    }
    if (entry.series != NULL && entry.series->generation != identity->generation) {
        restart_series(detector, kind, &entry, identity->index, identity->generation);
    }
    return entry;
}

static void note_presence(struct baselines_series *series)
{
    if (series->presence < 0) {
        series->presence = 1;
    } else if (series->presence < PRESENCE_MAX) {
        series->presence += 1;
    }
}

void detector_observe(struct detector *detector, const struct identity *identity,
                      enum statistic statistic, double value, double noise_floor)
{
    if (detector->method == NULL) {
        return;
    }
    if (!(fabs(value) <= DETECTOR_VALUE_MAX)) {
        detector->totals.ignored++;
        return;
    }
    enum metric_kind kind = metric_kind_of((enum statsd_type)identity->type);
    struct baselines_entry entry = entry_for(detector, kind, identity);
    if (entry.series == NULL) {
        detector->totals.refused++;
        return;
    }
    if (statistic == STATISTIC_RATE) {
        note_presence(entry.series);
    }
    struct baseline *baseline = &entry.slots[baselines_slot(kind, statistic)];
    struct subject subject = {identity, entry, baseline, statistic, value, noise_floor};
    if (detector->watch && detector->config->history.keep_ms > 0 &&
        trend_watch_is_due(detector->window, identity->index)) {
        trend_watch_note(detector->watch, identity, statistic, value);
    }
    detector->method->observe(detector, &subject);
}

/* Seconds of silence of a series that was regular before, this window included; 0 when it was not.
 */
static double note_silence(const struct detector *detector, struct baselines_series *series)
{
    float seconds = (float)detector->window_seconds;
    if (series->presence >= (float)detector->method->silence_after(detector)) {
        series->presence = -seconds;
    } else if (series->presence < 0) {
        series->presence -= seconds;
    } else {
        series->presence = 0;
    }
    return -(double)series->presence;
}

/* A silence as long as a usual window is √0 = 0 samples of noise. A shorter one says only as much
 * as the samples that it should have held, so that closing a window early alarms nobody. */
static double silence_floor(const struct detector *detector, double mean, double seconds)
{
    return detector_window_is_short(detector, seconds) ? sqrt(mean * seconds) / seconds : 0;
}

void detector_observe_idle(struct detector *detector, const struct identity *identity)
{
    enum metric_kind kind = metric_kind_of((enum statsd_type)identity->type);
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, identity->index);
    bool has_rate = kind == METRIC_COUNTER || kind == METRIC_TIMER;
    if (detector->method == NULL || !has_rate || entry.series == NULL ||
        entry.series->generation != identity->generation) {
        return;
    }
    double silent_seconds = note_silence(detector, entry.series);
    struct baseline *baseline = &entry.slots[baselines_slot(kind, STATISTIC_RATE)];
    struct episode *episode = detector_episode(detector, baseline);
    if (episode != NULL && episode->side == SIGMA_ABOVE) {
        episode->row.value = 0;
        course_finish(detector, episode, VERDICT_IDLE, 0, 0);
    }
    bool judged = silent_seconds > 0 && baseline->mean > 0 && baseline->episode == 0 &&
                  baseline->windows >= detector->method->silence_after(detector);
    if (!judged) {
        return;
    }
    double noise_floor = silence_floor(detector, baseline->mean, silent_seconds);
    struct subject subject = {identity, entry, baseline, STATISTIC_RATE, 0, noise_floor};
    if (method_start_flatline(detector, &subject)) {
        entry.series->presence = 0; /* Called out; not again before it was regular again. */
    }
}

void detector_forget(struct detector *detector, enum metric_kind kind, uint32_t index)
{
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, index);
    if (detector->watch) {
        trend_watch_forget(detector->watch, kind, index, &detector->rows);
    }
    if (entry.series == NULL) {
        return;
    }
    for (unsigned slot = 0; slot < baselines_slot_count(kind); slot++) {
        struct episode *episode = detector_episode(detector, &entry.slots[slot]);
        if (episode != NULL) {
            course_finish(detector, episode, VERDICT_EXPIRED, 0, 0);
        }
        clear_slot(&entry, slot);
    }
    *entry.series = (struct baselines_series){0};
    *baselines_class(&entry) = 0;
    forget_states(detector, kind, index);
}

/* Last, since it takes in what the window has shown. */
static void judge_trends(struct detector *detector)
{
    struct trend_watch_window window = {
        .config = detector->config,
        .number = detector->window,
        .timestamp = detector->timestamp,
        .rows = &detector->rows,
        .others = detector->episodes.active,
    };
    if (detector->method == NULL) {
        trend_watch_finish(detector->watch, &detector->rows);
    } else {
        detector->totals.starts[SEVERITY_INFO] += trend_watch_judge(detector->watch, &window);
    }
}

void detector_end(struct detector *detector, const struct anomaly_row **rows, size_t *row_count,
                  const struct anomaly_row **active, size_t *active_count)
{
    REQUIRE(detector->open);
    detector->open = false;
    if (detector->method == NULL) {
        course_finish_all(detector, VERDICT_OFF);
    }
    course_finish_silent(detector);
    if (detector->watch) {
        judge_trends(detector);
    }
    detector->rows.delivered = detector->rows.count;
    *rows = detector->rows.items;
    *row_count = detector->rows.count;
    *active = detector->active;
    *active_count = course_list_active(detector);
}

const struct detector_totals *detector_totals(const struct detector *detector)
{
    return &detector->totals;
}

void detector_keep_reading(struct detector *detector)
{
    detector->keeps_reading = true;
}

struct detector_reading detector_reading(const struct detector *detector)
{
    return detector->reading;
}

size_t detector_state_bytes(const struct detector *detector)
{
    return detector->states.bytes;
}

size_t detector_bytes(const struct detector *detector)
{
    return sizeof(*detector) + detector->baselines.bytes + detector->states.bytes +
           detector->episodes.capacity * sizeof(struct episode) +
           detector->rows.capacity * sizeof(struct anomaly_row);
}
