/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_events.h"

#include "proto/tags.h"
#include "proto/text.h"

static void put_field(const struct snapshot *snapshot, struct span field, struct buffer *out)
{
    char *room = buffer_room(out, 2 * (size_t)field.length + 2);
    if (room) {
        out->length += text_escape_csv(room, snapshot->event_bytes + field.offset, field.length);
    }
}

/* The canonical form, made behind the place where it is to stand quoted. */
static void put_tags(const struct snapshot *snapshot, struct span field, struct buffer *out)
{
    struct tag tags[EVENT_TAGS_MAX];
    int count = tags_parse(TAGS_COLON, snapshot->event_bytes + field.offset, field.length, tags,
                           EVENT_TAGS_MAX);
    size_t plain_max = 2 * (size_t)field.length + 2 * (size_t)EVENT_TAGS_MAX;
    size_t quoted_max = 2 * plain_max + 2;
    char *room = buffer_room(out, quoted_max + plain_max);
    if (room && count > 0) {
        size_t length = tags_format_csv(room + quoted_max, tags, (size_t)count);
        out->length += text_quote_csv(room, room + quoted_max, length);
    }
}

static void put_row(const struct snapshot *snapshot, const char *stamp, const struct event_row *row,
                    struct buffer *out)
{
    buffer_append_text(out, stamp);
    put_field(snapshot, row->fields[EVENT_NAME], out);
    buffer_append(out, ",", 1);
    put_tags(snapshot, row->fields[EVENT_TAGS], out);
    buffer_append(out, ",", 1);
    buffer_append_text(out, event_kind_name((enum event_kind)row->kind));
    buffer_append(out, ",", 1);
    if (row->kind == EVENT_SERVICE_CHECK) {
        buffer_append_number(out, row->status);
    }
    buffer_append(out, ",", 1);
    put_field(snapshot, row->fields[EVENT_TEXT], out);
    buffer_append(out, ",", 1);
    buffer_append_number(out, row->time);
    for (size_t i = EVENT_HOST; i < EVENT_FIELDS; i++) {
        buffer_append(out, ",", 1);
        put_field(snapshot, row->fields[i], out);
    }
    buffer_append(out, "\n", 1);
}

size_t csv_events_render(const struct snapshot *snapshot, const char *stamp, size_t from,
                         size_t bytes_max, struct buffer *out)
{
    while (from < snapshot->event_count && out->length < bytes_max && !out->failed) {
        put_row(snapshot, stamp, &snapshot->events[from++], out);
    }
    return from;
}
