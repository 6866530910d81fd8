/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/import_literal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sigmactl/json_text.h"

#define NUMBER_MAX 64
#define SHOWN_MAX 80

struct reader {
    const char *at, *end;
    unsigned line;
    unsigned depth;
    struct buffer *skipped;
    struct literal_fault *fault;
};

static json_t *read_value(struct reader *reader, const char *key);

static json_t *refuse(struct reader *reader, const char *reason)
{
    reader->fault->line = reader->line;
    snprintf(reader->fault->reason, sizeof(reader->fault->reason), "%s", reason);
    return NULL;
}

static bool starts(const struct reader *reader, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(reader->end - reader->at) >= length && memcmp(reader->at, text, length) == 0;
}

static void step(struct reader *reader)
{
    reader->line += *reader->at == '\n';
    reader->at++;
}

static void skip_until(struct reader *reader, const char *mark)
{
    while (reader->at < reader->end && !starts(reader, mark)) {
        step(reader);
    }
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Blanks and comments. */
static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end) {
        if (starts(reader, "//")) {
            skip_until(reader, "\n");
        } else if (starts(reader, "/*")) {
            skip_until(reader, "*/");
            reader->at += starts(reader, "*/") ? 2 : 0;
        } else if (is_blank(*reader->at)) {
            step(reader);
        } else if (starts(reader, "\xEF\xBB\xBF")) {
            reader->at += 3;
        } else {
            break;
        }
    }
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '$';
}

static size_t word_length(const struct reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && is_word(*at)) {
        at++;
    }
    return (size_t)(at - reader->at);
}

/* One escaped character; the ones of a config are few. */
static void append_escape(struct reader *reader, struct buffer *out)
{
    static const char from[] = "ntr0bfv", to[] = "\n\t\r\0\b\f\v";
    const char *known = memchr(from, *reader->at, sizeof(from) - 1);
    if (*reader->at != '\n') {
        buffer_append(out, known ? &to[known - from] : reader->at, 1);
    }
    step(reader);
}

/* False when the string has no end, or is a template with something in it. */
static bool read_quoted(struct reader *reader, struct buffer *out)
{
    char quote = *reader->at++;
    while (reader->at < reader->end && *reader->at != quote) {
        if (*reader->at == '\\' && reader->at + 1 < reader->end) {
            reader->at++;
            append_escape(reader, out);
            continue;
        }
        if ((*reader->at == '\n' && quote != '`') || (quote == '`' && starts(reader, "${"))) {
            return false;
        }
        buffer_append(out, reader->at, 1);
        step(reader);
    }
    if (reader->at == reader->end) {
        return false;
    }
    reader->at++;
    return true;
}

static json_t *read_string(struct reader *reader)
{
    struct buffer text = {0};
    bool whole = read_quoted(reader, &text);
    json_t *value = whole && !text.failed ? json_text(text.length ? text.bytes : "", text.length)
                                          : refuse(reader, "a string does not end in its line");
    buffer_deinit(&text);
    return value;
}

/* NULL where it is none; no fault then. */
static json_t *read_number(struct reader *reader)
{
    char text[NUMBER_MAX], *stop;
    size_t length = 0;
    while (reader->at + length < reader->end && length < NUMBER_MAX - 1 &&
           (is_word(reader->at[length]) || memchr("+-.", reader->at[length], 3))) {
        text[length] = reader->at[length];
        length++;
    }
    text[length] = '\0';
    double number = strtod(text, &stop);
    if (length == 0 || *stop != '\0' || !memchr("+-.0123456789", text[0], 13)) {
        return NULL;
    }
    reader->at += length;
    return number == (double)(json_int_t)number ? json_integer((json_int_t)number)
                                                : json_real(number);
}

static json_t *read_word(struct reader *reader)
{
    static const struct {
        const char *word;
        json_type type;
    } words[] = {
        {"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}, {"undefined", JSON_NULL}};
    size_t length = word_length(reader);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].word) == length && memcmp(words[i].word, reader->at, length) == 0) {
            reader->at += length;
            return words[i].type == JSON_NULL ? json_null()
                                              : json_boolean(words[i].type == JSON_TRUE);
        }
    }
    return read_number(reader);
}

