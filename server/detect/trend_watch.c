/* SPDX-License-Identifier: MIT */
#include "server/detect/trend_watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/classify.h"
#include "server/history/history.h"

struct look {
    const struct identity *identity;
    enum statistic statistic;
    double value;
    struct trend trend;
    double gravity;
};

struct lasting {
    struct anomaly_row row;
    uint64_t confirmed; /* the window in which it was last found */
};

struct trend_watch {
    struct history *history;
    double *stamps, *values, *room; /* NULL before the first look */
    struct look *looks;
    size_t look_count;
    struct lasting lasting[TREND_WATCH_LASTING_MAX];
    size_t count;
};

struct trend_watch *trend_watch_new(struct history *history)
{
    struct trend_watch *watch = calloc(1, sizeof(*watch));
    if (watch) {
        watch->history = history;
    }
    return watch;
}

void trend_watch_free(struct trend_watch *watch)
{
    if (watch) {
        free(watch->stamps);
        free(watch->values);
        free(watch->room);
        free(watch->looks);
        free(watch);
    }
}

/* Half a megabyte, which only those have that have a history. */
static bool has_room(struct trend_watch *watch)
{
    if (!watch->looks) {
        watch->stamps = malloc(TREND_WATCH_WINDOWS_MAX * sizeof(double));
        watch->values = malloc(TREND_WATCH_WINDOWS_MAX * sizeof(double));
        watch->room = malloc(TREND_ROOM * sizeof(double));
        watch->looks = calloc(TREND_WATCH_LOOKS_MAX, sizeof(*watch->looks));
    }
    if (watch->stamps && watch->values && watch->room && watch->looks) {
        return true;
    }
    free(watch->stamps);
    free(watch->values);
    free(watch->room);
    free(watch->looks);
    watch->stamps = watch->values = watch->room = NULL;
    watch->looks = NULL;
    return false;
}

void trend_watch_note(struct trend_watch *watch, const struct identity *identity,
                      enum statistic statistic, double value)
{
    if (watch->look_count < TREND_WATCH_LOOKS_MAX && has_room(watch)) {
        watch->looks[watch->look_count++] =
            (struct look){.identity = identity, .statistic = statistic, .value = value};
    }
}

static struct lasting *find(struct trend_watch *watch, const struct look *look)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct lasting *lasting = &watch->lasting[i];
        if (lasting->row.identity == look->identity && lasting->row.statistic == look->statistic) {
            return lasting;
        }
    }
    return NULL;
}

static void finish(struct trend_watch *watch, struct lasting *lasting, const char *why,
                   struct rows *rows)
{
    struct anomaly_row row = lasting->row;
    row.end = true;
    snprintf(row.reason, sizeof(row.reason), "%s: %s", statistic_name(row.statistic), why);
    rows_add(rows, &row);
    *lasting = watch->lasting[--watch->count];
}

static enum better better_of(const struct config *config, const struct look *look,
                             struct class *class)
{
    const struct identity *identity = look->identity;
    *class = classify_name(config, identity_name(identity), identity->name_length);
    return classify_better(*class, (enum statsd_type)identity->type, look->statistic);
}

static void put_span(char *out, size_t size, double seconds)
{
    if (seconds < 5400) {
        snprintf(out, size, "%.0f min", fmax(1, seconds / 60));
    } else if (seconds < 2 * 86400) {
        snprintf(out, size, "%.1f h", seconds / 3600);
    } else {
        snprintf(out, size, "%.1f days", seconds / 86400);
    }
}

static void word(struct anomaly_row *row, const struct look *look)
{
    char span[32];
    const struct trend *trend = &look->trend;
    const char *unit = classify_unit((enum statsd_type)look->identity->type, look->statistic);
    bool rises = trend->robust > 0;
    put_span(span, sizeof(span), trend->span);
    snprintf(row->reason, sizeof(row->reason), "%s %s by %.0f %% in %s, from %.4g to %.4g%s%s",
             statistic_name(look->statistic), rises ? "rises" : "falls",
             fmin(9999, 100 * fabs(trend_change(trend))), span, rises ? row->lower : row->upper,
             rises ? row->upper : row->lower, *unit && *unit != '/' ? " " : "", unit);
}

static void fill(struct anomaly_row *row, const struct look *look, struct class class,
                 double timestamp)
{
    const struct trend *trend = &look->trend;
    double half = fabs(trend->robust) * trend->span / 2;
    *row = (struct anomaly_row){
        .identity = look->identity,
        .value = look->value,
        .mean = trend->mean,
        .stddev = (double)NAN,
        .lower = trend->mean - half,
        .upper = trend->mean + half,
        .since = timestamp,
        .statistic = look->statistic,
        .type = classify_type(class, (enum statsd_type)look->identity->type, look->statistic,
                              trend->robust > 0),
        .severity = SEVERITY_INFO,
    };
    word(row, look);
}

