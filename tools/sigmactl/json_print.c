/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/json_print.h"

#include <stdbool.h>
#include <string.h>

#include "proto/text.h"

#define INDENT "  "
#define ESCAPE_MAX 6 /* bytes a byte, see text_escape_json() */

static void print_string(struct buffer *out, const char *text, size_t length)
{
    buffer_append(out, "\"", 1);
    char *room = buffer_room(out, ESCAPE_MAX * length);
    if (room) {
        out->length += text_escape_json(room, text, length);
    }
    buffer_append(out, "\"", 1);
}

static bool is_nested(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

/* True where a container has none inside. */
static bool is_flat(json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    json_object_foreach(value, key, member)
    {
        if (is_nested(member)) {
            return false;
        }
    }
    json_array_foreach(value, index, member)
    {
        if (is_nested(member)) {
            return false;
        }
    }
    return true;
}

static void start_line(struct buffer *out, bool flat, unsigned depth)
{
    if (flat) {
        return;
    }
    buffer_append(out, "\n", 1);
    for (unsigned i = 0; i < depth; i++) {
        buffer_append_text(out, INDENT);
    }
}

static void print_container(struct buffer *out, json_t *value, unsigned depth)
{
    bool object = json_is_object(value);
    bool flat = is_flat(value);
    const char *key;
    json_t *member;
    size_t index;
    const char *between = "";
    buffer_append_text(out, object ? "{" : "[");
    json_object_foreach(value, key, member)
    {
        buffer_append_text(out, between);
        start_line(out, flat, depth + 1);
        print_string(out, key, strlen(key));
        buffer_append_text(out, ": ");
        json_print(out, member, depth + 1);
        between = flat ? ", " : ",";
    }
    json_array_foreach(value, index, member)
    {
        buffer_append_text(out, between);
        start_line(out, flat, depth + 1);
        json_print(out, member, depth + 1);
        between = flat ? ", " : ",";
    }
    start_line(out, flat, depth);
    buffer_append_text(out, object ? "}" : "]");
}

void json_print(struct buffer *out, json_t *value, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        print_container(out, value, depth);
        break;
    case JSON_STRING:
        print_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        buffer_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        buffer_append_number(out, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        buffer_append_text(out, json_is_null(value)   ? "null"
                                : json_is_true(value) ? "true"
                                                      : "false");
        break;
    }
}
