/* SPDX-License-Identifier: MIT
 *
 * The plain text is `name,k=v;k2=v2`, which is the CSV text unless a byte had to be escaped or a
 * field quoted. The lengths that take it apart are 16 bits each, in native order: key, value.
 */
#include "server/metrics/identity.h"

#include <string.h>

#include "proto/text.h"
#include "server/core/hash.h"

#define LENGTHS_BYTES (2 * sizeof(uint16_t))

enum metric_kind metric_kind_of(enum statsd_type type)
{
    switch (type) {
    case STATSD_COUNTER:
        return METRIC_COUNTER;
    case STATSD_GAUGE:
        return METRIC_GAUGE;
    case STATSD_SET:
        return METRIC_SET;
    default:
        return METRIC_TIMER;
    }
}

const char *metric_kind_name(enum metric_kind kind)
{
    static const char *const names[] = {"counter", "gauge", "timer", "set"};
    return names[kind];
}

void identity_tags(const struct identity *identity, struct tag *tags)
{
    size_t lengths_bytes = LENGTHS_BYTES * identity->tag_count;
    const char *lengths_at = identity->bytes + identity->bytes_length - lengths_bytes;
    const char *at = identity_name(identity) + identity->name_length + 1;
    for (uint16_t i = 0; i < identity->tag_count; i++) {
        uint16_t lengths[2];
        memcpy(lengths, lengths_at + LENGTHS_BYTES * i, LENGTHS_BYTES);
        const char *value = at + lengths[0] + (lengths[1] > 0);
        tags[i] = (struct tag){at, value, lengths[0], lengths[1]};
        at = value + lengths[1] + 1;
    }
}

/* Bytes of the tags as `k=v;k2=v2`, with two separators a tag; escaping at most doubles them. */
static size_t text_bytes_max(const struct tag *tags, size_t tag_count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < tag_count; i++) {
        bytes += (size_t)tags[i].key_length + tags[i].value_length + 2;
    }
    return bytes;
}

size_t identity_bytes_max(size_t name_length, const struct tag *tags, size_t tag_count)
{
    size_t text = text_bytes_max(tags, tag_count);
    size_t escaped = 2 * text;
    size_t csv = 2 * name_length + 2 + 1 + 2 * escaped + 2;
    /* Escaped tags stand behind their place for a moment, before they are quoted into it. */
    size_t plain = name_length + 1 + text;
    return offsetof(struct identity, bytes) + csv + (escaped > plain ? escaped : plain) +
           LENGTHS_BYTES * tag_count;
}

static char *put(char *at, const void *bytes, size_t length)
{
    if (length > 0) {
        memcpy(at, bytes, length);
    }
    return at + length;
}

static size_t put_csv(char *out, const char *name, size_t name_length, const struct tag *tags,
                      size_t tag_count)
{
    char *at = out + text_escape_csv(out, name, name_length);
    *at++ = ',';
    if (tag_count > 0) {
        char *unquoted = at + 4 * text_bytes_max(tags, tag_count) + 2;
        size_t length = tags_format_csv(unquoted, tags, tag_count);
        at += text_quote_csv(at, unquoted, length);
    }
    return (size_t)(at - out);
}

static size_t plain_length(size_t name_length, const struct tag *tags, size_t tag_count)
{
    size_t length = name_length + 1 + (tag_count > 0 ? tag_count - 1 : 0);
    for (size_t i = 0; i < tag_count; i++) {
        length += (size_t)tags[i].key_length + (tags[i].value_length > 0) + tags[i].value_length;
    }
    return length;
}

static char *put_plain(char *at, const char *name, size_t name_length, const struct tag *tags,
                       size_t tag_count)
{
    at = put(at, name, name_length);
    *at++ = ',';
    for (size_t i = 0; i < tag_count; i++) {
        at = put(at, ";", i > 0);
        at = put(at, tags[i].key, tags[i].key_length);
        at = put(at, "=", tags[i].value_length > 0);
        at = put(at, tags[i].value, tags[i].value_length);
    }
    return at;
}

void identity_init(struct identity *identity, enum statsd_type type, const char *name,
                   size_t name_length, const struct tag *tags, size_t tag_count)
{
    identity->line = 0;
    identity->index = 0;
    identity->generation = 0;
    identity->type = (unsigned)type & 15u;
    identity->kind = (unsigned)metric_kind_of(type) & 15u;
    identity->name_length = (uint16_t)name_length;
    identity->tag_count = (uint16_t)tag_count;
    size_t csv_length = put_csv(identity->bytes, name, name_length, tags, tag_count);
    char *at = identity->bytes + csv_length;
    identity->own = false;
    /* Escapes and quotes only ever add bytes. */
    identity->escaped = csv_length != plain_length(name_length, tags, tag_count);
    identity->csv_length = (uint32_t)csv_length;
    if (identity->escaped) {
        at = put_plain(at, name, name_length, tags, tag_count);
    }
    for (size_t i = 0; i < tag_count; i++) {
        uint16_t lengths[2] = {tags[i].key_length, tags[i].value_length};
        at = put(at, lengths, LENGTHS_BYTES);
    }
    identity->bytes_length = (uint32_t)(at - identity->bytes);
}

uint64_t identity_hash(const struct identity *identity, uint64_t seed)
{
    uint64_t parts = (uint64_t)identity->type << 32 | identity->name_length;
    return hash_bytes(identity->bytes, identity->bytes_length, seed ^ parts);
}

/* Each of the three texts is a function of the canonical parts. */
int identity_equal(const struct identity *a, const struct identity *b)
{
    return a->type == b->type && a->name_length == b->name_length && a->tag_count == b->tag_count &&
           a->bytes_length == b->bytes_length && memcmp(a->bytes, b->bytes, a->bytes_length) == 0;
}
