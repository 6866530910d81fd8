/* SPDX-License-Identifier: MIT
 *
 * Rings as lines of text: rule, condition, metric, tags, then a moment and a value by turns, the
 * oldest first. The first moment is in Unix milliseconds, each later one in milliseconds since the
 * one before.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/alert/engine_private.h"
#include "server/alert/ring.h"
#include "server/alert/saved_line.h"

#define TEXTS 4 /* the first fields of a line; each with its NUL they are a ring's label */

static char *put(char *at, const char *text)
{
    size_t length = strlen(text) + 1;
    memcpy(at, text, length);
    return at + length;
}

struct alert_ring *alert_ring_make(const struct alert_rule *rule, const char *metric,
                                   const char *tags)
{
    const char *texts[TEXTS] = {rule->config->name, rule->config->condition, metric, tags};
    char label[ALERT_RING_TEXTS_MAX], *at = label;
    size_t bytes = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        bytes += strlen(texts[i]) + 1;
    }
    for (size_t i = 0; bytes <= sizeof(label) && i < TEXTS; i++) {
        at = put(at, texts[i]);
    }
    return alert_ring_new(rule->condition.time_ms, label, (size_t)(at - label));
}

static bool is_kept(const struct alert_instance *instance)
{
    size_t label_bytes = 0;
    if (instance->used && instance->ring) {
        alert_ring_label(instance->ring, &label_bytes);
    }
    return label_bytes > 0;
}

void alert_engine_hold_rings(const struct alert_engine *engine, double wall_offset_s,
                             struct buffer *out)
{
    /* One allocation, so that none fails halfway. */
    char *at = buffer_room(out, sizeof(wall_offset_s) +
                                    engine->instances.used * sizeof(struct alert_ring *));
    if (!at) {
        return;
    }
    memcpy(at, &wall_offset_s, sizeof(wall_offset_s));
    out->length += sizeof(wall_offset_s);
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        const struct alert_instance *instance = &engine->instances.items[i];
        if (is_kept(instance)) {
            struct alert_ring *ring = alert_ring_ref(instance->ring);
            buffer_append(out, (const char *)&ring, sizeof(ring));
        }
    }
}

/* A moment may be from before the monotonic clock began. */
static long long wall_ms_of(uint64_t at_ns, double wall_offset_s)
{
    return llround(((double)(int64_t)at_ns / 1e9 + wall_offset_s) * 1e3);
}

static void write_line(const struct alert_ring *ring, double wall_offset_s, struct buffer *lines)
{
    struct alert_ring_value values[ALERT_RING_VALUES_MAX];
    size_t count = alert_ring_copy(ring, values), label_bytes;
    const char *text = alert_ring_label(ring, &label_bytes);
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < TEXTS; i++, text += strlen(text) + 1) {
        buffer_append(lines, "\t", i > 0);
        alert_line_put(lines, text);
    }
    long long before_ms = 0;
    for (size_t i = 0; i < count; i++) {
        long long at_ms = wall_ms_of(values[i].at_ns, wall_offset_s);
        alert_line_put_number(lines, (double)(at_ms - before_ms));
        alert_line_put_number(lines, values[i].value);
        before_ms = at_ms;
    }
    buffer_append(lines, "\n", 1);
}

void alert_rings_write(const struct buffer *held, struct buffer *lines)
{
    double wall_offset_s = 0;
    if (held->length >= sizeof(wall_offset_s)) {
        memcpy(&wall_offset_s, held->bytes, sizeof(wall_offset_s));
    }
    for (size_t at = sizeof(wall_offset_s); at < held->length; at += sizeof(struct alert_ring *)) {
        struct alert_ring *ring;
        memcpy(&ring, held->bytes + at, sizeof(ring));
        if (lines) {
            write_line(ring, wall_offset_s, lines);
        }
        alert_ring_unref(ring);
    }
}

/* A moment and a value as they were saved. */
struct saved_value {
    double at_ms, value;
};

static bool take_number(char **rest, double *number)
{
    const char *field;
    return alert_line_take(rest, &field) && number_parse(field, strlen(field), number);
}

/* Reads the rest of a line; false where it is none of ours. */
static bool read_values(char *rest, struct saved_value values[ALERT_RING_VALUES_MAX], size_t *count)
{
    double at_ms = 0, since_ms;
    for (*count = 0; rest; (*count)++) {
        if (*count == ALERT_RING_VALUES_MAX || !take_number(&rest, &since_ms) || since_ms < 0 ||
            since_ms > 1e15 || since_ms != floor(since_ms) ||
            !take_number(&rest, &values[*count].value)) {
            return false;
        }
        at_ms += since_ms;
        values[*count].at_ms = at_ms;
    }
    return *count > 0;
}

/* Puts those that can count into a ring; NULL where none can, or without memory. */
static struct alert_ring *make_ring(const struct alert_rule *rule, const char *texts[TEXTS],
                                    double now_ms, uint64_t now_ns,
                                    const struct saved_value *values, size_t count)
{
    const double oldest_ms = 2.0 * (double)CONDITION_TIME_MS_MAX;
    struct alert_ring *ring = NULL;
    for (size_t i = 0; i < count; i++) {
        double age_ms = now_ms - values[i].at_ms;
        if (age_ms < 0 || age_ms > oldest_ms) {
            continue;
        }
        ring = ring ? ring : alert_ring_make(rule, texts[2], texts[3]);
        if (ring) {
            alert_ring_restore(
                ring, &(struct alert_ring_value){.at_ns = now_ns - (uint64_t)(age_ms * 1e6),
                                                 .value = values[i].value});
        }
    }
    return ring;
}

/* The alert of this rule and series that was loaded, else a new one. */
static struct alert_instance *instance_for(struct alert_engine *engine, size_t rule,
                                           const char *metric, const char *tags)
{
    uint32_t handle = alert_instances_find_stray(&engine->instances, (uint8_t)rule, metric, tags);
    if (handle == 0) {
        return alert_line_add(engine, rule, metric, tags, &handle);
    }
    alert_instances_stray(&engine->instances, handle);
    return alert_instances_at(&engine->instances, handle);
}

static bool load_ring(struct alert_engine *engine, double wall_offset_s, char *line)
{
    const char *texts[TEXTS];
    struct saved_value values[ALERT_RING_VALUES_MAX];
    size_t count;
    for (size_t i = 0; i < TEXTS; i++) {
        if (!alert_line_take(&line, &texts[i])) {
            return false;
        }
    }
    if (!read_values(line, values, &count)) {
        return false;
    }
    size_t index = alert_line_rule(engine, texts[0], texts[1]);
    if (index == engine->rule_count || engine->rules[index].condition.form != CONDITION_CHANGE) {
        return true; /* its rule is gone */
    }
    double now_ms = ((double)engine->now_ns / 1e9 + wall_offset_s) * 1e3;
    struct alert_ring *ring =
        make_ring(&engine->rules[index], texts, now_ms, engine->now_ns, values, count);
    struct alert_instance *instance = ring ? instance_for(engine, index, texts[2], texts[3]) : NULL;
    bool twice = instance && instance->ring;
    if (!instance || twice) {
        alert_ring_unref(ring);
        return !twice;
    }
    instance->ring = ring;
    return true;
}

bool alert_engine_load_rings(struct alert_engine *engine, double wall_offset_s, const char *text,
                             size_t length)
{
    return alert_lines_read(engine, wall_offset_s, text, length, load_ring);
}
