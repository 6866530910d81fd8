/* SPDX-License-Identifier: MIT
 *
 * Reads tags in the form that CSV and alerts have them, `k=v;k2=v2` with backslash escapes
 * (tags_format_csv). Pure.
 */
#ifndef SERVER_NOTIFY_TAG_TEXT_H
#define SERVER_NOTIFY_TAG_TEXT_H

#include <stdbool.h>

#include "server/core/buffer.h"

/* Takes the tag that the text goes on with; *text moves behind it. Key and value, without escapes,
 * are appended to one buffer each, which are emptied before. False at the end. */
bool tag_text_next(const char **text, struct buffer *key, struct buffer *value);

#endif
