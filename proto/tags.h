/* SPDX-License-Identifier: MIT
 *
 * Tags of a metric: parsing the raw text that was sent, putting them into canonical order, and the
 * text form used in CSV files. Pure functions over the caller's buffers.
 */
#ifndef PROTO_TAGS_H
#define PROTO_TAGS_H

#include <stddef.h>
#include <stdint.h>

/* How a raw text of tags is written. The colon styles keep a tag without a value and every value of
 * a key; the others need both and keep a key's last value. */
enum tags_style {
    TAGS_COLON,       /* k:v,k2:v2     behind `|#` */
    TAGS_COLON_CLEAN, /* the same, to be read with '_' for every ';' */
    TAGS_EQUALS,      /* k=v,k2=v2     behind or around a name */
    TAGS_SEMICOLON,   /* k=v;k2=v2     behind a name */
    TAGS_INSIDE,      /* k=v,k2=v2     in brackets amid a name */
    TAGS_STYLES
};

/* Bytes belong to whoever made the tag. A tag sent without a value, or as `key:`, has value_length
 * 0. */
struct tag {
    const char *key;
    const char *value;
    uint16_t key_length;
    uint16_t value_length;
};

/* Parses `k:v,k2,k3:v3` or what the style makes of it (in colon styles a further '#' in front of a
 * tag is stripped; empty tags and tags without a key are dropped; the value begins behind the first
 * ':' or '='). Writes at most `capacity` tags that point into `text`, sorted by key, then value,
 * exact repeats removed. Returns how many there are, or -1 when there are more than `capacity`
 * (repeats counted), or a key or value is longer than 65,535 bytes. */
int tags_parse(enum tags_style style, const char *text, size_t length, struct tag *tags,
               size_t capacity);

/* Sorts by key, then value, bytewise; removes exact repeats; returns how many are left. */
size_t tags_sort(struct tag *tags, size_t count);

/* Writes `k=v;k2=v2`: in keys and values '\\', ';', '=', CR and LF become `\\`, `\;`, `\=`, `\r`,
 * `\n`; a tag without value is its key alone. `out` must hold 2 * (sum of key and value lengths) +
 * 2 * count bytes. Returns the bytes written. */
size_t tags_format_csv(char *out, const struct tag *tags, size_t count);

/* Reads what tags_format_csv() has written, whose order it keeps. Escapes are undone in place: tags
 * point into `text`. Returns how many there are, at most `capacity`; what follows is left out. */
size_t tags_read_csv(char *text, size_t length, struct tag *tags, size_t capacity);

#endif
