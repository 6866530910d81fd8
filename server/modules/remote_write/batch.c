/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/batch.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "server/modules/remote_write/fields.h"

#define WIRE_LENGTH 2
#define TAG_OF(field) ((char)((field) << 3 | WIRE_LENGTH))

void batch_list_append(struct batch_list *list, struct batch *batch)
{
    batch->next = NULL;
    if (list->last) {
        list->last->next = batch;
    } else {
        list->first = batch;
    }
    list->last = batch;
    list->bytes += batch_memory(batch);
}

void batch_list_free(struct batch_list *list)
{
    for (struct batch *batch = list->first, *next; batch; batch = next) {
        next = batch->next;
        free(batch);
    }
    *list = (struct batch_list){0};
}

struct batch *batch_new(uint64_t window, size_t series, const char *raw, size_t length)
{
    size_t room = snappy_max_compressed_length(length);
    struct batch *batch = malloc(sizeof(*batch) + room);
    if (!batch || snappy_compress(raw, length, batch->bytes, &room) != SNAPPY_OK) {
        free(batch);
        return NULL;
    }
    batch->next = NULL;
    batch->window = window;
    batch->series = series;
    batch->length = room;
    struct batch *fitting = realloc(batch, sizeof(*batch) + room);
    return fitting ? fitting : batch;
}

bool batch_unpack(const struct batch *batch, struct buffer *raw)
{
    size_t length = 0;
    raw->length = 0;
    if (snappy_uncompressed_length(batch->bytes, batch->length, &length) != SNAPPY_OK) {
        return false;
    }
    char *room = buffer_room(raw, length);
    if (!room || snappy_uncompress(batch->bytes, batch->length, room, &length) != SNAPPY_OK) {
        return false;
    }
    raw->length = length;
    return true;
}

static uint64_t read_varint(const char **at, const char *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    return value;
}

/* Reads a field that has a length: its tag and its bytes. */
static char read_field(const char **at, const char *end, const char **bytes, size_t *length)
{
    char tag = *(*at)++;
    uint64_t said = read_varint(at, end);
    *length = said < (uint64_t)(end - *at) ? (size_t)said : (size_t)(end - *at);
    *bytes = *at;
    *at += *length;
    return tag;
}

bool batch_halve(const struct batch *batch, struct batch *halves[2])
{
    struct buffer raw = {0};
    halves[0] = halves[1] = NULL;
    if (batch_unpack(batch, &raw)) {
        size_t first = batch->series / 2;
        const char *end = raw.bytes + raw.length;
        const char *cut = raw.bytes;
        for (size_t i = 0; i < first && cut < end; i++) {
            const char *bytes;
            size_t length;
            read_field(&cut, end, &bytes, &length);
        }
        halves[0] = batch_new(batch->window, first, raw.bytes, (size_t)(cut - raw.bytes));
        halves[1] = batch_new(batch->window, batch->series - first, cut, (size_t)(end - cut));
    }
    buffer_deinit(&raw);
    bool made = halves[0] && halves[1];
    if (!made) {
        free(halves[0]);
        free(halves[1]);
    }
    return made;
}

/* The value of a Label, where it is the one with the name of the metric. */
static bool is_name(const char *label, size_t length, const char **value, size_t *value_length)
{
    static const char name[] = "__name__";
    const char *end = label + length;
    const char *key;
    size_t key_length;
    *value_length = 0;
    if (read_field(&label, end, &key, &key_length) != TAG_OF(LABEL_NAME) || label >= end) {
        return false;
    }
    read_field(&label, end, value, value_length);
    return key_length == strlen(name) && memcmp(key, name, key_length) == 0;
}

void batch_append_name(const struct batch *batch, struct buffer *out)
{
    struct buffer raw = {0};
    const char *series;
    size_t length;
    if (batch_unpack(batch, &raw) && raw.length > 0) {
        const char *at = raw.bytes;
        read_field(&at, raw.bytes + raw.length, &series, &length);
        const char *end = series + length;
        while (series < end) {
            const char *label, *value;
            size_t label_length, value_length;
            if (read_field(&series, end, &label, &label_length) != TAG_OF(SERIES_LABEL)) {
                break;
            }
            if (is_name(label, label_length, &value, &value_length)) {
                buffer_append(out, value, value_length);
                break;
            }
        }
    }
    buffer_deinit(&raw);
}

void batch_maker_begin(struct batch_maker *maker, uint64_t window)
{
    maker->window = window;
    maker->series = 0;
    maker->raw.length = 0;
    maker->raw.failed = false;
    maker->failed = false;
}

struct buffer *batch_maker_buffer(struct batch_maker *maker)
{
    return &maker->raw;
}

static void close_batch(struct batch_maker *maker)
{
    struct buffer *raw = &maker->raw;
    struct batch *batch =
        raw->failed ? NULL : batch_new(maker->window, maker->series, raw->bytes, raw->length);
    maker->failed |= !batch;
    if (batch) {
        batch_list_append(&maker->made, batch);
    }
    maker->series = 0;
    raw->length = 0;
}

void batch_maker_add(struct batch_maker *maker)
{
    maker->series++;
    if (maker->series >= maker->series_max || maker->raw.length >= BATCH_BYTES_MAX) {
        close_batch(maker);
    }
}

bool batch_maker_end(struct batch_maker *maker, struct batch_list *made)
{
    if (maker->series > 0) {
        close_batch(maker);
    }
    if (maker->failed) {
        batch_list_free(&maker->made);
    }
    *made = maker->made;
    maker->made = (struct batch_list){0};
    return !maker->failed;
}

void batch_maker_deinit(struct batch_maker *maker)
{
    batch_list_free(&maker->made);
    buffer_deinit(&maker->raw);
}
