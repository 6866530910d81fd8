/* SPDX-License-Identifier: MIT
 *
 * Gzip (RFC 1952) of answers, so that what is compressed once can be sent many times behind bytes
 * that are compressed anew each time: parts of raw deflate (RFC 1951) that refer to nothing before
 * them and end on a whole byte are one stream when they are put one behind the other. Their
 * checksums are joined by crc32_combine(). One member comes out, since not every reader takes two.
 *
 * One thread at a time.
 */
#ifndef SERVER_HTTP_GZIP_H
#define SERVER_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/http/body.h"

struct evbuffer;

/* A compressed part and what it was made of. */
struct gzip_part {
    struct body *body; /* NULL: there is none */
    uint32_t checksum; /* CRC-32 of the `length` bytes */
    uint64_t length;
};

struct gzip_writer;

/* NULL without memory. */
struct gzip_writer *gzip_begin(void);

/* Compresses some more. False without memory. */
bool gzip_add(struct gzip_writer *writer, const char *bytes, size_t length);

/* Ends the part, which has one reference, and frees the writer. Behind the last part of a stream
 * nothing may follow. The part's body is NULL without memory. */
struct gzip_part gzip_end(struct gzip_writer *writer, bool last);

/* Frees a writer whose part is not wanted; NULL is allowed. */
void gzip_abandon(struct gzip_writer *writer);

/* Appends a whole gzip file: `bytes` compressed, then `last`, which holds a reference until it is
 * sent. False without memory. */
bool gzip_join(const char *bytes, size_t length, const struct gzip_part *last,
               struct evbuffer *out);

/* Whether an Accept-Encoding header (NULL: there is none) allows gzip (RFC 9110, 12.5.3). */
bool gzip_is_accepted(const char *header);

#endif
