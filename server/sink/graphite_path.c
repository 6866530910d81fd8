/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite_path.h"

#include <string.h>

/* What becomes of a byte: itself, another, BLANK, or nothing. */
#define BLANK 1

static const char cleaned[256] = {
    ['\t'] = BLANK, ['\n'] = BLANK, ['\v'] = BLANK, ['\f'] = BLANK, ['\r'] = BLANK, [' '] = BLANK,
    ['/'] = '-',    ['-'] = '-',    ['.'] = '.',    [';'] = ';',    ['='] = '=',    ['_'] = '_',
    ['0'] = '0',    ['1'] = '1',    ['2'] = '2',    ['3'] = '3',    ['4'] = '4',    ['5'] = '5',
    ['6'] = '6',    ['7'] = '7',    ['8'] = '8',    ['9'] = '9',    ['A'] = 'A',    ['B'] = 'B',
    ['C'] = 'C',    ['D'] = 'D',    ['E'] = 'E',    ['F'] = 'F',    ['G'] = 'G',    ['H'] = 'H',
    ['I'] = 'I',    ['J'] = 'J',    ['K'] = 'K',    ['L'] = 'L',    ['M'] = 'M',    ['N'] = 'N',
    ['O'] = 'O',    ['P'] = 'P',    ['Q'] = 'Q',    ['R'] = 'R',    ['S'] = 'S',    ['T'] = 'T',
    ['U'] = 'U',    ['V'] = 'V',    ['W'] = 'W',    ['X'] = 'X',    ['Y'] = 'Y',    ['Z'] = 'Z',
    ['a'] = 'a',    ['b'] = 'b',    ['c'] = 'c',    ['d'] = 'd',    ['e'] = 'e',    ['f'] = 'f',
    ['g'] = 'g',    ['h'] = 'h',    ['i'] = 'i',    ['j'] = 'j',    ['k'] = 'k',    ['l'] = 'l',
    ['m'] = 'm',    ['n'] = 'n',    ['o'] = 'o',    ['p'] = 'p',    ['q'] = 'q',    ['r'] = 'r',
    ['s'] = 's',    ['t'] = 't',    ['u'] = 'u',    ['v'] = 'v',    ['w'] = 'w',    ['x'] = 'x',
    ['y'] = 'y',    ['z'] = 'z',
};

static void clean(struct buffer *out, const char *text, size_t length)
{
    char *at = buffer_room(out, length);
    if (!at) {
        return;
    }
    char before = 0;
    for (size_t i = 0; i < length; i++) {
        char byte = cleaned[(unsigned char)text[i]];
        if (byte != BLANK) {
            *at = byte;
            at += byte != 0;
        } else if (before != BLANK) {
            *at++ = '_';
        }
        before = byte;
    }
    out->length = (size_t)(at - out->bytes);
}

/* Bytes that would end a tag become `_`. */
static void put_part(struct buffer *out, const char *text, size_t length, const char *refused)
{
    char *at = buffer_room(out, length);
    if (!at) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        *at++ = byte <= ' ' || byte == 0x7f || strchr(refused, byte) ? '_' : text[i];
    }
    out->length += length;
}

static void put_value(struct buffer *out, const struct tag *tag)
{
    if (tag->value_length == 0) {
        buffer_append_text(out, "true");
        return;
    }
    size_t start = out->length;
    put_part(out, tag->value, tag->value_length, ";");
    if (!out->failed && out->bytes[start] == '~') {
        out->bytes[start] = '_';
    }
}

static bool has_key_of(const struct tag *tag, const struct tag *other)
{
    return tag->key_length == other->key_length &&
           memcmp(tag->key, other->key, tag->key_length) == 0;
}

static void put_tags(struct buffer *out, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && has_key_of(&tags[i], &tags[i - 1])) {
            buffer_append(out, ",", 1);
        } else {
            buffer_append(out, ";", 1);
            put_part(out, tags[i].key, tags[i].key_length, ";=!^");
            buffer_append(out, "=", 1);
        }
        put_value(out, &tags[i]);
    }
}

/* As they were sent, but for what the cleaning takes out. */
static void put_etsy_tags(struct buffer *out, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *semicolon = buffer_room(out, 1);
        if (!semicolon) {
            return;
        }
        *semicolon = ';';
        out->length++;
        clean(out, tags[i].key, tags[i].key_length);
        if (tags[i].value_length > 0) {
            buffer_append(out, "=", 1);
            clean(out, tags[i].value, tags[i].value_length);
        }
    }
}

bool graphite_path_make(struct graphite_path *path, const struct identity *identity, bool etsy_tags)
{
    path->name.length = 0;
    path->tags.length = 0;
    clean(&path->name, identity_name(identity), identity->name_length);
    const char *end = path->name.length > 0 && !path->name.failed
                          ? memchr(path->name.bytes, ';', path->name.length)
                          : NULL;
    if (end) {
        size_t name_length = (size_t)(end - path->name.bytes);
        buffer_append(&path->tags, end, path->name.length - name_length);
        path->name.length = name_length;
    }
    if (identity->tag_count > 0) {
        struct tag tags[IDENTITY_TAGS_MAX];
        identity_tags(identity, tags);
        (etsy_tags ? put_etsy_tags : put_tags)(&path->tags, tags, identity->tag_count);
    }
    return !path->name.failed && !path->tags.failed;
}

void graphite_path_deinit(struct graphite_path *path)
{
    buffer_deinit(&path->name);
    buffer_deinit(&path->tags);
}
