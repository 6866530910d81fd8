/* SPDX-License-Identifier: MIT
 *
 * The life of an anomaly, from the verdicts of one window after another. The way of a sound value
 * is short and inlined: find the baseline, compare, learn. All else (episodes, rows) is apart from
 * it.
 *
 * Invariant: there is always room for the end rows of all episodes that last (rows_reserve() in
 * start()).
 */
#include "server/detect/detector.h"

#include <math.h>
#include <stdlib.h>

#include "server/core/require.h"
#include "server/detect/baselines.h"
#include "server/detect/classify.h"
#include "server/detect/episodes.h"
#include "server/detect/rows.h"
#include "server/detect/sigma.h"
#include "server/detect/verdict.h"

/* A window counts as a usual one from this share of the mean length on: lengths jitter a little. */
#define USUAL_LENGTH_SHARE 0.9

/* Floats count exactly up to here, and no warmup is longer. */
#define PRESENCE_MAX 1e6f

struct detector {
    const struct config *config; /* for the classes of series */
    bool on;
    struct sigma_rule rule;
    unsigned warmup; /* 1 to SIGMA_WINDOWS_MAX */
    struct baselines baselines;
    struct episodes episodes;
    struct detector_totals totals;

    bool open; /* between begin and end */
    uint64_t window;
    double timestamp;
    double window_seconds;
    double usual_seconds; /* mean length of the windows before */
    struct baseline lengths;

    struct rows rows;
    struct anomaly_row active[DETECTOR_ACTIVE_MAX];
};

/* One statistic of one series in the open window. */
struct subject {
    const struct identity *identity;
    uint8_t *class; /* of its series; see class_of() */
    struct baseline *baseline;
    enum statistic statistic;
    double value;
    double noise_floor;
    enum sigma_side side;
};

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
    episodes_deinit(&detector->episodes);
    rows_deinit(&detector->rows);
    free(detector);
}

void detector_configure(struct detector *detector, const struct config *config)
{
    unsigned warmup = config->anomaly.warmup_windows;
    warmup = warmup > 0 ? warmup : 1;
    detector->warmup = warmup < SIGMA_WINDOWS_MAX ? warmup : SIGMA_WINDOWS_MAX;
    detector->config = config;
    baselines_clear_classes(&detector->baselines);
    detector->on = config->anomaly.method == ANOMALY_SIGMA;
    detector->rule = sigma_rule_make(config->anomaly.sigma, config->anomaly.history_windows,
                                     config->anomaly.min_change);
}

void detector_begin(struct detector *detector, double timestamp, double window_seconds)
{
    rows_next_window(&detector->rows);
    detector->open = true;
    detector->window++;
    detector->timestamp = timestamp;
    detector->window_seconds = window_seconds;
    detector->usual_seconds = detector->lengths.mean;
    sigma_learn(&detector->rule, &detector->lengths, window_seconds);
}

static void set_numbers(const struct detector *detector, struct anomaly_row *row,
                        const struct subject *subject)
{
    const struct baseline *baseline = subject->baseline;
    struct sigma_limits limits = sigma_limits(&detector->rule, baseline, subject->noise_floor);
    row->identity = subject->identity;
    row->value = subject->value;
    row->mean = baseline->mean;
    row->stddev = limits.deviation;
    row->lower = limits.lower;
    row->upper = limits.upper;
}

