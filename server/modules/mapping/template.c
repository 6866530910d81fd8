/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/template.h"

#include <string.h>

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

static int number_of(const char *name, size_t length, const struct template_scope *scope)
{
    int number = 0;
    for (size_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return scope->by_name ? scope->by_name(scope->context, name, length) : TEMPLATE_NOTHING;
        }
        number = number > scope->last ? number : number * 10 + (name[i] - '0');
    }
    return number >= scope->first && number <= scope->last ? number : TEMPLATE_NOTHING;
}

/* Reads the reference that begins with the '$' at `text`. Returns its bytes, 0 where there is none:
 * then the '$' is text. */
static size_t read_reference(const char *text, size_t length, const struct template_scope *scope,
                             int *capture)
{
    bool braces = length > 1 && text[1] == '{';
    size_t start = braces ? 2 : 1;
    size_t end = start;
    while (end < length && is_word(text[end])) {
        end++;
    }
    if (end == start || (braces && (end == length || text[end] != '}'))) {
        return 0;
    }
    *capture = number_of(text + start, end - start, scope);
    return end + braces;
}

static size_t count_dollars(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == '$';
    }
    return count;
}

static void end_part(struct template *made, struct template_part *parts, const char *text,
                     size_t length, int capture)
{
    parts[made->count++] = (struct template_part){text, length, capture};
}

enum template_fault template_make(struct template *made, const char *text, size_t length,
                                  const struct template_scope *scope, struct memory *memory)
{
    size_t dollars = count_dollars(text, length);
    if (length > TEMPLATE_BYTES_MAX || dollars > TEMPLATE_REFERENCES_MAX) {
        return TEMPLATE_TOO_LONG;
    }
    struct template_part *parts = memory_take(memory, (dollars + 1) * sizeof(*parts));
    if (!parts) {
        return TEMPLATE_NO_MEMORY;
    }
    *made = (struct template){.parts = parts};
    size_t from = 0;
    for (size_t at = 0; at < length;) {
        int capture = TEMPLATE_NOTHING;
        size_t bytes =
            text[at] == '$' ? read_reference(text + at, length - at, scope, &capture) : 0;
        bool escape = scope->by_name && bytes == 0 && at + 1 < length && text[at] == '$' &&
                      text[at + 1] == '$';
        if (bytes > 0) {
            end_part(made, parts, text + from, at - from, capture);
            at = from = at + bytes;
        } else if (escape) {
            end_part(made, parts, text + from, at + 1 - from, TEMPLATE_NOTHING);
            at = from = at + 2;
        } else {
            at++;
        }
    }
    end_part(made, parts, text + from, length - from, TEMPLATE_NOTHING);
    return TEMPLATE_OK;
}

void template_fill(const struct template *made, const struct capture *captures, size_t count,
                   struct buffer *out)
{
    for (size_t i = 0; i < made->count; i++) {
        const struct template_part *part = &made->parts[i];
        buffer_append(out, part->text, part->length);
        if (part->capture >= 0 && (size_t)part->capture < count) {
            const struct capture *capture = &captures[part->capture];
            buffer_append(out, capture->text, capture->length);
        }
    }
}
