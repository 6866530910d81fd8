/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/notify/render.h"
#include "server/notify/texts.h"

/* What an Alertmanager writes for a time that is not there. */
#define NO_TIME "0001-01-01T00:00:00Z"

static void put_times(struct json *json, const struct notification *notification)
{
    char time[NOTIFY_TIME_BYTES];
    notify_text_time(time, notification->row.firing_since);
    json_member_string(json, "startsAt", time);
    notify_text_time(time, notification->row.resolved_at);
    json_member_string(json, "endsAt", notification_is_over(notification) ? time : NO_TIME);
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), NUL included. */
static uint64_t add_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

/* The same for the same alert after a restart, which the queue's hash is not. */
static uint64_t fingerprint_of(const struct alert_row *row)
{
    uint64_t hash = add_text(UINT64_C(0xcbf29ce484222325), row->name);
    return add_text(add_text(hash, row->metric), row->tags);
}

static void put_alert(struct json *json, const struct notification *notification)
{
    char fingerprint[17];
    const struct alert_row *row = &notification->row;
    json_begin_object(json);
    json_member_string(json, "status", notification_status(notification));
    notify_render_labels(notification, json);
    put_times(json, notification);
    json_member_string(json, "generatorURL", "");
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)fingerprint_of(row));
    json_member_string(json, "fingerprint", fingerprint);
    json_member_number(json, "value", row->value);
    json_member_number(json, "threshold", row->threshold);
    json_member_string(json, "condition", row->condition);
    json_end_object(json);
}

static void put_empty(struct json *json, const char *key)
{
    json_put_key(json, key);
    json_begin_object(json);
    json_end_object(json);
}

static bool any_fires(const struct notify_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!notification_is_over(batch->items[i])) {
            return true;
        }
    }
    return false;
}

void notify_render_webhook(const struct notify_batch *batch, struct buffer *out)
{
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_member_string(&json, "version", "4");
    json_member_string(&json, "groupKey", batch->config->name);
    json_member_integer(&json, "truncatedAlerts", 0);
    json_member_string(&json, "status", any_fires(batch) ? "firing" : "resolved");
    json_member_string(&json, "receiver", batch->config->name);
    put_empty(&json, "groupLabels");
    put_empty(&json, "commonLabels");
    put_empty(&json, "commonAnnotations");
    json_member_string(&json, "externalURL", "");
    json_put_key(&json, "alerts");
    json_begin_array(&json);
    for (size_t i = 0; i < batch->count; i++) {
        put_alert(&json, batch->items[i]);
    }
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_text(out, "\n");
}