static enum anomaly_severity severity_of(const struct detector *detector,
                                         const struct subject *subject)
{
    const struct baseline *baseline = subject->baseline;
    struct sigma_limits limits = sigma_limits(&detector->rule, baseline, subject->noise_floor);
    bool critical =
        sigma_is_critical(&detector->rule, baseline, &limits, subject->side, subject->value);
    return critical ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

/* NULL, and counted, at a bound or without memory. */
static struct episode *start(struct detector *detector, const struct subject *subject,
                             enum anomaly_type type)
{
    /* The row of its start, that of its end, and the ends of all that lasts already. */
    bool room = rows_reserve(&detector->rows, detector->episodes.active + 2);
    uint16_t handle = room ? episodes_take(&detector->episodes) : 0;
    if (handle == 0) {
        detector->totals.refused++;
        return NULL;
    }
    subject->baseline->episode = handle;
    struct episode *episode = episodes_at(&detector->episodes, handle);
    episode->baseline = subject->baseline;
    episode->side = subject->side;
    episode->fed_window = detector->window - 1;
    struct anomaly_row *row = &episode->row;
    set_numbers(detector, row, subject);
    row->since = detector->timestamp;
    row->statistic = subject->statistic;
    row->type = type;
    row->severity = severity_of(detector, subject);
    verdict_word_start(row, subject->side);
    rows_add(&detector->rows, row);
    detector->totals.starts[row->severity]++;
    return episode;
}

/* A further window of the same anomaly. */
static void go_on(struct detector *detector, struct episode *episode, const struct subject *subject)
{
    struct anomaly_row *row = &episode->row;
    enum anomaly_severity severity = severity_of(detector, subject);
    set_numbers(detector, row, subject);
    if (severity > row->severity) {
        row->severity = severity;
        verdict_word_start(row, subject->side);
    }
}

static void finish(struct detector *detector, struct episode *episode, enum verdict_end end,
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

static struct episode *episode_of(const struct detector *detector, const struct baseline *baseline)
{
    return baseline->episode == 0 ? NULL : episodes_at(&detector->episodes, baseline->episode);
}

/* Takes a window with samples into the episode's run, and makes the run the baseline when it is
 * long enough. */
static void feed(struct detector *detector, struct episode *episode, const struct subject *subject)
{
    episode->fed_window = detector->window;
    sigma_run_add(&episode->run, subject->value);
    if (episode->run.windows < detector->warmup) {
        return;
    }
    sigma_restart(episode->baseline, &episode->run);
    finish(detector, episode, VERDICT_NEW_USUAL, episode->run.windows, episode->run.mean);
}

/* The class of a series is kept once it was needed: the topic, and these bits. */
#define CLASS_KNOWN 0x80
#define CLASS_HIGHER 0x40

static struct class class_of(const struct detector *detector, const struct subject *subject)
{
    uint8_t kept = *subject->class;
    if ((kept & CLASS_KNOWN) == 0) {
        struct class class = classify_name(detector->config, identity_name(subject->identity),
                                           subject->identity->name_length);
        kept = (uint8_t)(class.topic | CLASS_KNOWN | (class.higher_is_better ? CLASS_HIGHER : 0));
        *subject->class = kept;
    }
    return (struct class){.topic = kept & (CLASS_HIGHER - 1),
                          .higher_is_better = (kept & CLASS_HIGHER) != 0};
}

static enum anomaly_type type_of(const struct detector *detector, const struct subject *subject)
{
    return classify_type(class_of(detector, subject), (enum statsd_type)subject->identity->type,
                         subject->statistic, subject->side == SIGMA_ABOVE);
}

/* A window that is not simply sound: it deviates, or the one before did. */
static __attribute__((noinline)) void step(struct detector *detector, const struct subject *subject)
{
    struct episode *episode = episode_of(detector, subject->baseline);
    if (episode != NULL && subject->side != episode->side) {
        set_numbers(detector, &episode->row, subject);
        finish(detector, episode, subject->side == SIGMA_INSIDE ? VERDICT_BACK : VERDICT_CROSSED, 0,
               0);
        episode = NULL;
    }
    if (subject->side == SIGMA_INSIDE) {
        sigma_learn(&detector->rule, subject->baseline, subject->value);
        return;
    }
    if (episode != NULL) {
        go_on(detector, episode, subject);
    } else {
        episode = start(detector, subject, type_of(detector, subject));
    }
    if (episode != NULL) {
        feed(detector, episode, subject);
    }
}

/* Lets go of what an earlier series at this index left behind. Its identity is gone, so it gets no
 * rows. */
static __attribute__((noinline)) void restart_series(struct detector *detector,
                                                     enum metric_kind kind,
                                                     struct baselines_entry *entry,
                                                     uint32_t generation)
{
    for (unsigned slot = 0; slot < baselines_slot_count(kind); slot++) {
        if (entry->slots[slot].episode != 0) {
            episodes_give(&detector->episodes, entry->slots[slot].episode);
        }
        entry->slots[slot] = (struct baseline){0};
    }
    *entry->series = (struct baselines_series){.generation = generation};
    *entry->class = 0;
}

static struct baselines_entry entry_for(struct detector *detector, enum metric_kind kind,
                                        const struct identity *identity)
{
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, identity->index);
    if (entry.series == NULL) {
        entry = baselines_add(&detector->baselines, kind, identity->index);
    }
    if (entry.series != NULL && entry.series->generation != identity->generation) {
        restart_series(detector, kind, &entry, identity->generation);
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
    if (!detector->on) {
        return;
    }
    if (!(fabs(value) <= SIGMA_VALUE_MAX)) {
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
    enum sigma_side side = SIGMA_INSIDE;
    if (baseline->windows >= detector->warmup || baseline->episode != 0) {
        side = sigma_judge(&detector->rule, baseline, value, noise_floor);
    }
    if (side == SIGMA_INSIDE && baseline->episode == 0) {
        sigma_learn(&detector->rule, baseline, value);
        return;
    }
    step(detector,
         &(struct subject){identity, entry.class, baseline, statistic, value, noise_floor, side});
}

/* Seconds of silence of a series that was regular before, this window included; 0 when it was not.
 */
static double note_silence(const struct detector *detector, struct baselines_series *series)
{
    float seconds = (float)detector->window_seconds;
    if (series->presence >= (float)detector->warmup) {
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
    if (seconds >= USUAL_LENGTH_SHARE * detector->usual_seconds) {
        return 0;
    }
    return sqrt(mean * seconds) / seconds;
}

void detector_observe_idle(struct detector *detector, const struct identity *identity)
{
    enum metric_kind kind = metric_kind_of((enum statsd_type)identity->type);
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, identity->index);
    bool has_rate = kind == METRIC_COUNTER || kind == METRIC_TIMER;
    if (!detector->on || !has_rate || entry.series == NULL ||
        entry.series->generation != identity->generation) {
        return;
    }
    double silent_seconds = note_silence(detector, entry.series);
    struct baseline *baseline = &entry.slots[baselines_slot(kind, STATISTIC_RATE)];
    struct episode *episode = episode_of(detector, baseline);
    if (episode != NULL && episode->side == SIGMA_ABOVE) {
        episode->row.value = 0;
        finish(detector, episode, VERDICT_IDLE, 0, 0);
    }
    bool judged = silent_seconds > 0 && baseline->mean > 0 && baseline->episode == 0 &&
                  baseline->windows >= detector->warmup;
    if (!judged) {
        return;
    }
    double noise_floor = silence_floor(detector, baseline->mean, silent_seconds);
    enum sigma_side side = sigma_judge(&detector->rule, baseline, 0, noise_floor);
    struct subject subject = {identity, entry.class, baseline, STATISTIC_RATE,
                              0,        noise_floor, side};
    if (side == SIGMA_BELOW && start(detector, &subject, ANOMALY_FLATLINE) != NULL) {
        entry.series->presence = 0; /* Called out; not again before it was regular again. */
    }
}

void detector_forget(struct detector *detector, enum metric_kind kind, uint32_t index)
{
    struct baselines_entry entry = baselines_find(&detector->baselines, kind, index);
    if (entry.series == NULL) {
        return;
    }
    for (unsigned slot = 0; slot < baselines_slot_count(kind); slot++) {
        struct episode *episode = episode_of(detector, &entry.slots[slot]);
        if (episode != NULL) {
            finish(detector, episode, VERDICT_EXPIRED, 0, 0);
        }
        entry.slots[slot] = (struct baseline){0};
    }
    *entry.series = (struct baselines_series){0};
    *entry.class = 0;
}

/* Ends what has had no samples for `warmup` windows, so that nothing lasts for ever. */
static void finish_silent(struct detector *detector)
{
    for (uint32_t i = 0; i < detector->episodes.made; i++) {
        struct episode *episode = &detector->episodes.items[i];
        if (episode->baseline == NULL) {
            continue;
        }
        uint64_t silent = detector->window - episode->fed_window;
        if (!detector->on) {
            finish(detector, episode, VERDICT_OFF, 0, 0);
        } else if (silent >= detector->warmup) {
            finish(detector, episode, VERDICT_SILENT, (unsigned)silent, 0);
        }
    }
}

static size_t list_active(struct detector *detector, size_t count, enum anomaly_severity severity)
{
    for (uint32_t i = 0; i < detector->episodes.made && count < DETECTOR_ACTIVE_MAX; i++) {
        const struct episode *episode = &detector->episodes.items[i];
        if (episode->baseline != NULL && episode->row.severity == severity) {
            detector->active[count++] = episode->row;
        }
    }
    return count;
}

void detector_end(struct detector *detector, const struct anomaly_row **rows, size_t *row_count,
                  const struct anomaly_row **active, size_t *active_count)
{
    REQUIRE(detector->open);
    detector->open = false;
    finish_silent(detector);
    size_t listed = list_active(detector, 0, SEVERITY_CRITICAL);
    listed = list_active(detector, listed, SEVERITY_WARNING);
    detector->rows.delivered = detector->rows.count;
    *rows = detector->rows.items;
    *row_count = detector->rows.count;
    *active = detector->active;
    *active_count = listed;
}

const struct detector_totals *detector_totals(const struct detector *detector)
{
    return &detector->totals;
}

size_t detector_bytes(const struct detector *detector)
{
    return sizeof(*detector) + detector->baselines.bytes +
           detector->episodes.capacity * sizeof(struct episode) +
           detector->rows.capacity * sizeof(struct anomaly_row);
}
