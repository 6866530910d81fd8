/* SPDX-License-Identifier: MIT */
#include "server/report/words.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/text.h"

#define REPLACEMENT "\xef\xbf\xbd"   /* U+FFFD */
#define STAMP_LARGEST 253402300799.0 /* the end of the year 9999 */

struct scale {
    double from; /* magnitudes shown so */
    double size; /* of one such unit */
    const char *suffix;
};

static const struct scale plain_scales[] = {{1e15, 1e15, " P"}, {1e12, 1e12, " T"},
                                            {1e9, 1e9, " G"},   {1e6, 1e6, " M"},
                                            {1e4, 1e3, " k"},   {0, 1, ""}};
static const struct scale time_scales[] = {{3600e3, 3600e3, " h"},
                                           {60e3, 60e3, " min"},
                                           {1e3, 1e3, " s"},
                                           {1, 1, " ms"},
                                           {0, 1e-3, " µs"}};
static const struct scale byte_scales[] = {{0x1p50, 0x1p50, " PiB"}, {0x1p40, 0x1p40, " TiB"},
                                           {0x1p30, 0x1p30, " GiB"}, {0x1p20, 0x1p20, " MiB"},
                                           {0x1p10, 0x1p10, " KiB"}, {0, 1, " B"}};

/* Three significant digits without an exponent, whole numbers in full. */
static void put_digits(struct buffer *out, double value)
{
    double size = fabs(value);
    if (size >= 99.95 || value == trunc(value)) {
        buffer_append_format(out, "%.0f", value == 0 ? 0.0 : value);
    } else if (size >= 9.995) {
        buffer_append_format(out, "%.1f", value);
    } else if (size >= 0.9995) {
        buffer_append_format(out, "%.2f", value);
    } else {
        buffer_append_format(out, "%.3g", value);
    }
}

static void put_scaled(struct buffer *out, double value, const struct scale *scale)
{
    while (fabs(value) < scale->from) {
        scale++;
    }
    put_digits(out, value / scale->size);
    buffer_append_text(out, scale->suffix);
}

void words_put_figure(struct buffer *out, double value, enum unit unit)
{
    if (!isfinite(value)) {
        buffer_append_text(out, "–");
        return;
    }
    switch (unit) {
    case UNIT_SECONDS:
        words_put_figure(out, value * 1e3, UNIT_MS);
        break;
    case UNIT_MS:
        if (value == 0) {
            buffer_append_text(out, "0 ms");
        } else {
            put_scaled(out, value, time_scales);
        }
        break;
    case UNIT_BYTES:
        put_scaled(out, value, byte_scales);
        break;
    case UNIT_SHARE:
        put_digits(out, value * 100);
        buffer_append_text(out, " %");
        break;
    case UNIT_PER_SECOND:
    case UNIT_NONE:
    case UNITS:
        put_scaled(out, value, plain_scales);
        buffer_append_text(out, unit == UNIT_PER_SECOND ? "/s" : "");
        break;
    }
}

const char *words_figure(char *text, size_t size, double value, enum unit unit)
{
    struct buffer made = {0};
    words_put_figure(&made, value, unit);
    snprintf(text, size, "%.*s", made.failed ? 0 : (int)made.length, made.bytes ? made.bytes : "");
    buffer_deinit(&made);
    return text;
}

void words_put_count(struct buffer *out, double count, const char *one, const char *many)
{
    buffer_append_format(out, "%.0f %s", count, count == 1 ? one : many);
}

void words_put_span(struct buffer *out, double seconds)
{
    static const struct scale parts[] = {
        {86400, 86400, " d"}, {3600, 3600, " h"}, {60, 60, " min"}, {1, 1, " s"}};
    size_t i = 0;
    if (!(seconds >= 0) || seconds > STAMP_LARGEST) {
        buffer_append_text(out, "–");
        return;
    }
    if (seconds < 1) {
        words_put_figure(out, seconds, UNIT_SECONDS);
        return;
    }
    while (seconds < parts[i].size) {
        i++;
    }
    double whole = floor(seconds / parts[i].size);
    double rest = i < 3 ? floor((seconds - whole * parts[i].size) / parts[i + 1].size) : 0;
    buffer_append_format(out, "%.0f%s", whole, parts[i].suffix);
    if (rest > 0) {
        buffer_append_format(out, " %.0f%s", rest, parts[i + 1].suffix);
    }
}

