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

/* Fills the tag from [text, end). False when there is no key; *too_long tells a tag that struct tag
 * cannot hold. */
static bool parse_tag(const char *text, const char *end, struct tag *tag, bool *too_long)
{
    if (text < end && *text == '#') {
        text++;
    }
    const char *colon = text < end ? memchr(text, ':', (size_t)(end - text)) : NULL;
    const char *key_end = colon ? colon : end;
    const char *value = colon ? colon + 1 : end;
    if (key_end == text) {
        return false;
    }
    *too_long = key_end - text > UINT16_MAX || end - value > UINT16_MAX;
    tag->key = text;
    tag->value = value;
    tag->key_length = (uint16_t)(key_end - text);
    tag->value_length = (uint16_t)(end - value);
    return true;
}

int tags_parse(const char *text, size_t length, struct tag *tags, size_t capacity)
{
    const char *end = text + length;
    size_t count = 0;
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *tag_end = comma ? comma : end;
        struct tag tag;
        bool too_long = false;
        if (parse_tag(text, tag_end, &tag, &too_long)) {
            if (too_long || count == capacity) {
                return -1;
            }
            tags[count++] = tag;
        }
        text = comma ? comma + 1 : end;
    }
    return (int)tags_sort(tags, count);
}

/* Shell sort with Ciura's gaps: in place, and an insertion sort for the handful of tags that is
 * usual, yet far from quadratic for the thousands that a hostile sender can put into one datagram.
 */
size_t tags_sort(struct tag *tags, size_t count)
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < count; i++) {
            struct tag moving = tags[i];
            size_t hole = i;
            while (hole >= gap && compare_tags(&tags[hole - gap], &moving) > 0) {
                tags[hole] = tags[hole - gap];
                hole -= gap;
            }
            tags[hole] = moving;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_tags(&tags[kept - 1], &tags[i]) != 0) {
            tags[kept++] = tags[i];
        }
    }
    return kept;
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
