/* SPDX-License-Identifier: MIT */
#include "server/http/gzip.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* Level 1 takes an exposition to a twelfth; level 6 to a fifteenth, in three times the time. */
#define LEVEL 1
#define MEMORY_LEVEL 8
#define RAW_WINDOW_BITS (-15)

/* zlib counts in unsigned int. */
#define CHUNK_BYTES_MAX ((size_t)1 << 30)
#define ROOM_BYTES_MIN ((size_t)16 * 1024)

struct gzip_writer {
    z_stream stream;
    struct buffer out;
    uint64_t length;
    uLong checksum;
};

struct gzip_writer *gzip_begin(void)
{
    struct gzip_writer *writer = calloc(1, sizeof(*writer));
    if (writer && deflateInit2(&writer->stream, LEVEL, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
                               Z_DEFAULT_STRATEGY) != Z_OK) {
        free(writer);
        return NULL;
    }
    return writer;
}

/* Until the input is used up and, with a flush, all is out. */
static bool run(struct gzip_writer *writer, int flush)
{
    z_stream *stream = &writer->stream;
    int result;
    do {
        char *room = buffer_room(&writer->out, ROOM_BYTES_MIN);
        if (!room) {
            return false;
        }
        size_t capacity = writer->out.capacity - writer->out.length;
        capacity = capacity < CHUNK_BYTES_MAX ? capacity : CHUNK_BYTES_MAX;
        stream->next_out = (Bytef *)room;
        stream->avail_out = (uInt)capacity;
        result = deflate(stream, flush);
        writer->out.length += capacity - stream->avail_out;
    } while (stream->avail_out == 0 && (result == Z_OK || result == Z_BUF_ERROR));
    return stream->avail_in == 0;
}

bool gzip_add(struct gzip_writer *writer, const char *bytes, size_t length)
{
    /* zlib does not write through next_in, whose type is not const. */
    union {
        const char *read;
        Bytef *given;
    } input = {.read = bytes};
    writer->length += length;
    while (length > 0) {
        size_t chunk = length < CHUNK_BYTES_MAX ? length : CHUNK_BYTES_MAX;
        writer->checksum = crc32(writer->checksum, input.given, (uInt)chunk);
        writer->stream.next_in = input.given;
        writer->stream.avail_in = (uInt)chunk;
        if (!run(writer, Z_NO_FLUSH)) {
            return false;
        }
        input.read += chunk;
        length -= chunk;
    }
    return true;
}

void gzip_abandon(struct gzip_writer *writer)
{
    if (writer) {
        deflateEnd(&writer->stream);
        buffer_deinit(&writer->out);
        free(writer);
    }
}

struct gzip_part gzip_end(struct gzip_writer *writer, bool last)
{
    struct gzip_part part = {.checksum = (uint32_t)writer->checksum, .length = writer->length};
    /* A full flush ends on a whole byte and forgets what came before. */
    if (run(writer, last ? Z_FINISH : Z_FULL_FLUSH)) {
        part.body = body_new(&writer->out);
    }
    gzip_abandon(writer);
    return part;
}

static char *put_le32(char *at, uint32_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        *at++ = (char)(value >> shift & 0xFF);
    }
    return at;
}

bool gzip_join(const char *bytes, size_t length, const struct gzip_part *last, struct evbuffer *out)
{
    /* Magic, deflate, no flags, no time, fastest, Unix (RFC 1952, 2.3). */
    static const char header[] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 4, 3};
    struct gzip_writer *writer = gzip_begin();
    if (!writer || !gzip_add(writer, bytes, length)) {
        gzip_abandon(writer);
        return false;
    }
    struct gzip_part first = gzip_end(writer, false);
    char trailer[8];
    uLong checksum = crc32_combine(first.checksum, last->checksum, (z_off_t)last->length);
    put_le32(put_le32(trailer, (uint32_t)checksum), (uint32_t)(first.length + last->length));
    bool whole = first.body && evbuffer_add(out, header, sizeof(header)) == 0 &&
                 body_add(first.body, out) && body_add(last->body, out) &&
                 evbuffer_add(out, trailer, sizeof(trailer)) == 0;
    body_unref(first.body);
    return whole;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* The parameters of one coding, up to the comma: a weight of 0 refuses it. */
static bool has_weight(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != ';') {
            continue;
        }
        const char *name = skip_blanks(at + 1);
        if ((*name == 'q' || *name == 'Q') && name[1] == '=') {
            const char *digits = name + 2;
            return strspn(digits, "0.") < strcspn(digits, " \t,;");
        }
    }
    return true;
}

bool gzip_is_accepted(const char *header)
{
    bool any = false;
    for (const char *at = header; at && *at; at += *at == ',') {
        at = skip_blanks(at);
        const char *end = at + strcspn(at, ",");
        size_t length = strcspn(at, " \t;,");
        if ((length == 4 && strncasecmp(at, "gzip", 4) == 0) ||
            (length == 6 && strncasecmp(at, "x-gzip", 6) == 0)) {
            return has_weight(at, end);
        }
        any |= length == 1 && *at == '*' && has_weight(at, end);
        at = end;
    }
    return any;
}
