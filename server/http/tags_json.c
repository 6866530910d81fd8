/* SPDX-License-Identifier: MIT */
#include "server/http/tags_json.h"

#include <stdbool.h>
#include <string.h>

static bool same_key(const struct tag *a, const struct tag *b)
{
    return a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

void tags_json_write(struct json *json, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    identity_tags(identity, tags);
    tags_json_write_tags(json, tags, identity->tag_count);
}

void tags_json_write_tags(struct json *json, const struct tag *tags, size_t count)
{
    json_begin_object(json);
    for (size_t i = 0; i < count; i++) {
        bool repeats = i > 0 && same_key(&tags[i - 1], &tags[i]);
        bool repeated = i + 1 < count && same_key(&tags[i], &tags[i + 1]);
        if (!repeats) {
            json_put_key_bytes(json, tags[i].key, tags[i].key_length);
        }
        if (!repeats && repeated) {
            json_begin_array(json);
        }
        json_put_string_bytes(json, tags[i].value, tags[i].value_length);
        if (repeats && !repeated) {
            json_end_array(json);
        }
    }
    json_end_object(json);
}
