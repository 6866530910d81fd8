/* SPDX-License-Identifier: MIT */
#include "server/http/protobuf.h"

#include <string.h>

#define VARINT_BYTES_MAX 10

/* Of a length, which is below 2^35. */
#define LENGTH_BYTES 5

/* Longer messages keep all the bytes that were set aside for their length, which readers take: to
 * move them would cost more than it saves. */
#define MOVED_BYTES_MAX 16384

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

static char *put_varint(char *at, uint64_t value)
{
    while (value > 0x7F) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    return at;
}

static char *put_tag(char *at, unsigned field, enum wire wire)
{
    return put_varint(at, (uint64_t)field << 3 | wire);
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

void protobuf_unsigned(struct buffer *out, unsigned field, uint64_t value)
{
    char *room = buffer_room(out, 2 * VARINT_BYTES_MAX);
    if (room) {
        out->length += (size_t)(put_varint(put_tag(room, field, WIRE_VARINT), value) - room);
    }
}

void protobuf_signed(struct buffer *out, unsigned field, int64_t value)
{
    protobuf_unsigned(out, field, zigzag(value));
}

void protobuf_double(struct buffer *out, unsigned field, double value)
{
    char *room = buffer_room(out, VARINT_BYTES_MAX + sizeof(value));
    if (room) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof(bits));
        char *at = put_tag(room, field, WIRE_FIXED64);
        for (unsigned shift = 0; shift < 64; shift += 8) {
            *at++ = (char)(bits >> shift & 0xFF);
        }
        out->length += (size_t)(at - room);
    }
}

void protobuf_bytes(struct buffer *out, unsigned field, const char *bytes, size_t length)
{
    char *room = buffer_room(out, 2 * VARINT_BYTES_MAX + length);
    if (room) {
        char *at = put_varint(put_tag(room, field, WIRE_LENGTH), length);
        if (length > 0) {
            memcpy(at, bytes, length);
        }
        out->length += (size_t)(at - room) + length;
    }
}

void protobuf_signed_list(struct buffer *out, unsigned field, const int64_t *values, size_t count)
{
    if (count == 0) {
        return;
    }
    size_t begun = protobuf_begin(out, field);
    char *room = buffer_room(out, count * VARINT_BYTES_MAX);
    char *at = room;
    for (size_t i = 0; room && i < count; i++) {
        at = put_varint(at, zigzag(values[i]));
    }
    out->length += (size_t)(at - room);
    protobuf_end(out, begun);
}

size_t protobuf_begin(struct buffer *out, unsigned field)
{
    char *room = buffer_room(out, VARINT_BYTES_MAX + LENGTH_BYTES);
    if (room) {
        char *at = field > 0 ? put_tag(room, field, WIRE_LENGTH) : room;
        out->length += (size_t)(at - room) + LENGTH_BYTES;
    }
    return out->length;
}

void protobuf_end(struct buffer *out, size_t begun)
{
    if (out->failed) {
        return;
    }
    size_t length = out->length - begun;
    char *message = out->bytes + begun;
    char *at = message - LENGTH_BYTES;
    if (length < MOVED_BYTES_MAX) {
        at = put_varint(at, length);
        memmove(at, message, length);
        out->length = (size_t)(at - out->bytes) + length;
        return;
    }
    for (unsigned i = 0; i < LENGTH_BYTES; i++, length >>= 7) {
        *at++ = (char)((length & 0x7F) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
    }
}
