/* SPDX-License-Identifier: MIT */
#include "server/report/model.h"

#include <stdlib.h>
#include <string.h>

#include "server/report/rules.h"

void report_init(struct report *report, const struct config *config, struct points points,
                 double interval)
{
    static const struct ticks none;
    *report =
        (struct report){.config = config, .points = points, .interval = interval, .ticks = &none};
    for (size_t i = 0; i < points.count; i++) {
        report->stamps[i] = points_stamp(&points, i);
    }
    report->series_seconds = points.to - points.from;
}

static void drop_anomaly(struct report_anomaly *anomaly)
{
    free(anomaly->metric);
    free(anomaly->tags);
    free(anomaly->reason);
}

static void drop_alert(struct report_alert *alert)
{
    const char *const texts[] = {alert->name, alert->metric, alert->tags, alert->reason};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free((void *)(uintptr_t)texts[i]);
    }
}

static void drop_ranking(struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->count; i++) {
        series_unref(ranking->rows[i].series);
    }
    ranking->count = 0;
}

void report_deinit(struct report *report)
{
    drop_ranking(&report->changed);
    drop_ranking(&report->busiest);
    drop_ranking(&report->slowest);
    drop_ranking(&report->rising);
    for (size_t i = 0; i < report->anomaly_count; i++) {
        drop_anomaly(&report->anomalies[i]);
    }
    for (size_t i = 0; i < report->alert_count; i++) {
        drop_alert(&report->alerts[i]);
    }
    tag_keys_deinit(&report->keys);
}

static char *copy_text(struct report *report, const char *text)
{
    char *copy = strdup(text ? text : "");
    report->failed = report->failed || !copy;
    return copy;
}

/* Ascending by time would be the order they come in; the latest is to be first. */
void report_add_anomaly(struct report *report, const struct report_anomaly *anomaly)
{
    size_t at = 0;
    report->anomalies_started += anomaly->from > report->points.from;
    report->anomalies_active += anomaly->to == 0 && anomaly->severity > SEVERITY_INFO;
    report->anomalies_critical += anomaly->to == 0 && anomaly->severity == SEVERITY_CRITICAL;
    while (at < report->anomaly_count && report->anomalies[at].from > anomaly->from) {
        at++;
    }
    if (at == REPORT_ANOMALIES) {
        return;
    }
    if (report->anomaly_count == REPORT_ANOMALIES) {
        drop_anomaly(&report->anomalies[--report->anomaly_count]);
    }
    memmove(&report->anomalies[at + 1], &report->anomalies[at],
            (report->anomaly_count - at) * sizeof(report->anomalies[0]));
    report->anomalies[at] = *anomaly;
    report->anomalies[at].metric = copy_text(report, anomaly->metric);
    report->anomalies[at].tags = copy_text(report, anomaly->tags);
    report->anomalies[at].reason = copy_text(report, anomaly->reason);
    report->anomaly_count++;
}

/* The end belongs to the latest start of the same statistic that has none yet. */
void report_end_anomaly(struct report *report, const struct report_anomaly *end)
{
    report->anomalies_active -= report->anomalies_active > 0 && end->severity > SEVERITY_INFO;
    report->anomalies_critical -=
        report->anomalies_critical > 0 && end->severity == SEVERITY_CRITICAL;
    for (size_t i = 0; i < report->anomaly_count; i++) {
        struct report_anomaly *anomaly = &report->anomalies[i];
        if (anomaly->to <= 0 && anomaly->statistic == end->statistic &&
            strcmp(anomaly->metric, end->metric) == 0 && strcmp(anomaly->tags, end->tags) == 0) {
            anomaly->to = end->from;
            return;
        }
    }
}

static bool is_same(const struct report_alert *a, const struct report_alert *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->metric, b->metric) == 0 &&
           strcmp(a->tags, b->tags) == 0;
}

/* The place of the same alert, or else a new one, or else that of one which is over; the number of
 * rows where there is none. */
static size_t place_of(struct report *report, const struct report_alert *alert)
{
    size_t over = REPORT_ALERTS;
    for (size_t i = 0; i < report->alert_count; i++) {
        if (is_same(&report->alerts[i], alert)) {
            return i;
        }
        over = report->alerts[i].state == ALERT_RESOLVED ? i : over;
    }
    return report->alert_count < REPORT_ALERTS ? report->alert_count : over;
}

static void count_alert(struct report *report, const struct report_alert *alert, uint64_t by)
{
    bool firing = alert->state == ALERT_FIRING;
    report->alerts_firing += firing ? by : 0;
    report->alerts_critical += firing && alert->severity == SEVERITY_CRITICAL ? by : 0;
}

void report_add_alert(struct report *report, const struct report_alert *alert)
{
    size_t at = place_of(report, alert);
    count_alert(report, alert, 1);
    if (at == REPORT_ALERTS) {
        return;
    }
    struct report_alert *row = &report->alerts[at];
    if (at < report->alert_count) {
        count_alert(report, row, UINT64_MAX); /* takes one away */
        drop_alert(row);
    } else {
        report->alert_count++;
    }
    *row = *alert;
    row->name = copy_text(report, alert->name);
    row->metric = copy_text(report, alert->metric);
    row->tags = copy_text(report, alert->tags);
    row->reason = copy_text(report, alert->reason);
}

bool ranking_add(struct ranking *ranking, const struct series *series, double score,
                 struct series **copy)
{
    bool full = ranking->count == REPORT_ROWS;
    if (!(score > 0) || (full && score <= ranking->rows[REPORT_ROWS - 1].score)) {
        return true;
    }
    *copy = *copy ? *copy : series_copy(series);
    if (!*copy) {
        return false;
    }
    if (full) {
        series_unref(ranking->rows[--ranking->count].series);
    }
    size_t at = ranking->count++;
    while (at > 0 && ranking->rows[at - 1].score < score) {
        ranking->rows[at] = ranking->rows[at - 1];
        at--;
    }
    ranking->rows[at].series = *copy;
    ranking->rows[at].score = score;
    (*copy)->references++;
    return true;
}
