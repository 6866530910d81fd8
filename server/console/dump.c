/* SPDX-License-Identifier: MIT */
#include "server/console/dump.h"

static size_t row_count(const struct dump *dump)
{
    const struct snapshot *snapshot = dump->snapshot;
    if (!snapshot) {
        return 0;
    }
    return dump->kind == METRIC_COUNTER ? snapshot->counter_count
           : dump->kind == METRIC_GAUGE ? snapshot->gauge_count
                                        : snapshot->timer_count;
}

static void put_quoted(struct buffer *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\'' || bytes[i] == '\\') {
            buffer_append(out, "\\", 1);
        }
        buffer_append(out, &bytes[i], 1);
    }
}

/* Tags as etsy statsd keeps them, in the name. */
static void put_name(struct buffer *out, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    identity_tags(identity, tags);
    buffer_append_text(out, "'");
    put_quoted(out, identity_name(identity), identity->name_length);
    for (size_t i = 0; i < identity->tag_count; i++) {
        buffer_append_text(out, ";");
        put_quoted(out, tags[i].key, tags[i].key_length);
        buffer_append_text(out, "=");
        put_quoted(out, tags[i].value, tags[i].value_length);
    }
    buffer_append_text(out, "': ");
}

static void put_member(struct buffer *out, const char *name, double value)
{
    buffer_append_text(out, name);
    buffer_append_number(out, value);
}

static void put_timer(struct buffer *out, const struct timer_row *row)
{
    put_name(out, row->identity);
    put_member(out, "{ count: ", row->count);
    put_member(out, ", sum: ", row->sum);
    put_member(out, ", mean: ", row->mean);
    put_member(out, ", lower: ", row->min);
    put_member(out, ", upper: ", row->max);
    put_member(out, ", std: ", row->stddev);
    buffer_append_text(out, " }");
}

static void put_row(struct buffer *out, const struct dump *dump)
{
    const struct snapshot *snapshot = dump->snapshot;
    if (dump->kind == METRIC_COUNTER) {
        put_name(out, snapshot->counters[dump->at].identity);
        buffer_append_number(out, snapshot->counters[dump->at].count);
    } else if (dump->kind == METRIC_GAUGE) {
        put_name(out, snapshot->gauges[dump->at].identity);
        buffer_append_number(out, snapshot->gauges[dump->at].value);
    } else {
        put_timer(out, &snapshot->timers[dump->at]);
    }
}

bool dump_write(struct dump *dump, struct buffer *out, size_t bytes)
{
    size_t count = row_count(dump);
    if (count == 0) {
        buffer_append_text(out, "{}\n");
        return true;
    }
    while (dump->at < count && out->length < bytes) {
        buffer_append_text(out, dump->at == 0 ? "{ " : ",\n  ");
        put_row(out, dump);
        dump->at++;
    }
    if (dump->at == count) {
        buffer_append_text(out, " }\n");
    }
    return dump->at == count;
}
