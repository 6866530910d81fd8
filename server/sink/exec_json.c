/* SPDX-License-Identifier: MIT */
#include "server/sink/exec_json.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "proto/text.h"

static void put_string(struct buffer *out, const char *text, size_t length)
{
    char *at = buffer_room(out, 6 * length + 2);
    if (at) {
        size_t written = text_escape_json(at + 1, text, length);
        at[0] = '"';
        at[written + 1] = '"';
        out->length += written + 2;
    }
}

static void put_number(struct buffer *out, double value)
{
    if (isfinite(value)) {
        buffer_append_number(out, value);
    } else {
        buffer_append_text(out, "null");
    }
}

static void put_member(struct buffer *out, const char *name, double value)
{
    buffer_append_format(out, ",\"%s\":", name);
    put_number(out, value);
}

static bool same_key(const struct tag *a, const struct tag *b)
{
    return a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

/* A key that comes several times has a list. */
static void put_tags(struct buffer *out, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && same_key(&tags[i], &tags[end])) {
            end++;
        }
        buffer_append_text(out, i > 0 ? "," : "");
        put_string(out, tags[i].key, tags[i].key_length);
        buffer_append_text(out, end - i > 1 ? ":[" : ":");
        for (size_t j = i; j < end; j++) {
            buffer_append_text(out, j > i ? "," : "");
            put_string(out, tags[j].value, tags[j].value_length);
        }
        buffer_append_text(out, end - i > 1 ? "]" : "");
        i = end;
    }
}

/* `{"name":…,"tags":{…}`, behind a comma where it is not the first. */
static void begin_row(struct buffer *out, bool *first, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    identity_tags(identity, tags);
    buffer_append_text(out, *first ? "{\"name\":" : ",{\"name\":");
    put_string(out, identity_name(identity), identity->name_length);
    buffer_append_text(out, ",\"tags\":{");
    put_tags(out, tags, identity->tag_count);
    buffer_append(out, "}", 1);
    *first = false;
}

static void put_counters(const struct snapshot *snapshot, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        const struct counter_row *row = &snapshot->counters[i];
        if (row->updated) {
            begin_row(out, &first, row->identity);
            put_member(out, "count", row->count);
            put_member(out, "rate", row->rate);
            put_member(out, "total", row->total);
            buffer_append(out, "}", 1);
        }
    }
}

static void put_gauges(const struct snapshot *snapshot, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < snapshot->gauge_count; i++) {
        begin_row(out, &first, snapshot->gauges[i].identity);
        put_member(out, "value", snapshot->gauges[i].value);
        buffer_append(out, "}", 1);
    }
}

static void put_timer(const struct snapshot *snapshot, const struct timer_row *row,
                      struct buffer *out)
{
    buffer_append_format(out, ",\"type\":\"%s\"",
                         statsd_type_name((enum statsd_type)row->identity->type));
    put_member(out, "count", row->count);
    put_member(out, "rate", row->rate);
    put_member(out, "sum", row->sum);
    put_member(out, "mean", row->mean);
    put_member(out, "min", row->min);
    put_member(out, "max", row->max);
    put_member(out, "stddev", row->stddev);
    buffer_append_text(out, ",\"percentiles\":{");
    for (size_t i = 0; row->percentiles && i < snapshot->percentile_count; i++) {
        buffer_append_text(out, i > 0 ? ",\"" : "\"");
        buffer_append_number(out, snapshot->percents[i]);
        buffer_append_text(out, "\":");
        put_number(out, row->percentiles[i]);
    }
    buffer_append_text(out, "}}");
}

static void put_timers(const struct snapshot *snapshot, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        if (snapshot->timers[i].updated) {
            begin_row(out, &first, snapshot->timers[i].identity);
            put_timer(snapshot, &snapshot->timers[i], out);
        }
    }
}

static void put_sets(const struct snapshot *snapshot, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < snapshot->set_count; i++) {
        if (snapshot->sets[i].updated) {
            begin_row(out, &first, snapshot->sets[i].identity);
            put_member(out, "unique", snapshot->sets[i].unique);
            buffer_append(out, "}", 1);
        }
    }
}

void exec_json_render(const struct snapshot *snapshot, struct buffer *out)
{
    buffer_append_text(out, "{\"timestamp\":");
    put_number(out, snapshot->timestamp);
    put_member(out, "window_seconds", snapshot->window_seconds);
    buffer_append_text(out, ",\"counters\":[");
    put_counters(snapshot, out);
    buffer_append_text(out, "],\"gauges\":[");
    put_gauges(snapshot, out);
    buffer_append_text(out, "],\"timers\":[");
    put_timers(snapshot, out);
    buffer_append_text(out, "],\"sets\":[");
    put_sets(snapshot, out);
    buffer_append_text(out, "]}\n");
}
