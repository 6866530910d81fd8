/* SPDX-License-Identifier: MIT */
#include "server/http/lasting_figures.h"

#include <stdlib.h>
#include <string.h>

#include "server/http/prom_name.h"

/* Labels of rows, each with its NUL, and where they begin. */
struct lines {
    struct buffer text;
    size_t *starts;
    size_t count;
};

static bool lines_init(struct lines *lines, size_t count_max)
{
    *lines = (struct lines){.starts = malloc(count_max * sizeof(*lines->starts))};
    return lines->starts != NULL;
}

static void lines_begin(struct lines *lines)
{
    lines->starts[lines->count++] = lines->text.length;
}

static void append_label(struct buffer *text, const char *key, const char *value, size_t length)
{
    buffer_append_text(text, key);
    buffer_append_text(text, "=\"");
    prom_append_value(text, value, length);
    buffer_append_text(text, "\",");
}

/* `text` needs no escaping; the last label. */
static void append_severity(struct buffer *text, enum anomaly_severity severity)
{
    buffer_append_text(text, "severity=\"");
    buffer_append_text(text, anomaly_severity_name(severity));
    buffer_append(text, "\"", sizeof("\"")); /* with its NUL, to compare by strcmp() */
}

/* A label `tags` of them, as the tags column of CSV has them. */
static void append_tags(struct buffer *text, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    struct buffer csv;
    buffer_init(&csv);
    identity_tags(identity, tags);
    char *room = buffer_room(&csv, 2 * (size_t)identity->bytes_length + 1);
    if (room) {
        csv.length = tags_format_csv(room, tags, identity->tag_count);
        append_label(text, "tags", csv.bytes, csv.length);
    }
    text->failed |= csv.failed;
    buffer_deinit(&csv);
}

static void append_anomaly(struct buffer *text, const struct anomaly_row *row)
{
    const char *statistic = statistic_name(row->statistic);
    append_label(text, "metric", identity_name(row->identity), row->identity->name_length);
    append_tags(text, row->identity);
    append_label(text, "statistic", statistic, strlen(statistic));
    append_severity(text, row->severity);
}

static void append_alert(struct buffer *text, const struct alert_row *row)
{
    const char *state = alert_state_name(row->state);
    append_label(text, "alertname", row->name, strlen(row->name));
    append_label(text, "alertstate", state, strlen(state));
    append_label(text, "metric", row->metric, strlen(row->metric));
    append_label(text, "tags", row->tags, strlen(row->tags));
    append_severity(text, row->severity);
}

static int compare_lines(const void *left, const void *right, void *lines)
{
    const char *text = lines;
    return strcmp(text + *(const size_t *)left, text + *(const size_t *)right);
}

/* What differs in nothing but the type of a series (ms, h and d), which the labels do not tell
 * apart, is shown once. */
static void lines_write(struct lines *lines, struct figure_writer *out)
{
    char *text = lines->text.bytes;
    if (lines->text.failed) {
        out->out->failed = true;
        return;
    }
    qsort_r(lines->starts, lines->count, sizeof(*lines->starts), compare_lines, text);
    for (size_t i = 0; i < lines->count; i++) {
        if (i == 0 || strcmp(text + lines->starts[i - 1], text + lines->starts[i]) != 0) {
            figure_labelled(out, text + lines->starts[i], 1);
        }
    }
}

static void lines_deinit(struct lines *lines)
{
    free(lines->starts);
    buffer_deinit(&lines->text);
}

static void render_anomalies(const struct snapshot *snapshot, struct figure_writer *out)
{
    struct lines lines;
    if (snapshot->active_count == 0) {
        return;
    }
    figure_family(out, "sigmad_anomaly", "gauge", "1 while an anomaly lasts.");
    if (!lines_init(&lines, snapshot->active_count)) {
        out->out->failed = true;
        return;
    }
    for (size_t i = 0; i < snapshot->active_count; i++) {
        lines_begin(&lines);
        append_anomaly(&lines.text, &snapshot->active[i]);
    }
    lines_write(&lines, out);
    lines_deinit(&lines);
}

static void add_alerts(struct lines *lines, const struct alert_set *alerts, enum alert_state state)
{
    for (size_t i = 0; i < alerts->count && lines->count < LASTING_ALERTS_MAX; i++) {
        if (alerts->rows[i].state == state) {
            lines_begin(lines);
            append_alert(&lines->text, &alerts->rows[i]);
        }
    }
}

static void render_alerts(const struct alert_set *alerts, struct figure_writer *out)
{
    struct lines lines;
    if (!lines_init(&lines, LASTING_ALERTS_MAX)) {
        out->out->failed = true;
        return;
    }
    add_alerts(&lines, alerts, ALERT_FIRING);
    add_alerts(&lines, alerts, ALERT_PENDING);
    if (lines.count > 0) {
        figure_family(out, "sigmad_alerts", "gauge", "1 while an alert is pending or firing.");
        lines_write(&lines, out);
    }
    lines_deinit(&lines);
}

static void render_by_severity(const struct alert_set *alerts, enum alert_state state,
                               const char *name, const char *help, struct figure_writer *out)
{
    double counts[SEVERITIES] = {0};
    for (size_t i = 0; i < alerts->count; i++) {
        counts[alerts->rows[i].severity] += alerts->rows[i].state == state;
    }
    figure_family(out, name, "gauge", help);
    for (unsigned i = 0; i < SEVERITIES; i++) {
        figure_sample(out, "severity", anomaly_severity_name((enum anomaly_severity)i), counts[i]);
    }
}

static void render_refused(const struct alert_set *alerts, struct figure_writer *out)
{
    double refused = 0;
    for (size_t i = 0; i < alerts->rule_count; i++) {
        refused += (double)alerts->rules[i].refused;
    }
    figure_family(out, "sigmad_alerts_refused_total", "counter",
                  "Alerts that found no room, once a window each.");
    figure_sample(out, NULL, NULL, refused);
}

void lasting_figures_render(const struct snapshot *snapshot, struct figure_writer *out)
{
    if (!snapshot) {
        return;
    }
    render_anomalies(snapshot, out);
    if (snapshot->alerts) {
        render_alerts(snapshot->alerts, out);
        render_by_severity(snapshot->alerts, ALERT_FIRING, "sigmad_alerts_firing",
                           "Alerts that fire.", out);
        render_by_severity(snapshot->alerts, ALERT_PENDING, "sigmad_alerts_pending",
                           "Alerts whose condition has not held for long enough.", out);
        render_refused(snapshot->alerts, out);
    }
}
