/* SPDX-License-Identifier: MIT
 *
 * Writes JSON (RFC 8259) into a buffer, commas included. It does not check that begin and end match
 * or that members have keys: the caller's calls mirror the text. Whatever bytes strings have, the
 * text is valid UTF-8; what JSON has no number for (NaN, infinities) becomes null. One thread at a
 * time.
 */
#ifndef SERVER_HTTP_JSON_H
#define SERVER_HTTP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"

struct json {
    struct buffer *out; /* not owned */
    bool separate;      /* the next key or element needs a comma in front */
};

static inline struct json json_writer(struct buffer *out)
{
    return (struct json){.out = out};
}

void json_begin_object(struct json *json);
void json_end_object(struct json *json);
void json_begin_array(struct json *json);
void json_end_array(struct json *json);

/* The key of the next member. */
void json_put_key(struct json *json, const char *key);
void json_put_key_bytes(struct json *json, const char *key, size_t length);

void json_put_string(struct json *json, const char *text);
void json_put_string_bytes(struct json *json, const char *bytes, size_t length);
void json_put_number(struct json *json, double value);
void json_put_integer(struct json *json, uint64_t value);
void json_put_boolean(struct json *json, bool value);

/* A value that is JSON already. */
void json_put_raw(struct json *json, const char *bytes, size_t length);

/* A member at once. */
void json_member_string(struct json *json, const char *key, const char *text);
void json_member_number(struct json *json, const char *key, double value);
void json_member_integer(struct json *json, const char *key, uint64_t value);
void json_member_boolean(struct json *json, const char *key, bool value);

#endif
