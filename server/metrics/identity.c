/* SPDX-License-Identifier: MIT
 *
 * Tags are packed behind the name as: key length, value length (16 bits each, native order), key,
 * value.
 */
#include "server/metrics/identity.h"

#include <string.h>

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
    const char *at = identity->bytes + identity->name_length;
    for (uint16_t i = 0; i < identity->tag_count; i++) {
        uint16_t lengths[2];
        memcpy(lengths, at, LENGTHS_BYTES);
        at += LENGTHS_BYTES;
        tags[i] = (struct tag){at, at + lengths[0], lengths[0], lengths[1]};
        at += lengths[0] + lengths[1];
    }
}

static size_t packed_bytes(const struct tag *tags, size_t tag_count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < tag_count; i++) {
        bytes += LENGTHS_BYTES + tags[i].key_length + tags[i].value_length;
    }
    return bytes;
}

size_t identity_bytes(size_t name_length, const struct tag *tags, size_t tag_count)
{
    return offsetof(struct identity, bytes) + name_length + packed_bytes(tags, tag_count);
}

static char *put(char *at, const void *bytes, size_t length)
{
    if (length > 0) {
        memcpy(at, bytes, length);
    }
    return at + length;
}

void identity_init(struct identity *identity, enum statsd_type type, const char *name,
                   size_t name_length, const struct tag *tags, size_t tag_count)
{
    identity->hash = 0;
    identity->index = 0;
    identity->generation = 0;
    identity->type = (uint8_t)type;
    identity->name_length = (uint16_t)name_length;
    identity->tag_count = (uint16_t)tag_count;
    identity->tags_length = (uint32_t)packed_bytes(tags, tag_count);
    char *at = put(identity->bytes, name, name_length);
    for (size_t i = 0; i < tag_count; i++) {
        uint16_t lengths[2] = {tags[i].key_length, tags[i].value_length};
        at = put(at, lengths, LENGTHS_BYTES);
        at = put(at, tags[i].key, lengths[0]);
        at = put(at, tags[i].value, lengths[1]);
    }
}

uint64_t identity_hash(const struct identity *identity, uint64_t seed)
{
    size_t length = (size_t)identity->name_length + identity->tags_length;
    uint64_t parts = (uint64_t)identity->type << 32 | identity->name_length;
    return hash_bytes(identity->bytes, length, seed ^ parts);
}

int identity_equal(const struct identity *a, const struct identity *b)
{
    return a->type == b->type && a->name_length == b->name_length && a->tag_count == b->tag_count &&
           a->tags_length == b->tags_length &&
           memcmp(a->bytes, b->bytes, (size_t)a->name_length + a->tags_length) == 0;
}
