/* SPDX-License-Identifier: MIT
 *
 * Tags of the server's JSON as the text of a table. One thread.
 */
#ifndef TOOLS_SIGMACTL_SNAPSHOT_TAGS_H
#define TOOLS_SIGMACTL_SNAPSHOT_TAGS_H

#include <jansson.h>

#include "server/core/buffer.h"

/* Puts `k=v;k2=v2` of an object of tags, without escapes and a tag once a value, into an empty
 * buffer; of a string, the string. */
void snapshot_tags_append(struct buffer *out, json_t *tags);

#endif
