/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_line.h"

#include <stdbool.h>
#include <string.h>

/* Rewrites the quoted field that begins at `from` without its quotes. Returns what follows the
 * closing quote; NULL where there is none. */
static char *unquote(char *from, char *end, struct csv_field *field)
{
    char *to = from;
    field->text = from++;
    for (;;) {
        char *quote = memchr(from, '"', (size_t)(end - from));
        if (!quote) {
            return NULL;
        }
        memmove(to, from, (size_t)(quote - from));
        to += quote - from;
        from = quote + 1;
        if (from == end || *from != '"') {
            field->length = (size_t)(to - field->text);
            return from;
        }
        *to++ = *from++;
    }
}

/* The field that begins at `at`; returns the comma or the end behind it, NULL with *fault. */
static char *take_field(char *at, char *end, struct csv_field *field, const char **fault)
{
    if (at < end && *at == '"') {
        char *behind = unquote(at, end, field);
        if (!behind) {
            *fault = "a quote is not closed";
        } else if (behind < end && *behind != ',') {
            *fault = "text follows a closing quote";
            behind = NULL;
        }
        return behind;
    }
    char *comma = memchr(at, ',', (size_t)(end - at));
    char *behind = comma ? comma : end;
    *field = (struct csv_field){at, (size_t)(behind - at)};
    if (memchr(at, '"', field->length)) {
        *fault = "there is a quote inside a field that is not quoted";
        behind = NULL;
    }
    return behind;
}

const char *csv_line_split(char *text, size_t length, struct csv_line *line)
{
    char *end = text + length;
    const char *fault = NULL;
    line->count = 0;
    for (char *at = text;; at++) {
        if (line->count == CSV_LINE_FIELDS_MAX) {
            return "it has too many fields";
        }
        struct csv_field *field = &line->fields[line->count];
        at = take_field(at, end, field, &fault);
        if (!at) {
            return fault;
        }
        line->count++;
        bool last = at == end;
        field->text[field->length] = '\0';
        if (last) {
            return NULL;
        }
    }
}

static bool unescaped(char letter, char *byte)
{
    *byte = letter == 'n' ? '\n' : letter == 'r' ? '\r' : letter;
    return letter == 'n' || letter == 'r' || letter == '\\';
}

const char *csv_line_unescape(struct csv_field *field)
{
    const char *end = field->text + field->length;
    char *to = memchr(field->text, '\\', field->length);
    if (!to) {
        return NULL;
    }
    for (const char *from = to; from < end; from++) {
        if (*from != '\\') {
            *to++ = *from;
        } else if (++from == end || !unescaped(*from, to++)) {
            return "a backslash is followed by neither r, n nor another";
        }
    }
    field->length = (size_t)(to - field->text);
    *to = '\0';
    return NULL;
}
