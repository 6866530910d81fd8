/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/csv_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define INPUT_BYTES (1U << 16)

void csv_stream_deinit(struct csv_stream *stream)
{
    csv_stream_close(stream);
    free(stream->bytes);
    stream->bytes = NULL;
}

bool csv_stream_open(struct csv_stream *stream, int fd)
{
    csv_stream_close(stream);
    if (!stream->bytes) {
        stream->bytes = malloc(CSV_STREAM_LINE_MAX);
    }
    stream->file = stream->bytes ? gzdopen(fd, "rb") : NULL;
    if (!stream->file) {
        close(fd);
        errno = ENOMEM;
        return false;
    }
    gzbuffer(stream->file, INPUT_BYTES);
    return true;
}

void csv_stream_close(struct csv_stream *stream)
{
    if (stream->file) {
        gzclose_r(stream->file);
    }
    stream->file = NULL;
    stream->begin = stream->end = 0;
    stream->ended = false;
    stream->broken = NULL;
}

bool csv_stream_is_plain(struct csv_stream *stream)
{
    return gzdirect(stream->file) != 0;
}

static const char *failure_of(struct csv_stream *stream)
{
    int code;
    const char *text = gzerror(stream->file, &code);
    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
        return NULL;
    case Z_BUF_ERROR:
        return "the compressed file breaks off";
    case Z_ERRNO:
        return strerror(errno);
    default:
        return text;
    }
}

/* Reads more behind what is left, which moves to the front. */
static void fill(struct csv_stream *stream)
{
    size_t left = stream->end - stream->begin;
    memmove(stream->bytes, stream->bytes + stream->begin, left);
    int count = gzread(stream->file, stream->bytes + left, (unsigned)(CSV_STREAM_LINE_MAX - left));
    stream->begin = 0;
    stream->end = left + (count > 0 ? (size_t)count : 0);
    if (count <= 0) {
        stream->ended = true;
        stream->broken = failure_of(stream);
    }
}

static enum csv_stream_result end_of(struct csv_stream *stream, bool passing_over, char **line,
                                     size_t *length)
{
    if (stream->broken) {
        return CSV_STREAM_BROKEN;
    }
    bool rest = passing_over || stream->end > stream->begin;
    *line = stream->bytes + stream->begin;
    *length = stream->end - stream->begin;
    stream->begin = stream->end;
    return rest ? CSV_STREAM_REST : CSV_STREAM_END;
}

enum csv_stream_result csv_stream_next(struct csv_stream *stream, char **line, size_t *length)
{
    bool passing_over = false;
    size_t looked_at = 0;
    for (;;) {
        char *from = stream->bytes + stream->begin;
        size_t left = stream->end - stream->begin;
        char *feed = memchr(from + looked_at, '\n', left - looked_at);
        if (feed) {
            *line = from;
            *length = (size_t)(feed - from);
            stream->begin += *length + 1;
            return passing_over ? CSV_STREAM_LONG : CSV_STREAM_LINE;
        }
        if (stream->ended) {
            return end_of(stream, passing_over, line, length);
        }
        looked_at = left;
        if (left == CSV_STREAM_LINE_MAX) {
            passing_over = true;
            stream->begin = stream->end;
            looked_at = 0;
        }
        fill(stream);
    }
}
