/* SPDX-License-Identifier: MIT
 *
 * The tags of an identity as a JSON object: "" for a tag without value, a list for a key with
 * several.
 */
#ifndef SERVER_HTTP_TAGS_JSON_H
#define SERVER_HTTP_TAGS_JSON_H

#include "server/http/json.h"
#include "server/metrics/identity.h"

void tags_json_write(struct json *json, const struct identity *identity);

/* The same of tags in canonical order. */
void tags_json_write_tags(struct json *json, const struct tag *tags, size_t count);

#endif
