/* SPDX-License-Identifier: MIT */
#include "server/notify/tag_text.h"

static char unescaped(char c)
{
    return c == 'n' ? '\n' : c == 'r' ? '\r' : c;
}

bool tag_text_next(const char **text, struct buffer *key, struct buffer *value)
{
    const char *at = *text;
    struct buffer *out = key;
    key->length = value->length = 0;
    if (*at == '\0') {
        return false;
    }
    for (; *at && *at != ';'; at++) {
        char c = *at;
        if (c == '=' && out == key) {
            out = value;
            continue;
        }
        if (c == '\\' && at[1]) {
            c = unescaped(*++at);
        }
        buffer_append(out, &c, 1);
    }
    *text = *at ? at + 1 : at;
    return true;
}
