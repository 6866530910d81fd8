/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/ini_edit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTEXT 3

static void insert(struct ini_edit *edit, size_t at, char *before, char *after)
{
    if (edit->count == edit->capacity) {
        size_t capacity = edit->capacity ? 2 * edit->capacity : 64;
        struct ini_line *grown = reallocarray(edit->lines, capacity, sizeof(*grown));
        if (!grown) {
            edit->failed = true;
            free(before);
            free(after);
            return;
        }
        edit->lines = grown;
        edit->capacity = capacity;
    }
    memmove(&edit->lines[at + 1], &edit->lines[at], (edit->count - at) * sizeof(edit->lines[0]));
    edit->lines[at] = (struct ini_line){before, after};
    edit->count++;
}

/* What strndup() does, of bytes that no NUL follows. */
static char *copy(const char *bytes, size_t length)
{
    char *text = malloc(length + 1);
    if (text) {
        memcpy(text, bytes, length);
        text[length] = '\0';
    }
    return text;
}

void ini_edit_read(struct ini_edit *edit, const char *text, size_t length)
{
    *edit = (struct ini_edit){.ends_open = length > 0 && text[length - 1] != '\n'};
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end ? (size_t)(end - text) - at : length - at;
        char *before = copy(text + at, line), *after = copy(text + at, line);
        edit->failed = edit->failed || !before || !after;
        insert(edit, edit->count, before, after);
        at += line + 1;
    }
}

void ini_edit_deinit(struct ini_edit *edit)
{
    for (size_t i = 0; i < edit->count; i++) {
        free(edit->lines[i].before);
        free(edit->lines[i].after);
    }
    free(edit->lines);
    *edit = (struct ini_edit){0};
}