/* Leaves out what only a JavaScript engine can evaluate, up to the comma or bracket behind it. */
static json_t *skip_expression(struct reader *reader, const char *from, unsigned line,
                               const char *key)
{
    unsigned depth = 0;
    reader->at = from;
    reader->line = line;
    while (reader->at < reader->end) {
        char byte = *reader->at;
        if (depth == 0 && memchr(",}]", byte, 3)) {
            break;
        }
        if (memchr("\"'`", byte, 3)) {
            struct buffer ignored = {0};
            const char *before = reader->at;
            bool whole = read_quoted(reader, &ignored);
            buffer_deinit(&ignored);
            reader->at = whole ? reader->at : before + 1;
            continue;
        }
        depth += memchr("([{", byte, 3) != NULL;
        depth -= memchr(")]}", byte, 3) != NULL;
        step(reader);
    }
    while (reader->at > from && is_blank(reader->at[-1])) {
        reader->at--;
        reader->line -= *reader->at == '\n';
    }
    int shown = reader->at - from < SHOWN_MAX ? (int)(reader->at - from) : SHOWN_MAX;
    if (shown == 0) {
        return refuse(reader, "a value is missing");
    }
    buffer_append_format(reader->skipped, "line %u: %s: %.*s\n", line, key, shown, from);
    return json_null();
}

/* `open` was read. Members of an object have a key. */
static bool read_key(struct reader *reader, struct buffer *key)
{
    key->length = 0;
    if (memchr("\"'", *reader->at, 2)) {
        if (!read_quoted(reader, key)) {
            refuse(reader, "a key does not end in its line");
            return false;
        }
    } else {
        size_t length = word_length(reader);
        buffer_append(key, reader->at, length);
        reader->at += length;
    }
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != ':' || key->length == 0) {
        refuse(reader, "a key and a `:` were expected");
        return false;
    }
    reader->at++;
    buffer_append(key, "", 1);
    return !key->failed;
}

static bool read_member(struct reader *reader, json_t *into, struct buffer *key)
{
    if (json_is_array(into)) {
        json_t *item = read_value(reader, "an item of a list");
        return item && json_array_append_new(into, item) == 0;
    }
    if (!read_key(reader, key)) {
        return false;
    }
    json_t *value = read_value(reader, key->bytes);
    return value && json_object_set_new(into, key->bytes, value) == 0;
}

static json_t *read_members(struct reader *reader, json_t *into, char close)
{
    struct buffer key = {0};
    bool whole = false;
    reader->at++;
    for (;;) {
        skip_blanks(reader);
        if (reader->at == reader->end) {
            refuse(reader, close == '}' ? "a `}` is missing" : "a `]` is missing");
            break;
        }
        if (*reader->at == close) {
            reader->at++;
            whole = true;
            break;
        }
        if (*reader->at == ',') {
            reader->at++;
            continue;
        }
        if (!read_member(reader, into, &key)) {
            break;
        }
        skip_blanks(reader);
        if (reader->at < reader->end && *reader->at != ',' && *reader->at != close) {
            refuse(reader, "a comma is missing");
            break;
        }
    }
    buffer_deinit(&key);
    if (!whole) {
        json_decref(into);
    }
    return whole ? into : NULL;
}

static json_t *read_nested(struct reader *reader)
{
    if (reader->depth == LITERAL_DEPTH_MAX) {
        return refuse(reader, "is nested too deeply");
    }
    reader->depth++;
    bool object = *reader->at == '{';
    json_t *value =
        object ? read_members(reader, json_object(), '}') : read_members(reader, json_array(), ']');
    reader->depth--;
    return value;
}

static json_t *read_value(struct reader *reader, const char *key)
{
    skip_blanks(reader);
    const char *from = reader->at;
    unsigned line = reader->line;
    if (from == reader->end) {
        return refuse(reader, "a value is missing");
    }
    bool nested = *from == '{' || *from == '[';
    bool quoted = memchr("\"'`", *from, 3) != NULL;
    bool template = *from == '`' && memmem(from, (size_t)(reader->end - from), "${", 2);
    json_t *value = nested                ? read_nested(reader)
                    : quoted && !template ? read_string(reader)
                                          : read_word(reader);
    if (!value && (nested || (quoted && !template))) {
        return NULL;
    }
    skip_blanks(reader);
    bool ends = reader->at == reader->end || memchr(",}]", *reader->at, 3);
    /* A member without a comma in front of it is a fault of its own, not an expression. */
    if (value && (ends || reader->line > line)) {
        return value;
    }
    json_decref(value);
    return skip_expression(reader, from, line, key);
}

json_t *literal_read(const char *text, size_t length, struct buffer *skipped,
                     struct literal_fault *fault)
{
    struct reader reader = {
        .at = text, .end = text + length, .line = 1, .skipped = skipped, .fault = fault};
    *fault = (struct literal_fault){0};
    skip_blanks(&reader);
    if (reader.at == reader.end || *reader.at != '{') {
        return refuse(&reader, "no object begins here");
    }
    json_t *object = read_nested(&reader);
    skip_blanks(&reader);
    if (object && reader.at < reader.end && *reader.at != ';') {
        json_decref(object);
        return refuse(&reader, "something stands behind the object");
    }
    return object;
}
