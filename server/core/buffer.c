/* SPDX-License-Identifier: MIT */
#include "server/core/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/number.h"

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer);
}

static bool grow(struct buffer *buffer, size_t room)
{
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity - buffer->length < room) {
        if (capacity > SIZE_MAX / 2) {
            return false;
        }
        capacity *= 2;
    }
    char *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

char *buffer_room(struct buffer *buffer, size_t room)
{
    if (buffer->failed) {
        return NULL;
    }
    if (buffer->capacity - buffer->length < room && !grow(buffer, room)) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->bytes + buffer->length;
}

void buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
    char *room = length > 0 ? buffer_room(buffer, length) : NULL;
    if (room) {
        memcpy(room, bytes, length);
        buffer->length += length;
    }
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_number(struct buffer *buffer, double value)
{
    char *room = buffer_room(buffer, NUMBER_TEXT_MAX);
    if (room) {
        buffer->length += number_format(room, value);
    }
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *room = length < 0 ? NULL : buffer_room(buffer, (size_t)length + 1);
    if (!room) {
        buffer->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(room, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}
