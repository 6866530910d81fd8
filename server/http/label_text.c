/* SPDX-License-Identifier: MIT */
#include "server/http/label_text.h"

#include <string.h>

void label_text_unescape(struct buffer *out, const char *text, size_t length)
{
    char *room = buffer_room(out, length);
    char *at = room;
    for (size_t i = 0; room && i < length; i++) {
        bool escaped = text[i] == '\\' && i + 1 < length;
        i += escaped;
        *at++ = escaped && text[i] == 'n' ? '\n' : text[i];
    }
    out->length += (size_t)(at - room);
}

/* The quote that ends a value. */
static const char *value_end(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    return at < end ? at : end;
}

bool label_text_next(struct label_text *text, const char **key, size_t *key_length,
                     struct buffer *value)
{
    const char *at = text->at;
    const char *equals = at < text->end ? memchr(at, '=', (size_t)(text->end - at)) : NULL;
    if (!equals) {
        return false;
    }
    const char *begin = equals + 2;
    const char *end = value_end(begin, text->end);
    *key = at;
    *key_length = (size_t)(equals - at);
    value->length = 0;
    label_text_unescape(value, begin, (size_t)(end - begin));
    text->at = end + 2 < text->end ? end + 2 : text->end; /* behind the quote and the comma */
    return !value->failed;
}
