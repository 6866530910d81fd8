/* SPDX-License-Identifier: MIT
 *
 * A growing run of bytes, for rendering. When memory runs out `failed` is set and stays set, later
 * appends do nothing, and the caller looks once at the end. One thread at a time.
 */
#ifndef SERVER_CORE_BUFFER_H
#define SERVER_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

/* All zero is an empty buffer too. */
static inline void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}
void buffer_deinit(struct buffer *buffer);

/* Room for at least `room` more bytes at the end, to be written by the caller who then adds to
 * `length`; NULL (and failed) without memory. */
char *buffer_room(struct buffer *buffer, size_t room);

void buffer_append(struct buffer *buffer, const char *bytes, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
/* number_format() of a double. */
void buffer_append_number(struct buffer *buffer, double value);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
