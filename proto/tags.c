/* SPDX-License-Identifier: MIT */
#include "proto/tags.h"

#include <stdbool.h>
#include <string.h>

/* Bytewise, the shorter first where one begins the other. */
static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a_length > b_length) - (a_length < b_length);
}

static int compare_tags(const struct tag *a, const struct tag *b)
{
    int order = compare_bytes(a->key, a->key_length, b->key, b->key_length);
    return order != 0 ? order : compare_bytes(a->value, a->value_length, b->value, b->value_length);
}

static int compare_keys_and_places(const struct tag *a, const struct tag *b)
{
    int order = compare_bytes(a->key, a->key_length, b->key, b->key_length);
    return order != 0 ? order : (a->key > b->key) - (a->key < b->key);
}

static bool is_colon_style(enum tags_style style)
{
    return style == TAGS_COLON || style == TAGS_COLON_CLEAN;
}

/* Fills the tag from [text, end). False when it is to be dropped; *too_long tells a tag that struct
 * tag cannot hold. */
static bool parse_tag(bool colons, const char *text, const char *end, struct tag *tag,
                      bool *too_long)
{
    if (colons && text < end && *text == '#') {
        text++;
    }
    const char *mark = text < end ? memchr(text, colons ? ':' : '=', (size_t)(end - text)) : NULL;
    const char *key_end = mark ? mark : end;
    const char *value = mark ? mark + 1 : end;
    if (key_end == text || (!colons && value == end)) {
        return false;
    }
    *too_long = key_end - text > UINT16_MAX || end - value > UINT16_MAX;
    tag->key = text;
    tag->value = value;
    tag->key_length = (uint16_t)(key_end - text);
    tag->value_length = (uint16_t)(end - value);
    return true;
}

/* Shell sort with Ciura's gaps: in place, and an insertion sort for the handful of tags that is
 * usual, yet far from quadratic for the thousands that a hostile sender can put into one datagram.
 */
static void sort(struct tag *tags, size_t count,
                 int (*compare)(const struct tag *, const struct tag *))
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < count; i++) {
            struct tag moving = tags[i];
            size_t hole = i;
            while (hole >= gap && compare(&tags[hole - gap], &moving) > 0) {
                tags[hole] = tags[hole - gap];
                hole -= gap;
            }
            tags[hole] = moving;
        }
    }
}

size_t tags_sort(struct tag *tags, size_t count)
{
    sort(tags, count, compare_tags);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_tags(&tags[kept - 1], &tags[i]) != 0) {
            tags[kept++] = tags[i];
        }
    }
    return kept;
}

static bool same_key(const struct tag *a, const struct tag *b)
{
    return compare_bytes(a->key, a->key_length, b->key, b->key_length) == 0;
}

/* Sorts by key and keeps of each the tag that was sent last. */
static size_t keep_last(struct tag *tags, size_t count)
{
    sort(tags, count, compare_keys_and_places);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || !same_key(&tags[i], &tags[i + 1])) {
            tags[kept++] = tags[i];
        }
    }
    return kept;
}

int tags_parse(enum tags_style style, const char *text, size_t length, struct tag *tags,
               size_t capacity)
{
    bool colons = is_colon_style(style);
    const char *end = text + length;
    size_t count = 0;
    while (text < end) {
        const char *stop = memchr(text, style == TAGS_SEMICOLON ? ';' : ',', (size_t)(end - text));
        const char *tag_end = stop ? stop : end;
        struct tag tag;
        bool too_long = false;
        if (parse_tag(colons, text, tag_end, &tag, &too_long)) {
            if (too_long || count == capacity) {
                return -1;
            }
            tags[count++] = tag;
        }
        text = stop ? stop + 1 : end;
    }
    return (int)(colons ? tags_sort(tags, count) : keep_last(tags, count));
}

static char *write_escaped(char *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '\\' || byte == ';' || byte == '=' || byte == '\r' || byte == '\n') {
            *out++ = '\\';
        }
        *out++ = byte == '\r' ? 'r' : byte == '\n' ? 'n' : byte;
    }
    return out;
}

size_t tags_format_csv(char *out, const struct tag *tags, size_t count)
{
    char *at = out;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            *at++ = ';';
        }
        at = write_escaped(at, tags[i].key, tags[i].key_length);
        if (tags[i].value_length > 0) {
            *at++ = '=';
            at = write_escaped(at, tags[i].value, tags[i].value_length);
        }
    }
    return (size_t)(at - out);
}

/* Where a field ends that one of two bytes ends, its escapes undone: `*length` bytes are left. */
static char *read_escaped(char *text, const char *end, char first, char second, uint16_t *length)
{
    char *out = text, *at = text;
    for (; at < end && *at != first && *at != second; at++) {
        if (*at == '\\' && at + 1 < end) {
            at++;
            *out++ = *at == 'r' ? '\r' : *at == 'n' ? '\n' : *at;
        } else {
            *out++ = *at;
        }
    }
    *length = (uint16_t)(out - text);
    return at;
}

size_t tags_read_csv(char *text, size_t length, struct tag *tags, size_t capacity)
{
    const char *end = text + length;
    size_t count = 0;
    while (text < end && count < capacity) {
        struct tag *tag = &tags[count++];
        *tag = (struct tag){.key = text, .value = text};
        text = read_escaped(text, end, '=', ';', &tag->key_length);
        if (text < end && *text == '=') {
            tag->value = ++text;
            text = read_escaped(text, end, ';', ';', &tag->value_length);
        }
        text += text < end; /* the ';' */
    }
    return count;
}
