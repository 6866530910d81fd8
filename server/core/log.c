/* SPDX-License-Identifier: MIT */
#include "server/core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 4096

static _Atomic int threshold = LOG_LEVEL_INFO;
static const char *const level_names[] = {"debug", "info", "warning", "error"};

struct line {
    char bytes[LINE_BYTES_MAX];
    size_t length;
};

void log_set_level(enum config_log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum config_log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* One byte is always kept free for the closing LF: a line too long is cut, never split. */
static void put(struct line *line, char byte)
{
    if (line->length < LINE_BYTES_MAX - 1) {
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

void log_line(enum config_log_level level, const char *message, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    struct line line = {.length = 0};
    put_time(&line);
    put_pair(&line, "level", level_names[level]);
    put_pair(&line, "msg", message);
    va_list pairs;
    va_start(pairs, message);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        put_pair(&line, key, va_arg(pairs, const char *));
    }
    va_end(pairs);
    line.bytes[line.length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written; /* There is nobody left to tell when standard error is gone. */
}

const char *log_text(const char *format, ...)
{
    static _Thread_local char ring[4][512];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(ring[0]), format, arguments);
    va_end(arguments);
    return text;
}
