/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_alerts.h"

#include <math.h>
#include <string.h>

#include "proto/text.h"

typedef size_t write_text(char *out, const char *text, size_t length);

static void put_field(struct buffer *out, const char *text, write_text *write)
{
    size_t length = strlen(text);
    char *room = buffer_room(out, 2 * length + 3);
    if (room) {
        size_t written = write(room, text, length);
        room[written] = ',';
        out->length += written + 1;
    }
}

static void put_number(struct buffer *out, double value)
{
    if (isfinite(value)) {
        buffer_append_number(out, value);
    }
    buffer_append(out, ",", 1);
}

static void put_row(const char *stamp, const struct alert_row *row, struct buffer *out)
{
    buffer_append_text(out, stamp);
    put_field(out, row->metric, text_escape_csv);
    put_field(out, row->tags, text_quote_csv); /* escaped already */
    put_field(out, row->name, text_escape_csv);
    put_field(out, alert_state_name(row->state), text_escape_csv);
    put_field(out, anomaly_severity_name(row->severity), text_escape_csv);
    put_number(out, row->value);
    put_number(out, row->threshold);
    put_field(out, row->condition, text_escape_csv);
    put_field(out, row->reason, text_escape_csv);
    if (!out->failed) {
        out->bytes[out->length - 1] = '\n'; /* for the comma */
    }
}

size_t csv_alerts_render(const struct snapshot *snapshot, const char *stamp, size_t from,
                         size_t bytes_max, struct buffer *out)
{
    size_t count = snapshot->alerts ? snapshot->alerts->count : 0;
    while (from < count && out->length < bytes_max && !out->failed) {
        const struct alert_row *row = &snapshot->alerts->rows[from++];
        if (row->changed) {
            put_row(stamp, row, out);
        }
    }
    return from;
}
