/* SPDX-License-Identifier: MIT */
#include "server/http/prom_name.h"

#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "server/core/require.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

struct label {
    size_t key; /* offset in the text of keys */
    size_t key_length;
    const char *value;
    size_t value_length;
};

enum prom_kind prom_kind_of(enum statsd_type type)
{
    static const enum prom_kind kinds[STATSD_TYPES] = {
        [STATSD_COUNTER] = PROM_COUNTER,    [STATSD_GAUGE] = PROM_GAUGE,
        [STATSD_TIMER] = PROM_SECONDS,      [STATSD_HISTOGRAM] = PROM_PLAIN,
        [STATSD_DISTRIBUTION] = PROM_PLAIN, [STATSD_SET] = PROM_SET,
    };
    return kinds[type];
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* What is legal in a word beside letters, digits and '_', and what is joined. */
enum word_rules { WORD_COLON = 1, WORD_DASHES_JOIN = 2 };

/* At most length + 1 bytes, at least one. A byte 10xxxxxx belongs to the character before it where
 * that is not ASCII, and gives no '_' of its own. */
static size_t write_word(char *out, const char *text, size_t length, unsigned rules)
{
    char *at = out;
    if (length == 0 || is_digit(text[0])) {
        *at++ = '_';
    }
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (is_letter(byte) || is_digit(byte) || (byte == ':' && rules & WORD_COLON)) {
            *at++ = byte;
            inside = false;
        } else if (byte == '-' && i > 0 && text[i - 1] == '-' && rules & WORD_DASHES_JOIN) {
            continue;
        } else if (!inside || !is_continuation(byte)) {
            *at++ = '_';
            inside = ((unsigned char)byte & 0x80) != 0;
        }
    }
    return (size_t)(at - out);
}

static bool begins_with(const char *text, size_t length, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    return length >= prefix_length && memcmp(text, prefix, prefix_length) == 0;
}

/* What is nothing but the suffix does not end in it: OpenMetrics would leave no name. */
static bool ends_with(const struct buffer *text, const char *suffix)
{
    size_t length = strlen(suffix);
    return text->length > length &&
           memcmp(text->bytes + text->length - length, suffix, length) == 0;
}

static void append_suffix(struct buffer *out, const char *suffix)
{
    if (!out->failed && !ends_with(out, suffix)) {
        buffer_append_text(out, suffix);
    }
}

static void append_word(struct buffer *out, const char *name, size_t length, unsigned rules)
{
    static const char user[] = "user_";
    char *room = buffer_room(out, sizeof(user) + length + 1);
    if (!room) {
        return;
    }
    size_t written = write_word(room, name, length, rules);
    if (begins_with(room, written, "sigmad_") || begins_with(room, written, "process_")) {
        memmove(room + strlen(user), room, written);
        memcpy(room, user, strlen(user));
        written += strlen(user);
    }
    out->length += written;
}

void prom_append_plain_name(struct buffer *out, const char *name, size_t length)
{
    append_word(out, name, length, WORD_DASHES_JOIN);
}

void prom_append_name(struct buffer *out, enum statsd_type type, const char *name, size_t length)
{
    append_word(out, name, length, WORD_COLON);
    if (type == STATSD_COUNTER) {
        append_suffix(out, "_total");
    } else if (type == STATSD_TIMER) {
        append_suffix(out, "_seconds");
    }
}

bool prom_append_alternative(struct buffer *out, enum prom_kind kind)
{
    const char *suffix = kind == PROM_GAUGE ? "_gauge" : kind == PROM_SET ? "_set" : NULL;
    if (!suffix || out->failed || ends_with(out, suffix)) {
        return false;
    }
    buffer_append_text(out, suffix);
    return true;
}

/* The bytes of the well-formed character at `text`, 0 where there is none. */
static size_t character_length(const char *text, size_t length)
{
    for (size_t step = 1; step <= 4 && step <= length; step++) {
        if (text_is_utf8(text, step)) {
            return step;
        }
    }
    return 0;
}

/* Character by character, the slow way for what is rare. */
static void append_mended(struct buffer *out, const char *value, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = character_length(value + i, length - i);
        char *room = buffer_room(out, 8);
        if (!room) {
            return;
        }
        if (step == 0 || value[i] == '\0' || value[i] == '\r') {
            memcpy(room, REPLACEMENT, strlen(REPLACEMENT));
            out->length += strlen(REPLACEMENT);
            step = 1;
        } else {
            out->length += text_escape_label(room, value + i, step);
        }
        i += step;
    }
}

void prom_append_value(struct buffer *out, const char *value, size_t length)
{
    if (!text_is_utf8(value, length) || memchr(value, '\0', length) ||
        memchr(value, '\r', length)) {
        append_mended(out, value, length);
        return;
    }
    char *room = buffer_room(out, 2 * length);
    if (room) {
        out->length += text_escape_label(room, value, length);
    }
}

