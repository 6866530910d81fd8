/* SPDX-License-Identifier: MIT */
#include "server/http/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Weights have three decimals. */
#define WEIGHT_ONE 1000

struct text {
    const char *at;
    size_t length;
};

/* What a media range has to say, its parameters as far as they are known. */
struct range {
    struct text type, version, proto, encoding;
    int weight;
};

const char *format_content_type(enum format format)
{
    static const char *const types[FORMATS] = {
        [FORMAT_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [FORMAT_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        [FORMAT_PROTOBUF] = ("application/vnd.google.protobuf; "
                             "proto=io.prometheus.client.MetricFamily; encoding=delimited"),
    };
    return types[format];
}

static bool is(struct text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

/* Without blanks around and without quotes. */
static struct text trim(const char *at, const char *end)
{
    while (at < end && strchr(" \t\"", *at)) {
        at++;
    }
    while (at < end && strchr(" \t\"", end[-1])) {
        end--;
    }
    return (struct text){at, (size_t)(end - at)};
}

/* The end of what is separated by one of two bytes, neither of them in quotes. */
static const char *part_end(const char *at, char separator, char other)
{
    bool quoted = false;
    for (; *at && (quoted || (*at != separator && *at != other)); at++) {
        quoted ^= *at == '"';
    }
    return at;
}

/* "0.75" in thousandths; what is no weight is 0. */
static int weight_of(struct text text)
{
    int weight = 0, place = WEIGHT_ONE;
    for (size_t i = 0; i < text.length && place > 0; i++) {
        char byte = text.at[i];
        if (byte == '.' && i == 1) {
            continue;
        }
        if (byte < '0' || byte > '9') {
            return 0;
        }
        weight += (byte - '0') * place;
        place /= 10;
    }
    return weight < WEIGHT_ONE ? weight : WEIGHT_ONE;
}

static void read_parameter(struct range *range, const char *at, const char *end)
{
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (!equals) {
        return;
    }
    struct text name = trim(at, equals), value = trim(equals + 1, end);
    if (is(name, "q")) {
        range->weight = weight_of(value);
    } else if (is(name, "version")) {
        range->version = value;
    } else if (is(name, "proto")) {
        range->proto = value;
    } else if (is(name, "encoding")) {
        range->encoding = value;
    }
}

/* Reads one range and goes on to the next. */
static struct range read_range(const char **at)
{
    struct range range = {.weight = WEIGHT_ONE};
    const char *end = part_end(*at, ';', ',');
    range.type = trim(*at, end);
    while (*end == ';') {
        const char *begin = end + 1;
        end = part_end(begin, ';', ',');
        read_parameter(&range, begin, end);
    }
    *at = *end ? end + 1 : end;
    return range;
}

/* FORMATS where it is none of ours. */
static enum format format_of(const struct range *range)
{
    bool any_version = !range->version.at;
    if (is(range->type, "application/vnd.google.protobuf")) {
        return is(range->proto, "io.prometheus.client.MetricFamily") &&
                       is(range->encoding, "delimited")
                   ? FORMAT_PROTOBUF
                   : FORMATS;
    }
    if (is(range->type, "application/openmetrics-text")) {
        return any_version || is(range->version, "1.0.0") ? FORMAT_OPENMETRICS : FORMATS;
    }
    bool text = is(range->type, "text/plain") && (any_version || is(range->version, "0.0.4"));
    return text || is(range->type, "text/*") || is(range->type, "*/*") ? FORMAT_TEXT : FORMATS;
}

enum format format_negotiate(const char *accept)
{
    enum format best = FORMAT_TEXT;
    int weight = 0;
    while (accept && *accept) {
        struct range range = read_range(&accept);
        enum format format = format_of(&range);
        if (format != FORMATS && range.weight > weight) {
            best = format;
            weight = range.weight;
        }
    }
    return best;
}

/* `count` where it is none of them. A range such as text with a star is the first it takes. */
static size_t type_of(const struct range *range, const char *const *types, size_t count)
{
    size_t major = range->type.length > 1 ? range->type.length - 1 : 0;
    bool any = is(range->type, "*/*");
    bool star = major > 0 && strncmp(range->type.at + major - 1, "/*", 2) == 0;
    for (size_t i = 0; i < count; i++) {
        if (any || is(range->type, types[i]) ||
            (star && strncasecmp(types[i], range->type.at, major) == 0)) {
            return i;
        }
    }
    return count;
}

size_t format_prefer(const char *accept, const char *const *types, size_t count)
{
    size_t best = 0;
    int weight = 0;
    while (accept && *accept) {
        struct range range = read_range(&accept);
        size_t type = type_of(&range, types, count);
        if (type < count && range.weight > weight) {
            best = type;
            weight = range.weight;
        }
    }
    return best;
}
