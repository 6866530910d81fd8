/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/snapshot_tags.h"

/* `key=value`, or the key alone where the tag has no value. */
static void append_tag(struct buffer *out, const char *key, const json_t *value)
{
    const char *text = json_string_value(value);
    buffer_append_text(out, out->length > 0 ? ";" : "");
    buffer_append_text(out, key);
    if (text && text[0] != '\0') {
        buffer_append_text(out, "=");
        buffer_append_text(out, text);
    }
}

void snapshot_tags_append(struct buffer *out, json_t *tags)
{
    const char *key;
    json_t *value, *member;
    size_t index;
    json_object_foreach(tags, key, value)
    {
        if (json_is_array(value)) {
            json_array_foreach(value, index, member)
            {
                append_tag(out, key, member);
            }
        } else {
            append_tag(out, key, value);
        }
    }
    if (json_is_string(tags)) {
        buffer_append_text(out, json_string_value(tags));
    }
}
