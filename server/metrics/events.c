/* SPDX-License-Identifier: MIT */
#include "server/metrics/events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tags.h"
#include "server/core/require.h"

#define ROWS_BEGIN 16
#define BYTES_BEGIN 4096

const char *event_kind_name(enum event_kind kind)
{
    return kind == EVENT_EVENT ? "event" : "service_check";
}

const char *event_loss_name(enum event_loss loss)
{
    static const char *const names[] = {"stored", "window_limit", "too_many_tags", "memory_limit"};
    REQUIRE(loss < EVENT_LOSSES);
    return names[loss];
}

void events_deinit(struct events *events)
{
    free(events->rows);
    free(events->bytes);
    *events = (struct events){0};
}

static uint32_t doubled(uint32_t capacity, uint32_t begin, uint32_t wanted, uint32_t most)
{
    capacity = capacity ? capacity : begin;
    while (capacity < wanted) {
        capacity *= 2;
    }
    return capacity < most ? capacity : most;
}

/* Makes room for one more row and so many bytes. */
static enum event_loss reserve(struct events *events, uint64_t bytes)
{
    if (events->count == EVENTS_MAX || events->length + bytes > EVENTS_BYTES_MAX) {
        return EVENT_WINDOW_LIMIT;
    }
    uint32_t length = events->length + (uint32_t)bytes;
    if (length > events->bytes_max) {
        uint32_t capacity = doubled(events->bytes_max, BYTES_BEGIN, length, EVENTS_BYTES_MAX);
        char *grown = realloc(events->bytes, capacity);
        if (!grown) {
            return EVENT_MEMORY_LIMIT;
        }
        events->bytes = grown;
        events->bytes_max = capacity;
    }
    if (events->count == events->rows_max) {
        uint32_t capacity = doubled(events->rows_max, ROWS_BEGIN, events->count + 1, EVENTS_MAX);
        struct event_row *grown = realloc(events->rows, capacity * sizeof(*grown));
        if (!grown) {
            return EVENT_MEMORY_LIMIT;
        }
        events->rows = grown;
        events->rows_max = capacity;
    }
    return EVENT_STORED;
}

static struct span keep(struct events *events, const char *bytes, struct span span)
{
    struct span kept = {.offset = events->length, .length = span.length};
    if (span.length > 0) {
        memcpy(events->bytes + events->length, bytes + span.offset, span.length);
    }
    events->length += span.length;
    return kept;
}

static struct span keep_unescaped(struct events *events, const char *bytes, struct span span)
{
    struct span kept = {.offset = events->length};
    const char *text = bytes + span.offset;
    for (uint32_t i = 0; i < span.length; i++) {
        bool newline = text[i] == '\\' && i + 1 < span.length && text[i + 1] == 'n';
        events->bytes[events->length++] = newline ? '\n' : text[i];
        i += newline;
    }
    kept.length = events->length - kept.offset;
    return kept;
}

enum event_loss events_add(struct events *events, const char *datagram,
                           const struct statsd_item *item, const struct statsd_details *details,
                           uint64_t received_ns)
{
    struct tag tags[EVENT_TAGS_MAX];
    const struct span fields[EVENT_FIELDS] = {
        [EVENT_NAME] = item->name,
        [EVENT_TEXT] = item->text,
        [EVENT_TAGS] = item->tags,
        [EVENT_HOST] = details->host,
        [EVENT_PRIORITY] = details->priority,
        [EVENT_ALERT_TYPE] = details->alert_type,
        [EVENT_AGGREGATION_KEY] = details->aggregation_key,
        [EVENT_SOURCE_TYPE] = details->source_type,
        [EVENT_CONTAINER] = details->container,
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < EVENT_FIELDS; i++) {
        bytes += fields[i].length;
    }
    enum event_loss loss = reserve(events, bytes);
    if (loss != EVENT_STORED) {
        return loss;
    }
    if (tags_parse(TAGS_COLON, datagram + item->tags.offset, item->tags.length, tags,
                   EVENT_TAGS_MAX) < 0) {
        return EVENT_TOO_MANY_TAGS;
    }
    struct event_row *row = &events->rows[events->count++];
    *row = (struct event_row){
        .sent_s = item->timestamp,
        .received_ns = received_ns,
        .kind = item->kind == STATSD_EVENT ? EVENT_EVENT : EVENT_SERVICE_CHECK,
        .status = (uint8_t)item->status,
    };
    for (size_t i = 0; i < EVENT_FIELDS; i++) {
        row->fields[i] = i <= EVENT_TEXT ? keep_unescaped(events, datagram, fields[i])
                                         : keep(events, datagram, fields[i]);
    }
    return EVENT_STORED;
}

static enum event_loss append(struct events *events, const struct events *from,
                              const struct event_row *row)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < EVENT_FIELDS; i++) {
        bytes += row->fields[i].length;
    }
    enum event_loss loss = reserve(events, bytes);
    if (loss == EVENT_STORED) {
        struct event_row *copy = &events->rows[events->count++];
        *copy = *row;
        for (size_t i = 0; i < EVENT_FIELDS; i++) {
            copy->fields[i] = keep(events, from->bytes, row->fields[i]);
        }
    }
    return loss;
}

uint32_t events_move(struct events *events, struct events *from, enum event_loss *loss)
{
    uint32_t lost = 0;
    if (events->count == 0) {
        events_deinit(events);
        *events = *from;
        *from = (struct events){0};
        return 0;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        enum event_loss one = append(events, from, &from->rows[i]);
        if (one != EVENT_STORED) {
            *loss = one;
            lost++;
        }
    }
    events_deinit(from);
    return lost;
}

void events_date(struct events *events, uint64_t now_ns, double now_s)
{
    for (uint32_t i = 0; i < events->count; i++) {
        struct event_row *row = &events->rows[i];
        double ago_s = (double)(int64_t)(now_ns - row->received_ns) / 1e9;
        row->time = row->sent_s > 0 ? (double)row->sent_s : round((now_s - ago_s) * 1000) / 1000;
    }
}
