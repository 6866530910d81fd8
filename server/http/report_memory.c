/* SPDX-License-Identifier: MIT */
#include "server/http/report_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/report_rows.h"

/* Stamps of one window are equal but for their rounding to milliseconds. */
#define SAME_STAMP 2e-3

static void drop(struct report_anomaly *anomaly)
{
    free(anomaly->metric);
    free(anomaly->tags);
    free(anomaly->reason);
    *anomaly = (struct report_anomaly){0};
}

void report_memory_deinit(struct report_memory *memory)
{
    for (size_t i = 0; i < REPORT_MEMORY_ANOMALIES; i++) {
        drop(&memory->anomalies[i]);
    }
}

/* What strndup() does, of bytes that no NUL follows. */
static char *copy(const char *bytes, size_t length)
{
    char *text = malloc(length + 1);
    if (text) {
        if (length > 0) {
            memcpy(text, bytes, length);
        }
        text[length] = '\0';
    }
    return text;
}

static void start(struct report_memory *memory, const struct anomaly_row *row,
                  const struct buffer *tags, double timestamp)
{
    const struct identity *identity = row->identity;
    struct report_anomaly *place = &memory->anomalies[memory->next];
    drop(place);
    *place = (struct report_anomaly){
        .metric = copy(identity_name(identity), identity->name_length),
        .tags = copy(tags->bytes, tags->length),
        .reason = strdup(row->reason),
        .from = timestamp,
        .value = row->value,
        .statistic = row->statistic,
        .type = row->type,
        .severity = row->severity,
    };
    if (!place->metric || !place->tags || !place->reason) {
        drop(place);
        return;
    }
    memory->next = (memory->next + 1) % REPORT_MEMORY_ANOMALIES;
    memory->count += memory->count < REPORT_MEMORY_ANOMALIES;
}

static bool is_text(const char *text, const char *bytes, size_t length)
{
    return strlen(text) == length && memcmp(text, bytes, length) == 0;
}

static void end(struct report_memory *memory, const struct anomaly_row *row,
                const struct buffer *tags, double timestamp)
{
    const struct identity *identity = row->identity;
    for (size_t i = 0; i < memory->count; i++) {
        struct report_anomaly *anomaly = &memory->anomalies[i];
        if (anomaly->to <= 0 && anomaly->statistic == row->statistic &&
            fabs(anomaly->from - row->since) < SAME_STAMP &&
            is_text(anomaly->metric, identity_name(identity), identity->name_length) &&
            is_text(anomaly->tags, tags->bytes ? tags->bytes : "", tags->length)) {
            anomaly->to = timestamp;
        }
    }
}

void report_memory_close(struct report_memory *memory, const struct snapshot *closed)
{
    struct buffer tags = {0};
    for (size_t i = 0; i < closed->anomaly_count; i++) {
        const struct anomaly_row *row = &closed->anomalies[i];
        report_rows_tags(row->identity, &tags);
        (row->end ? end : start)(memory, row, &tags, closed->timestamp);
    }
    buffer_deinit(&tags);
}

/* The place of the sender, or the last one, which then is his. */
static size_t place_of(struct report_memory *memory, const char *sender)
{
    for (size_t i = 0; i < memory->sender_count; i++) {
        if (strcmp(memory->senders[i].address, sender) == 0) {
            return i;
        }
    }
    memory->sender_count += memory->sender_count < REPORT_SENDERS;
    snprintf(memory->senders[memory->sender_count - 1].address, sizeof(memory->senders[0].address),
             "%s", sender);
    return memory->sender_count - 1;
}

void report_memory_refuse(struct report_memory *memory, const char *sender, const char *line,
                          const char *reason)
{
    size_t at = place_of(memory, sender);
    struct report_sender found = memory->senders[at];
    snprintf(found.line, sizeof(found.line), "%s", line);
    snprintf(found.reason, sizeof(found.reason), "%s", reason);
    found.lines++;
    memory->refusals++;
    while (at > 0 && memory->senders[at - 1].lines < found.lines) {
        memory->senders[at] = memory->senders[at - 1];
        at--;
    }
    memory->senders[at] = found;
}

void report_memory_tell(const struct report_memory *memory, struct report *report)
{
    report->ticks = &memory->ticks;
    ticks_ingest(&memory->ticks, report->points.from, &report->recent);
    for (size_t i = 0; i < memory->count; i++) {
        const struct report_anomaly *anomaly = &memory->anomalies[i];
        if (anomaly->to <= 0 || anomaly->to > report->points.from) {
            report_add_anomaly(report, anomaly);
        }
    }
    memcpy(report->senders, memory->senders, sizeof(report->senders));
    report->sender_count = memory->sender_count;
    report->refusals_logged = memory->refusals;
}
