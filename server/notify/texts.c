/* SPDX-License-Identifier: MIT */
#include "server/notify/texts.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "proto/text.h"

#define YEAR_9999_S 253402300799.0

void notify_text_time(char out[NOTIFY_TIME_BYTES], double unix_seconds)
{
    double ms = floor(unix_seconds * 1000 + 0.5);
    ms = ms > 0 ? ms : 0;
    ms = ms < YEAR_9999_S * 1000 ? ms : YEAR_9999_S * 1000;
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(out, NOTIFY_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    unsigned left = (unsigned)(ms - (double)seconds * 1000);
    snprintf(out + length, NOTIFY_TIME_BYTES - length, ".%03uZ", left % 1000);
}

void notify_text_number(struct buffer *out, double value, const char *none)
{
    if (isfinite(value)) {
        buffer_append_number(out, value);
    } else {
        buffer_append_text(out, none);
    }
}

void notify_text_title(struct buffer *out, const struct notification *notification)
{
    const struct alert_row *row = &notification->row;
    buffer_append_text(out, row->name);
    buffer_append_text(out, ": ");
    buffer_append_text(out, row->metric);
    if (row->tags[0]) {
        buffer_append_text(out, "{");
        buffer_append_text(out, row->tags);
        buffer_append_text(out, "}");
    }
}

static void put_line(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7f;
        buffer_append(out, control ? " " : text, 1);
    }
}

static void put_json(struct buffer *out, const char *text)
{
    size_t length = strlen(text);
    char *room = buffer_room(out, 6 * length);
    if (room) {
        out->length += text_escape_json(room, text, length);
    }
}

static void put_text(struct buffer *out, const char *text, enum notify_filling filling)
{
    switch (filling) {
    case NOTIFY_FILL_LINE:
        put_line(out, text);
        return;
    case NOTIFY_FILL_JSON:
        put_json(out, text);
        return;
    default:
        buffer_append_text(out, text);
    }
}

static const char *text_of(const struct notification *notification, enum template_place place,
                           const char *notifier, char time[NOTIFY_TIME_BYTES])
{
    const struct alert_row *row = &notification->row;
    switch (place) {
    case TEMPLATE_STATUS:
        return notification_status(notification);
    case TEMPLATE_ALERT:
        return row->name;
    case TEMPLATE_SEVERITY:
        return anomaly_severity_name(row->severity);
    case TEMPLATE_METRIC:
        return row->metric;
    case TEMPLATE_TAGS:
        return row->tags;
    case TEMPLATE_REASON:
        return row->reason;
    case TEMPLATE_CONDITION:
        return row->condition;
    case TEMPLATE_DESCRIPTION:
        return row->description;
    case TEMPLATE_NOTIFIER:
        return notifier;
    case TEMPLATE_STARTS_AT:
        notify_text_time(time, row->firing_since);
        return time;
    case TEMPLATE_ENDS_AT:
        if (!notification_is_over(notification)) {
            return "";
        }
        notify_text_time(time, row->resolved_at);
        return time;
    default:
        return "";
    }
}

static void fill_place(struct buffer *out, const struct notification *notification,
                       enum template_place place, const char *notifier, enum notify_filling filling)
{
    char time[NOTIFY_TIME_BYTES];
    const struct alert_row *row = &notification->row;
    if (place == TEMPLATE_VALUE || place == TEMPLATE_THRESHOLD) {
        notify_text_number(out, place == TEMPLATE_VALUE ? row->value : row->threshold,
                           filling == NOTIFY_FILL_JSON ? "null" : "");
    } else {
        put_text(out, text_of(notification, place, notifier, time), filling);
    }
}

void notify_text_fill(struct buffer *out, const char *template, size_t length,
                      const struct notification *notification, const char *notifier,
                      enum notify_filling filling)
{
    struct template_scan scan = template_begin(template, length);
    struct template_part part;
    enum template_step step;
    while ((step = template_next(&scan, &part)) != TEMPLATE_END) {
        if (step == TEMPLATE_TEXT) {
            buffer_append(out, part.text, part.length);
        } else if (step == TEMPLATE_PLACE) {
            fill_place(out, notification, part.place, notifier, filling);
        }
    }
}
