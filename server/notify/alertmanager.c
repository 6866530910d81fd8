/* SPDX-License-Identifier: MIT */
#include "server/notify/render.h"
#include "server/notify/texts.h"

/* What fires has its end in the future: after that an Alertmanager that hears no more of it takes
 * it for over. */
static void put_alert(struct json *json, const struct notify_batch *batch,
                      const struct notification *notification)
{
    char time[NOTIFY_TIME_BYTES];
    const struct alert_row *row = &notification->row;
    double ends = notification_is_over(notification) ? row->resolved_at
                                                     : batch->now + (double)batch->lasts_ms / 1000;
    json_begin_object(json);
    notify_render_labels(notification, json);
    notify_text_time(time, row->firing_since);
    json_member_string(json, "startsAt", time);
    notify_text_time(time, ends);
    json_member_string(json, "endsAt", time);
    json_end_object(json);
}

void notify_render_alertmanager(const struct notify_batch *batch, struct buffer *out)
{
    struct json json = json_writer(out);
    json_begin_array(&json);
    for (size_t i = 0; i < batch->count; i++) {
        put_alert(&json, batch, batch->items[i]);
    }
    json_end_array(&json);
}
