/* SPDX-License-Identifier: MIT
 *
 * Writes the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/):
 * fields by number, and messages within messages. What a message is made of is the caller's to
 * know. Appends to a buffer, whose `failed` tells that memory was out.
 */
#ifndef SERVER_HTTP_PROTOBUF_H
#define SERVER_HTTP_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"

void protobuf_unsigned(struct buffer *out, unsigned field,
                       uint64_t value);                                  /* uint32, uint64, enum */
void protobuf_signed(struct buffer *out, unsigned field, int64_t value); /* sint32, sint64 */
void protobuf_double(struct buffer *out, unsigned field, double value);
void protobuf_bytes(struct buffer *out, unsigned field, const char *bytes, size_t length);

/* Packed. */
void protobuf_signed_list(struct buffer *out, unsigned field, const int64_t *values, size_t count);

/* A message that is a field of another, or, as field 0, one that stands alone behind its length.
 * What is appended between begin and end is its own; begin says where it began. */
size_t protobuf_begin(struct buffer *out, unsigned field);
void protobuf_end(struct buffer *out, size_t begun);

#endif