/* Room for a start, its end, and the ends of all that lasts. */
static uint64_t start(struct trend_watch *watch, const struct look *look, struct class class,
                      const struct trend_watch_window *window)
{
    if (watch->count == TREND_WATCH_LASTING_MAX ||
        !rows_reserve(window->rows, watch->count + window->others + 2)) {
        return 0;
    }
    struct lasting *lasting = &watch->lasting[watch->count++];
    *lasting = (struct lasting){.confirmed = window->number};
    fill(&lasting->row, look, class, window->timestamp);
    rows_add(window->rows, &lasting->row);
    return 1;
}

static bool fit(struct trend_watch *watch, const struct history_range *range, struct look *look)
{
    size_t numbers =
        history_read(watch->history, range, look->identity, look->statistic, watch->values);
    return numbers >= TREND_WATCH_VALUES_MIN &&
           trend_fit(watch->stamps, watch->values, range->count, &look->trend);
}

static enum trend_assessment assess(const struct config *config, const struct look *look,
                                    struct class *class)
{
    enum trend_direction direction = trend_direction(&look->trend, TREND_WATCH_CHANGE);
    return direction == TREND_STEADY ? TREND_STABLE
                                     : trend_assess(direction, better_of(config, look, class));
}

static uint64_t decide(struct trend_watch *watch, const struct history_range *range,
                       struct look *look, const struct trend_watch_window *window)
{
    struct class class;
    struct lasting *lasting = find(watch, look);
    if (!fit(watch, range, look)) {
        return 0;
    }
    trend_robust(watch->stamps, watch->values, range->count, &look->trend, watch->room);
    if (assess(window->config, look, &class) != TREND_DEGRADING) {
        if (lasting) {
            finish(watch, lasting, "no longer a trend for the worse", window->rows);
        }
        return 0;
    }
    if (!lasting) {
        return start(watch, look, class, window);
    }
    double since = lasting->row.since;
    fill(&lasting->row, look, class, since);
    lasting->confirmed = window->number;
    return 0;
}

/* What lasts is always looked at closely, of the rest those that seem to degrade most. */
static double gravity_of(struct trend_watch *watch, const struct config *config,
                         const struct look *look)
{
    struct class class;
    if (find(watch, look)) {
        return HUGE_VAL;
    }
    enum trend_assessment assessment = assess(config, look, &class);
    return assessment == TREND_DEGRADING ? fabs(trend_change(&look->trend)) * look->trend.r_squared
                                         : 0;
}

static int compare(const void *left, const void *right)
{
    double a = ((const struct look *)left)->gravity, b = ((const struct look *)right)->gravity;
    return (a < b) - (a > b);
}

static void finish_unconfirmed(struct trend_watch *watch, uint64_t window, struct rows *rows)
{
    for (size_t i = watch->count; i > 0; i--) {
        struct lasting *lasting = &watch->lasting[i - 1];
        if (window - lasting->confirmed > TREND_WATCH_PATIENCE) {
            finish(watch, lasting, "nothing was known of it for long", rows);
        }
    }
}

uint64_t trend_watch_judge(struct trend_watch *watch, const struct trend_watch_window *window)
{
    uint64_t started = 0;
    finish_unconfirmed(watch, window->number, window->rows);
    if (watch->look_count == 0) {
        return 0;
    }
    struct history_range range =
        history_find(watch->history, -HUGE_VAL, HUGE_VAL, TREND_WATCH_WINDOWS_MAX);
    history_stamps(watch->history, &range, watch->stamps, NULL);
    for (size_t i = 0; i < watch->look_count; i++) {
        struct look *look = &watch->looks[i];
        look->gravity = fit(watch, &range, look) ? gravity_of(watch, window->config, look) : 0;
    }
    qsort(watch->looks, watch->look_count, sizeof(*watch->looks), compare);
    for (size_t i = 0; i < watch->look_count && i < TREND_WATCH_ROBUST_MAX; i++) {
        if (watch->looks[i].gravity > 0) {
            started += decide(watch, &range, &watch->looks[i], window);
        }
    }
    watch->look_count = 0;
    return started;
}

void trend_watch_forget(struct trend_watch *watch, enum metric_kind kind, uint32_t index,
                        struct rows *rows)
{
    for (size_t i = watch->count; i > 0; i--) {
        struct lasting *lasting = &watch->lasting[i - 1];
        if (lasting->row.identity->kind == kind && lasting->row.identity->index == index) {
            finish(watch, lasting, "the series has expired", rows);
        }
    }
    /* What was noted of it in this window is not to be looked at either. */
    for (size_t i = watch->look_count; i > 0; i--) {
        const struct identity *identity = watch->looks[i - 1].identity;
        if (identity->kind == kind && identity->index == index) {
            watch->looks[i - 1] = watch->looks[--watch->look_count];
        }
    }
}

void trend_watch_finish(struct trend_watch *watch, struct rows *rows)
{
    while (watch->count > 0) {
        finish(watch, &watch->lasting[watch->count - 1], "detection was switched off", rows);
    }
    watch->look_count = 0;
}

size_t trend_watch_list(const struct trend_watch *watch, struct anomaly_row *active, size_t room)
{
    size_t count = watch->count < room ? watch->count : room;
    for (size_t i = 0; i < count; i++) {
        active[i] = watch->lasting[i].row;
    }
    return count;
}

size_t trend_watch_count(const struct trend_watch *watch)
{
    return watch->count;
}
