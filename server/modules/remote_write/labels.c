/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/labels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/http/label_text.h"
#include "server/http/protobuf.h"
#include "server/modules/remote_write/fields.h"

static bool is_name(const char *name, size_t length)
{
    bool right = length > 0 && !isdigit((unsigned char)name[0]);
    for (size_t i = 0; right && i < length; i++) {
        right = (isalnum((unsigned char)name[i]) && !(name[i] & 0x80)) || name[i] == '_';
    }
    return right && !(length >= 2 && name[0] == '_' && name[1] == '_');
}

static bool is_taken(const struct own_labels *own, const char *name, size_t length)
{
    for (size_t i = 0; i < own->count; i++) {
        const struct label *label = &own->items[i];
        if (label->name_length == length && memcmp(own->text + label->name, name, length) == 0) {
            return true;
        }
    }
    return false;
}

static void trim(const char **at, size_t *length)
{
    while (*length > 0 && isblank((unsigned char)**at)) {
        (*at)++;
        (*length)--;
    }
    while (*length > 0 && isblank((unsigned char)(*at)[*length - 1])) {
        (*length)--;
    }
}

/* What is wrong with one, or NULL. */
static const char *add_own(struct own_labels *own, const char *item, size_t length)
{
    const char *equals = memchr(item, '=', length);
    if (!equals) {
        return "is not NAME=VALUE";
    }
    const char *value = equals + 1;
    size_t name_length = (size_t)(equals - item);
    size_t value_length = length - name_length - 1;
    trim(&item, &name_length);
    trim(&value, &value_length);
    if (!is_name(item, name_length)) {
        return "has no name that Prometheus allows";
    }
    if (is_taken(own, item, name_length)) {
        return "is there twice";
    }
    if (own->count == OWN_LABELS_MAX) {
        return "is one label too many";
    }
    own->items[own->count++] = (struct label){(size_t)(item - own->text), name_length,
                                              (size_t)(value - own->text), value_length};
    return NULL;
}

bool own_labels_parse(struct own_labels *own, const char *text, char *reason, size_t reason_size)
{
    *own = (struct own_labels){.text = strdup(text)};
    if (!own->text) {
        snprintf(reason, reason_size, "out of memory");
        return false;
    }
    const char *at = own->text;
    for (size_t length; *at; at += length + (at[length] == ',')) {
        length = strcspn(at, ",");
        const char *item = at;
        size_t item_length = length;
        trim(&item, &item_length);
        const char *wrong = item_length > 0 ? add_own(own, item, item_length) : NULL;
        if (wrong) {
            snprintf(reason, reason_size, "remote_write.labels: '%.*s' %s", (int)item_length, item,
                     wrong);
            own_labels_deinit(own);
            return false;
        }
    }
    return true;
}

void own_labels_deinit(struct own_labels *own)
{
    free(own->text);
    *own = (struct own_labels){0};
}

void label_writer_deinit(struct label_writer *writer)
{
    buffer_deinit(&writer->text);
    buffer_deinit(&writer->value);
}

static void add(struct label_writer *writer, const char *prefix, const char *name,
                size_t name_length, const char *value, size_t value_length)
{
    struct buffer *text = &writer->text;
    REQUIRE(writer->count < ALL_LABELS_MAX);
    struct label *label = &writer->items[writer->count++];
    label->name = text->length;
    label->name_length = strlen(prefix) + name_length;
    buffer_append_text(text, prefix);
    buffer_append(text, name, name_length);
    label->value = text->length;
    label->value_length = value_length;
    buffer_append(text, value, value_length);
}

static int compare(const void *a, const void *b, void *context)
{
    const struct label *left = a;
    const struct label *right = b;
    const char *text = context;
    size_t length = left->name_length < right->name_length ? left->name_length : right->name_length;
    int order = memcmp(text + left->name, text + right->name, length);
    return order != 0 ? order
                      : (left->name_length > right->name_length) -
                            (left->name_length < right->name_length);
}

static void gather(struct label_writer *writer, const struct own_labels *own, const char *labels,
                   size_t labels_length)
{
    struct label_text rest = {labels, labels + labels_length};
    const char *key;
    size_t key_length;
    while (label_text_next(&rest, &key, &key_length, &writer->value)) {
        const char *prefix = is_taken(own, key, key_length) ? "exported_" : "";
        add(writer, prefix, key, key_length, writer->value.bytes, writer->value.length);
    }
    for (size_t i = 0; i < own->count; i++) {
        const struct label *label = &own->items[i];
        add(writer, "", own->text + label->name, label->name_length, own->text + label->value,
            label->value_length);
    }
}

/* An empty value is the same as no label. Of two with one name, which takes a tag `exported_x`
 * beside `x`, the first is kept, as a receiver would refuse both. */
static bool is_shown(const struct label_writer *writer, size_t i)
{
    const struct label *label = &writer->items[i];
    bool repeated = i > 0 && compare(label - 1, label, writer->text.bytes) == 0;
    return label->value_length > 0 && !repeated;
}

void labels_encode(struct label_writer *writer, const struct own_labels *own, const char *name,
                   size_t name_length, const char *labels, size_t labels_length, struct buffer *out)
{
    writer->count = 0;
    writer->text.length = 0;
    add(writer, "", "__name__", strlen("__name__"), name, name_length);
    gather(writer, own, labels, labels_length);
    out->failed |= writer->text.failed || writer->value.failed;
    if (out->failed) {
        return;
    }
    qsort_r(writer->items, writer->count, sizeof(*writer->items), compare, writer->text.bytes);
    for (size_t i = 0; i < writer->count; i++) {
        const struct label *label = &writer->items[i];
        if (is_shown(writer, i)) {
            size_t begun = protobuf_begin(out, SERIES_LABEL);
            protobuf_bytes(out, LABEL_NAME, writer->text.bytes + label->name, label->name_length);
            protobuf_bytes(out, LABEL_VALUE, writer->text.bytes + label->value,
                           label->value_length);
            protobuf_end(out, begun);
        }
    }
}
