/* SPDX-License-Identifier: MIT
 *
 * & < > are written as entities, as Slack asks for: a name in a metric can then call nobody and
 * link to nothing (https://docs.slack.dev/messaging/formatting-message-text).
 */
#include <math.h>

#include "server/notify/render.h"
#include "server/notify/texts.h"

static void escape(struct buffer *out, const struct buffer *text)
{
    for (size_t i = 0; i < text->length; i++) {
        char c = text->bytes[i];
        if (c == '&') {
            buffer_append_text(out, "&amp;");
        } else if (c == '<') {
            buffer_append_text(out, "&lt;");
        } else if (c == '>') {
            buffer_append_text(out, "&gt;");
        } else {
            buffer_append(out, &c, 1);
        }
    }
}

/* A member whose value is escaped text; `text` is emptied. */
static void put_member(struct json *json, const char *key, struct buffer *text)
{
    struct buffer escaped = {0};
    escape(&escaped, text);
    json_put_key(json, key);
    json_put_string_bytes(json, escaped.length > 0 ? escaped.bytes : "", escaped.length);
    json->out->failed = json->out->failed || text->failed || escaped.failed;
    buffer_deinit(&escaped);
    text->length = 0;
}

static const char *color_of(const struct notification *notification)
{
    static const char *const colors[SEVERITIES] = {
        [SEVERITY_INFO] = "#439FE0",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "danger",
    };
    return notification_is_over(notification) ? "good" : colors[notification->row.severity];
}

static void put_field(struct json *json, const char *title, struct buffer *value)
{
    if (value->length == 0) {
        return;
    }
    json_begin_object(json);
    json_member_string(json, "title", title);
    put_member(json, "value", value);
    json_member_boolean(json, "short", true);
    json_end_object(json);
}

static void put_fields(struct json *json, const struct alert_row *row, struct buffer *text)
{
    json_put_key(json, "fields");
    json_begin_array(json);
    buffer_append_text(text, anomaly_severity_name(row->severity));
    put_field(json, "severity", text);
    notify_text_number(text, row->value, "");
    put_field(json, "value", text);
    buffer_append_text(text, row->condition);
    put_field(json, "condition", text);
    buffer_append_text(text, row->tags);
    put_field(json, "tags", text);
    json_end_array(json);
}

static void put_attachment(struct json *json, const struct notification *notification)
{
    struct buffer text = {0};
    const struct alert_row *row = &notification->row;
    json_begin_object(json);
    json_member_string(json, "color", color_of(notification));
    buffer_append_format(&text, "[%s] ", notification_status(notification));
    notify_text_title(&text, notification);
    put_member(json, "title", &text);
    buffer_append_text(&text, row->reason);
    if (row->description[0]) {
        buffer_append_text(&text, "\n");
        buffer_append_text(&text, row->description);
    }
    put_member(json, "text", &text);
    put_fields(json, row, &text);
    json_member_number(
        json, "ts",
        floor(notification_is_over(notification) ? row->resolved_at : row->firing_since));
    json_end_object(json);
    buffer_deinit(&text);
}

/* The line above the attachments, which is what a telephone shows. */
static void put_summary(struct json *json, const struct notify_batch *batch)
{
    struct buffer text = {0};
    const struct notification *first = batch->items[0];
    buffer_append_format(&text, "[%s] ", notification_status(first));
    notify_text_title(&text, first);
    if (batch->count > 1) {
        buffer_append_format(&text, " and %zu more", batch->count - 1);
    }
    put_member(json, "text", &text);
    buffer_deinit(&text);
}

void notify_render_slack(const struct notify_batch *batch, struct buffer *out)
{
    struct json json = json_writer(out);
    json_begin_object(&json);
    put_summary(&json, batch);
    json_put_key(&json, "attachments");
    json_begin_array(&json);
    for (size_t i = 0; i < batch->count; i++) {
        put_attachment(&json, batch->items[i]);
    }
    json_end_array(&json);
    json_end_object(&json);
}