/* `le` and `quantile` are what histograms and summaries add, `__` is Prometheus' own. */
static void append_key(struct buffer *out, const struct tag *tag)
{
    static const char prefix[] = "tag_";
    char *room = buffer_room(out, sizeof(prefix) + tag->key_length + 1u);
    if (!room) {
        return;
    }
    size_t length = write_word(room, tag->key, tag->key_length, 0);
    if (begins_with(room, length, "__") || (length == 2 && memcmp(room, "le", 2) == 0) ||
        (length == 8 && memcmp(room, "quantile", 8) == 0)) {
        memmove(room + strlen(prefix), room, length);
        memcpy(room, prefix, strlen(prefix));
        length += strlen(prefix);
    }
    out->length += length;
}

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_labels(const void *left, const void *right, void *keys)
{
    const struct label *a = left;
    const struct label *b = right;
    const char *text = keys;
    int order = compare_bytes(text + a->key, a->key_length, text + b->key, b->key_length);
    return order != 0 ? order : compare_bytes(a->value, a->value_length, b->value, b->value_length);
}

static bool same_key(const char *keys, const struct label *a, const struct label *b)
{
    return a->key_length == b->key_length &&
           memcmp(keys + a->key, keys + b->key, a->key_length) == 0;
}

static bool same_value(const struct label *a, const struct label *b)
{
    return a->value_length == b->value_length && memcmp(a->value, b->value, a->value_length) == 0;
}

static void append_sorted(struct buffer *out, const char *keys, const struct label *labels,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct label *label = &labels[i];
        bool joins = i > 0 && same_key(keys, label, label - 1);
        if (joins && same_value(label, label - 1)) {
            continue;
        }
        if (joins) {
            out->length -= out->failed ? 0 : 1; /* the closing quote of the value before */
            buffer_append(out, ",", 1);
        } else {
            buffer_append_text(out, i > 0 ? "," : "");
            buffer_append(out, keys + label->key, label->key_length);
            buffer_append(out, "=\"", 2);
        }
        prom_append_value(out, label->value, label->value_length);
        buffer_append(out, "\"", 1);
    }
}

void prom_append_labels(struct buffer *out, const struct tag *tags, size_t count)
{
    prom_append_mapped_labels(out, tags, count, count);
}

void prom_append_mapped_labels(struct buffer *out, const struct tag *tags, size_t sent,
                               size_t count)
{
    REQUIRE(count <= PROM_LABELS_MAX);
    struct label labels[PROM_LABELS_MAX];
    struct buffer keys;
    buffer_init(&keys);
    for (size_t i = 0; i < count; i++) {
        bool bare = tags[i].value_length == 0 && i < sent;
        labels[i] = (struct label){keys.length, 0, bare ? "true" : tags[i].value,
                                   bare ? strlen("true") : tags[i].value_length};
        append_key(&keys, &tags[i]);
        labels[i].key_length = keys.length - labels[i].key;
    }
    if (keys.failed) {
        out->failed = true;
    } else if (count > 0) {
        qsort_r(labels, count, sizeof(*labels), compare_labels, keys.bytes);
        append_sorted(out, keys.bytes, labels, count);
    }
    buffer_deinit(&keys);
}

/* HELP knows no escape but of backslash and LF. Control characters become blanks, so that a reader
 * that takes more than LF for the end of a line is served as well. */
static void append_help_character(struct buffer *out, const char *character, size_t length)
{
    if (length == 0) {
        buffer_append_text(out, REPLACEMENT);
    } else if ((unsigned char)*character < ' ') {
        buffer_append(out, " ", 1);
    } else {
        buffer_append_text(out, *character == '\\' ? "\\" : "");
        buffer_append(out, character, length);
    }
}

/* Nearly every name is printable ASCII without a backslash. */
static bool is_plain(const char *name, size_t length)
{
    bool plain = true;
    for (size_t i = 0; i < length; i++) {
        plain &= name[i] >= ' ' && name[i] < 0x7f && name[i] != '\\';
    }
    return plain;
}

void prom_append_help(struct buffer *out, const char *name, size_t length)
{
    if (is_plain(name, length)) {
        buffer_append(out, name, length);
        return;
    }
    for (size_t i = 0; i < length;) {
        size_t step = character_length(name + i, length - i);
        append_help_character(out, name + i, step);
        i += step > 0 ? step : 1;
    }
}

const char *prom_type_word(enum statsd_type type)
{
    static const char *const words[STATSD_TYPES] = {
        [STATSD_COUNTER] = "counter",
        [STATSD_GAUGE] = "gauge",
        [STATSD_TIMER] = "timer",
        [STATSD_HISTOGRAM] = "histogram",
        [STATSD_DISTRIBUTION] = "distribution",
        [STATSD_SET] = "set",
    };
    return words[type];
}

void prom_append_quantile(struct buffer *out, double percent)
{
    /* 15 digits are what every decimal text survives a double with (DBL_DIG). */
    buffer_append_format(out, "%.15g", percent / 100);
}
