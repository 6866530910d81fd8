/* SPDX-License-Identifier: MIT
 *
 * Takes labels apart again that prom_append_labels() has put together, for formats that do not
 * escape. Pure.
 */
#ifndef SERVER_HTTP_LABEL_TEXT_H
#define SERVER_HTTP_LABEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"

struct label_text {
    const char *at; /* `key="value",key2="value2"` */
    const char *end;
};

/* The next label: its key where it stands, its value with nothing escaped in place of what `value`
 * held. False when there is none. */
bool label_text_next(struct label_text *text, const char **key, size_t *key_length,
                     struct buffer *value);

/* Appends text without its escapes: \\, \" and \n. */
void label_text_unescape(struct buffer *out, const char *text, size_t length);

#endif
