/* SPDX-License-Identifier: MIT
 *
 * The lines of one file, plain or compressed by gzip, through a buffer of fixed size. It knows LF
 * and nothing else of what is in them. One thread; the struct owns its descriptor and its buffer.
 */
#ifndef TOOLS_SIGMACTL_CSV_STREAM_H
#define TOOLS_SIGMACTL_CSV_STREAM_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a line with its LF; longer ones are refused. */
#define CSV_STREAM_LINE_MAX ((size_t)1 << 20)

struct csv_stream {
    struct gzFile_s *file; /* NULL while there is none */
    char *bytes;
    size_t begin, end; /* what was read and not given out */
    bool ended;
    const char *broken; /* why nothing more can be read */
};

enum csv_stream_result {
    CSV_STREAM_LINE,
    CSV_STREAM_LONG,   /* a line beyond the bound was passed over */
    CSV_STREAM_REST,   /* bytes without an LF, then the file ends */
    CSV_STREAM_END,    /* the file ends */
    CSV_STREAM_BROKEN, /* stream->broken says why */
};

/* The buffer is made with the first file and serves those after it; all zero is a stream without a
 * file. */
void csv_stream_deinit(struct csv_stream *stream);

/* Takes the descriptor over, also when it fails: false with errno. */
bool csv_stream_open(struct csv_stream *stream, int fd);
void csv_stream_close(struct csv_stream *stream);

/* True for a file that is no gzip: what calls itself so and is not is damaged. */
bool csv_stream_is_plain(struct csv_stream *stream);

/* The next line without its LF. The caller may write to it and to the byte behind it until the next
 * call. */
enum csv_stream_result csv_stream_next(struct csv_stream *stream, char **line, size_t *length);

#endif
