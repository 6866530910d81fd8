/* SPDX-License-Identifier: MIT
 *
 * Labels and annotations, which two kinds of notifications have.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tags.h"
#include "server/metrics/identity.h"
#include "server/notify/render.h"

static bool fits_label(char c, size_t at)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9' && at > 0);
}

/* The key as the name of a label ([a-zA-Z_][a-zA-Z0-9_]*). */
static void clean_key(struct buffer *key)
{
    for (size_t i = 0; i < key->length; i++) {
        if (!fits_label(key->bytes[i], i)) {
            key->bytes[i] = '_';
        }
    }
    if (key->length == 0) {
        buffer_append(key, "_", 1);
    }
}

/* Keys so far, each closed by a NUL. */
static bool is_taken(const struct buffer *keys, const struct buffer *key)
{
    for (size_t at = 0; at < keys->length; at += strlen(keys->bytes + at) + 1) {
        const char *other = keys->bytes + at;
        if (strlen(other) == key->length && memcmp(other, key->bytes, key->length) == 0) {
            return true;
        }
    }
    return false;
}

static void put_label(struct json *json, struct buffer *keys, struct buffer *key, const char *value,
                      size_t length)
{
    while (!keys->failed && !key->failed && is_taken(keys, key)) {
        buffer_append(key, "_", 1);
    }
    if (keys->failed || key->failed) {
        json->out->failed = true;
        return;
    }
    json_put_key_bytes(json, key->bytes, key->length);
    json_put_string_bytes(json, value, length);
    buffer_append(keys, key->bytes, key->length);
    buffer_append(keys, "", 1);
}

static void put_own_label(struct json *json, struct buffer *keys, const char *name,
                          const char *value)
{
    struct buffer key = {0};
    buffer_append_text(&key, name);
    put_label(json, keys, &key, value, strlen(value));
    buffer_deinit(&key);
}

/* A tag without a value is "true", as in /metrics; of an empty one nothing would be kept. */
static void put_tag(struct json *json, struct buffer *keys, const struct tag *tag)
{
    struct buffer key = {0};
    buffer_append(&key, tag->key, tag->key_length);
    clean_key(&key);
    if (tag->value_length > 0) {
        put_label(json, keys, &key, tag->value, tag->value_length);
    } else {
        put_label(json, keys, &key, "true", strlen("true"));
    }
    buffer_deinit(&key);
}

static void put_labels(const struct notification *notification, struct json *json)
{
    const struct alert_row *row = &notification->row;
    struct tag tags[IDENTITY_TAGS_MAX];
    struct buffer keys = {0};
    char *text = strdup(row->tags);
    size_t count = text ? tags_read_csv(text, strlen(text), tags, IDENTITY_TAGS_MAX) : 0;
    json->out->failed = json->out->failed || !text;
    put_own_label(json, &keys, "alertname", row->name);
    put_own_label(json, &keys, "severity", anomaly_severity_name(row->severity));
    put_own_label(json, &keys, "metric", row->metric);
    for (size_t i = 0; i < count; i++) {
        put_tag(json, &keys, &tags[i]);
    }
    buffer_deinit(&keys);
    free(text);
}

/* Annotations are strings. */
static void put_figure(struct json *json, const char *name, double value)
{
    char text[32];
    if (isfinite(value)) {
        snprintf(text, sizeof(text), "%.10g", value);
        json_member_string(json, name, text);
    }
}

static void put_annotations(const struct notification *notification, struct json *json)
{
    const struct alert_row *row = &notification->row;
    json_member_string(json, "summary", row->reason);
    if (row->description[0]) {
        json_member_string(json, "description", row->description);
    }
    json_member_string(json, "condition", row->condition);
    put_figure(json, "value", row->value);
    put_figure(json, "threshold", row->threshold);
}

void notify_render_labels(const struct notification *notification, struct json *json)
{
    json_put_key(json, "labels");
    json_begin_object(json);
    put_labels(notification, json);
    json_end_object(json);
    json_put_key(json, "annotations");
    json_begin_object(json);
    put_annotations(notification, json);
    json_end_object(json);
}