static const char *skip_blanks(const char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

static bool is_heading(const char *line)
{
    return *line == '[';
}

static bool is_heading_of(const char *line, const char *section)
{
    size_t length = strlen(section);
    return is_heading(line) && strncmp(line + 1, section, length) == 0 && line[1 + length] == ']';
}

/* An indented line goes on with the value before it, unless it is a comment. */
static bool is_continuation(const char *line)
{
    const char *start = skip_blanks(line);
    return start > line && *start != '\0' && *start != ';' && *start != '#';
}

static bool is_comment(const char *line)
{
    const char *start = skip_blanks(line);
    return *start == ';' || *start == '#';
}

/* The '=' or ':' behind a key, NULL on any other line. */
static const char *separator_of(const char *line)
{
    const char *start = skip_blanks(line);
    bool key = *start != '\0' && !is_comment(line) && !is_heading(start);
    return key ? strpbrk(start, "=:") : NULL;
}

static bool is_key(const char *line, const char *key)
{
    const char *separator = separator_of(line);
    const char *start = skip_blanks(line);
    size_t length = strlen(key);
    return separator && strncmp(start, key, length) == 0 && start + length <= separator &&
           skip_blanks(start + length) == separator;
}

/* Where the comment behind a value begins, its blanks included, or the end of the line. */
static const char *comment_of(const char *value)
{
    const char *at = value;
    while (*at && !(*at == ';' && (at == value || isspace((unsigned char)at[-1])))) {
        at++;
    }
    while (at > value && isspace((unsigned char)at[-1])) {
        at--;
    }
    return at;
}

/* The line with another value; its comment stays in its column where there is room. */
static void replace(struct ini_edit *edit, struct ini_line *line, const char *value)
{
    const char *separator = separator_of(line->after);
    const char *rest = comment_of(separator + 1);
    const char *comment = skip_blanks(rest);
    size_t column = (size_t)(comment - line->after);
    struct buffer out = {0};
    buffer_append(&out, line->after, (size_t)(separator - line->after) + 1);
    buffer_append_format(&out, " %s", value);
    if (*comment == ';') {
        do {
            buffer_append_text(&out, " ");
        } while (!out.failed && out.length < column);
    }
    buffer_append_text(&out, *comment == ';' ? comment : rest);
    buffer_append(&out, "", 1);
    edit->failed = edit->failed || out.failed;
    if (!out.failed) {
        free(line->after);
        line->after = out.bytes;
    }
}

static void drop_continuation(struct ini_edit *edit, size_t at)
{
    for (size_t i = at + 1; i < edit->count; i++) {
        struct ini_line *line = &edit->lines[i];
        if (!line->after || is_comment(line->after) || *skip_blanks(line->after) == '\0') {
            continue;
        }
        if (!is_continuation(line->after)) {
            return;
        }
        free(line->after);
        line->after = NULL;
    }
}

/* The line behind the last key of the section that begins at `heading`, with what belongs to it. */
static size_t end_of_keys(const struct ini_edit *edit, size_t heading)
{
    size_t end = heading + 1;
    bool key = true;
    for (size_t i = heading + 1; i < edit->count; i++) {
        const char *line = edit->lines[i].after;
        if (!line || (key && *line != '\0' && isspace((unsigned char)*line))) {
            end = key ? i + 1 : end;
            continue;
        }
        if (is_heading(line)) {
            break;
        }
        key = separator_of(line) != NULL;
        end = key ? i + 1 : end;
    }
    return end;
}

static void add_line(struct ini_edit *edit, size_t at, const char *format, const char *a,
                     const char *b)
{
    struct buffer out = {0};
    buffer_append_format(&out, "%s%s%s", a, format, b);
    /* A file whose lines end in CR LF keeps doing so. */
    bool carriage = edit->count > 0 && edit->lines[0].before && edit->lines[0].before[0] &&
                    edit->lines[0].before[strlen(edit->lines[0].before) - 1] == '\r';
    buffer_append_text(&out, carriage ? "\r" : "");
    buffer_append(&out, "", 1);
    edit->failed = edit->failed || out.failed;
    if (out.failed) {
        buffer_deinit(&out);
        return;
    }
    insert(edit, at, NULL, out.bytes);
}

static void add_section(struct ini_edit *edit, const char *section, const char *key,
                        const char *value)
{
    if (edit->count > 0) {
        add_line(edit, edit->count, "", "", "");
    }
    add_line(edit, edit->count, section, "[", "]");
    add_line(edit, edit->count, " = ", key, value);
    edit->ends_open = false;
}

void ini_edit_set(struct ini_edit *edit, const char *section, const char *key, const char *value)
{
    size_t heading = edit->count, found = edit->count;
    bool inside = false;
    for (size_t i = 0; i < edit->count; i++) {
        const char *line = edit->lines[i].after;
        if (line && is_heading(line)) {
            inside = is_heading_of(line, section);
            heading = inside && heading == edit->count ? i : heading;
        } else if (line && inside && is_key(line, key)) {
            found = i;
        }
    }
    if (found < edit->count) {
        replace(edit, &edit->lines[found], value);
        drop_continuation(edit, found);
    } else if (heading < edit->count) {
        add_line(edit, end_of_keys(edit, heading), " = ", key, value);
    } else {
        add_section(edit, section, key, value);
    }
}

void ini_edit_write(const struct ini_edit *edit, struct buffer *out)
{
    for (size_t i = 0; i < edit->count; i++) {
        if (edit->lines[i].after) {
            buffer_append_text(out, edit->lines[i].after);
            buffer_append_text(out, "\n");
        }
    }
    if (edit->ends_open && out->length > 0) {
        out->length--;
    }
    out->failed = out->failed || edit->failed;
}

static bool is_changed(const struct ini_line *line)
{
    return !line->before || !line->after || strcmp(line->before, line->after) != 0;
}

/* The first changed line from `at` on, or the end. */
static size_t next_change(const struct ini_edit *edit, size_t at)
{
    while (at < edit->count && !is_changed(&edit->lines[at])) {
        at++;
    }
    return at;
}

static void put_line(struct buffer *out, char mark, const char *line)
{
    if (line) {
        buffer_append_format(out, "%c%s\n", mark, line);
    }
}

/* Lines that go come in front of those that take their place. */
static void put_lines(const struct ini_edit *edit, size_t from, size_t to, struct buffer *out)
{
    while (from < to) {
        size_t end = from;
        if (!is_changed(&edit->lines[from])) {
            put_line(out, ' ', edit->lines[from++].after);
            continue;
        }
        while (end < to && is_changed(&edit->lines[end])) {
            put_line(out, '-', edit->lines[end++].before);
        }
        for (; from < end; from++) {
            put_line(out, '+', edit->lines[from].after);
        }
    }
}

static void count_lines(const struct ini_edit *edit, size_t from, size_t to, size_t *before,
                        size_t *after)
{
    *before = *after = 0;
    for (size_t i = from; i < to; i++) {
        *before += edit->lines[i].before != NULL;
        *after += edit->lines[i].after != NULL;
    }
}

void ini_edit_diff(const struct ini_edit *edit, const char *before, const char *after,
                   struct buffer *out)
{
    size_t change = next_change(edit, 0);
    if (change < edit->count) {
        buffer_append_format(out, "--- %s\n+++ %s\n", before, after);
    }
    while (change < edit->count) {
        size_t from = change > CONTEXT ? change - CONTEXT : 0, to = change;
        for (size_t next = change; next < edit->count && next <= to + CONTEXT;
             next = next_change(edit, next + 1)) {
            to = next + 1 + CONTEXT < edit->count ? next + 1 + CONTEXT : edit->count;
        }
        size_t left, right, old, new;
        count_lines(edit, 0, from, &left, &right);
        count_lines(edit, from, to, &old, &new);
        buffer_append_format(out, "@@ -%zu,%zu +%zu,%zu @@\n", left + (old > 0), old,
                             right + (new > 0), new);
        put_lines(edit, from, to, out);
        change = next_change(edit, to);
    }
}
