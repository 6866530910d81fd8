/* SPDX-License-Identifier: MIT */
#include "proto/trace_tags.h"

#include <string.h>

#define TRACE "trace_id"
#define SPAN "span_id"

static bool begins(const char *text, const char *end, const char *key, char mark)
{
    size_t length = strlen(key);
    return (size_t)(end - text) > length && memcmp(text, key, length) == 0 && text[length] == mark;
}

/* Whether the tag [text, end) is one of the two. */
static bool take(bool colons, const char *text, const char *end, struct trace_ids *ids)
{
    char mark = colons ? ':' : '=';
    if (colons && text < end && *text == '#') {
        text++;
    }
    if (begins(text, end, TRACE, mark)) {
        ids->trace = text + sizeof(TRACE);
        ids->trace_length = (size_t)(end - ids->trace);
        return true;
    }
    if (begins(text, end, SPAN, mark)) {
        ids->span = text + sizeof(SPAN);
        ids->span_length = (size_t)(end - ids->span);
        return true;
    }
    return false;
}

size_t trace_tags_cut(enum tags_style style, const char *text, size_t length, char *out,
                      struct trace_ids *ids)
{
    *ids = (struct trace_ids){0};
    bool colons = style == TAGS_COLON || style == TAGS_COLON_CLEAN;
    char separator = style == TAGS_SEMICOLON ? ';' : ',';
    const char *end = text + length;
    char *at = out;
    for (const char *tag = text; tag < end;) {
        const char *mark = memchr(tag, separator, (size_t)(end - tag));
        const char *tag_end = mark ? mark : end;
        if (!take(colons, tag, tag_end, ids)) {
            size_t bytes = (size_t)((mark ? mark + 1 : end) - tag);
            memcpy(at, tag, bytes);
            at += bytes;
        }
        tag = mark ? mark + 1 : end;
    }
    bool cut = ids->trace || ids->span;
    /* What stood before the last tag. */
    if (cut && at > out && at[-1] == separator) {
        at--;
    }
    return (size_t)(at - out);
}

static bool is_plain(const char *id, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (id[i] <= ' ' || id[i] > '~' || id[i] == '"' || id[i] == '\\') {
            return false;
        }
    }
    return true;
}

bool trace_ids_can_be_shown(const struct trace_ids *ids)
{
    return ids->trace_length + ids->span_length > 0 && ids->trace_length <= TRACE_IDS_MAX &&
           ids->span_length <= TRACE_IDS_MAX - ids->trace_length &&
           is_plain(ids->trace, ids->trace_length) && is_plain(ids->span, ids->span_length);
}
