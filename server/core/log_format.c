/* SPDX-License-Identifier: MIT */
#include "server/core/log_format.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};

struct line {
    char *bytes;
    size_t length;
};

/* One byte is always kept free for the closing LF: a line too long is cut, never split. */
static void put(struct line *line, char byte)
{
    if (line->length < LOG_LINE_BYTES_MAX - 1) {
        line->bytes[line->length++] = byte;
    }
}

static void put_text(struct line *line, const char *text)
{
    for (; *text; text++) {
        put(line, *text);
    }
}

static bool needs_quotes(const char *text)
{
    if (!*text) {
        return true;
    }
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte >= 0x7f) {
            return true;
        }
    }
    return false;
}

static void put_escaped(struct line *line, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    if (byte == '"' || byte == '\\') {
        put(line, '\\');
        put(line, (char)byte);
    } else if (byte == '\n' || byte == '\r' || byte == '\t') {
        put(line, '\\');
        put(line, byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
    } else if (byte < ' ' || byte == 0x7f) {
        put_text(line, "\\x");
        put(line, digits[byte >> 4]);
        put(line, digits[byte & 15]);
    } else {
        put(line, (char)byte);
    }
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    put(line, ' ');
    put_text(line, key);
    put(line, '=');
    if (!needs_quotes(value)) {
        put_text(line, value);
        return;
    }
    put(line, '"');
    for (; *value; value++) {
        put_escaped(line, (unsigned char)*value);
    }
    put(line, '"');
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct tm utc;
    char stamp[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(stamp, sizeof(stamp), "time=%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + length, sizeof(stamp) - length, ".%03ldZ", now.tv_nsec / 1000000);
    put_text(line, stamp);
}

static size_t end_line(struct line *line)
{
    line->bytes[line->length++] = '\n';
    return line->length;
}

size_t log_format(char bytes[LOG_LINE_BYTES_MAX], enum config_log_level level, const char *message,
                  va_list pairs)
{
    struct line line = {.bytes = bytes};
    put_time(&line);
    put_pair(&line, "level", level_names[level]);
    put_pair(&line, "msg", message);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        put_pair(&line, key, va_arg(pairs, const char *));
    }
    return end_line(&line);
}

size_t log_format_plain(char bytes[LOG_LINE_BYTES_MAX], const char *format, va_list arguments)
{
    struct line line = {.bytes = bytes};
    int length = vsnprintf(bytes, LOG_LINE_BYTES_MAX, format, arguments);
    line.length = length < LOG_LINE_BYTES_MAX ? (size_t)length : LOG_LINE_BYTES_MAX - 1;
    return end_line(&line);
}
