/* SPDX-License-Identifier: MIT */
#include "server/http/json.h"

#include <math.h>
#include <string.h>

#include "proto/text.h"

#define INTEGER_TEXT_MAX 20 /* 2^64 - 1 */

static void separate(struct json *json)
{
    if (json->separate) {
        buffer_append(json->out, ",", 1);
    }
    json->separate = true;
}

static void begin(struct json *json, char bracket)
{
    separate(json);
    buffer_append(json->out, &bracket, 1);
    json->separate = false;
}

static void end(struct json *json, char bracket)
{
    buffer_append(json->out, &bracket, 1);
    json->separate = true;
}

void json_begin_object(struct json *json)
{
    begin(json, '{');
}

void json_end_object(struct json *json)
{
    end(json, '}');
}

void json_begin_array(struct json *json)
{
    begin(json, '[');
}

void json_end_array(struct json *json)
{
    end(json, ']');
}

void json_put_string_bytes(struct json *json, const char *bytes, size_t length)
{
    separate(json);
    char *room = buffer_room(json->out, 6 * length + 2);
    if (room) {
        room[0] = '"';
        size_t written = text_escape_json(room + 1, bytes, length);
        room[written + 1] = '"';
        json->out->length += written + 2;
    }
}

void json_put_string(struct json *json, const char *text)
{
    json_put_string_bytes(json, text, strlen(text));
}

void json_put_key_bytes(struct json *json, const char *key, size_t length)
{
    json_put_string_bytes(json, key, length);
    buffer_append(json->out, ":", 1);
    json->separate = false;
}

void json_put_key(struct json *json, const char *key)
{
    json_put_key_bytes(json, key, strlen(key));
}

void json_put_number(struct json *json, double value)
{
    separate(json);
    if (isfinite(value)) {
        buffer_append_number(json->out, value);
    } else {
        buffer_append(json->out, "null", 4);
    }
}

void json_put_integer(struct json *json, uint64_t value)
{
    char digits[INTEGER_TEXT_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    separate(json);
    buffer_append(json->out, digits + at, sizeof(digits) - at);
}

void json_put_boolean(struct json *json, bool value)
{
    separate(json);
    buffer_append_text(json->out, value ? "true" : "false");
}

void json_put_raw(struct json *json, const char *bytes, size_t length)
{
    separate(json);
    buffer_append(json->out, bytes, length);
}

void json_member_string(struct json *json, const char *key, const char *text)
{
    json_put_key(json, key);
    json_put_string(json, text);
}

void json_member_number(struct json *json, const char *key, double value)
{
    json_put_key(json, key);
    json_put_number(json, value);
}

void json_member_integer(struct json *json, const char *key, uint64_t value)
{
    json_put_key(json, key);
    json_put_integer(json, value);
}

void json_member_boolean(struct json *json, const char *key, bool value)
{
    json_put_key(json, key);
    json_put_boolean(json, value);
}