static bool read_clock(double seconds, struct tm *parts)
{
    time_t whole = (time_t)(seconds > 0 && seconds <= STAMP_LARGEST ? seconds : 0);
    return whole > 0 && gmtime_r(&whole, parts);
}

void words_put_stamp(struct buffer *out, double seconds)
{
    struct tm parts;
    if (!read_clock(seconds, &parts)) {
        buffer_append_text(out, "–");
        return;
    }
    buffer_append_format(out, "%04d-%02d-%02d ", parts.tm_year + 1900, parts.tm_mon + 1,
                         parts.tm_mday);
    words_put_time(out, seconds);
}

void words_put_time(struct buffer *out, double seconds)
{
    struct tm parts;
    if (read_clock(seconds, &parts)) {
        buffer_append_format(out, "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
    } else {
        buffer_append_text(out, "–");
    }
}

/* U+FFFE and U+FFFF are no characters of XML: an SVG file that has one is not shown at all. */
static bool is_no_character(const char *text, size_t size)
{
    return size == 3 && memcmp(text, "\xef\xbf", 2) == 0 && (unsigned char)text[2] >= 0xbe;
}

/* The length of the character at the start of a text; 0 where it is none, or a control one. */
static size_t character(const char *text, size_t length)
{
    unsigned char lead = (unsigned char)*text;
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0x20 || lead == 0x7f || size > length || !text_is_utf8(text, size)) {
        return 0;
    }
    bool c1 = lead == 0xc2 && (unsigned char)text[1] < 0xa0;
    return c1 || is_no_character(text, size) ? 0 : size;
}

static const char *entity(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void words_put_html(struct buffer *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = character(text + at, length - at);
        const char *instead = size == 0 ? REPLACEMENT : entity(text[at]);
        if (instead) {
            buffer_append_text(out, instead);
        } else {
            buffer_append(out, text + at, size);
        }
        at += size > 0 ? size : 1;
    }
}

void words_put_markdown(struct buffer *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = character(text + at, length - at);
        if (size == 0) {
            bool blank = strchr("\r\n\t", text[at]) != NULL;
            buffer_append_text(out, blank ? " " : REPLACEMENT);
        } else if (strchr("\\`*_{}[]<>#|~&!", text[at])) {
            buffer_append(out, "\\", 1);
            buffer_append(out, text + at, 1);
        } else {
            buffer_append(out, text + at, size);
        }
        at += size > 0 ? size : 1;
    }
}

static size_t longest_run(const char *text, size_t length, char of)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < length; i++) {
        run = text[i] == of ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void put_fence(struct buffer *out, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        buffer_append(out, "`", 1);
    }
}

/* CommonMark 0.31, 6.1: a span ends at a run of as many backticks as it began with, and loses one
 * blank at both ends. In a table of GitHub's a backslash in front of a bar is taken away first. */
void words_put_code(struct buffer *out, const char *text, size_t length)
{
    size_t fence = longest_run(text, length, '`') + 1;
    bool pad = length > 0 && (text[0] == '`' || text[length - 1] == '`' || text[0] == ' ');
    put_fence(out, fence);
    buffer_append_text(out, pad || length == 0 ? " " : "");
    for (size_t at = 0; at < length;) {
        size_t size = character(text + at, length - at);
        buffer_append_text(out, size == 0 ? REPLACEMENT : text[at] == '|' ? "\\" : "");
        buffer_append(out, text + at, size);
        at += size > 0 ? size : 1;
    }
    buffer_append_text(out, pad ? " " : "");
    put_fence(out, fence);
}
