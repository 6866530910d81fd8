/* SPDX-License-Identifier: MIT
 *
 * Lines, or the frames of DogStatsD, taken out of a stream of bytes that comes in pieces. What is
 * taken out does not depend on where the pieces end. No sockets, no events; one thread.
 *
 * A frame is a length of four bytes, little-endian, and that many bytes of lines, as DogStatsD's
 * clients write them to Unix stream sockets. The fourth byte of such a length is NUL, as no line
 * has it that could be accepted, so that the first four bytes of a stream tell the two apart.
 */
#ifndef SERVER_NET_REASSEMBLY_H
#define SERVER_NET_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/statsd.h"

#define REASSEMBLY_FRAME_BYTES_MAX 65535

/* The most that is kept of a line or frame that is not whole yet. */
#define REASSEMBLY_REST_BYTES_MAX (4 + REASSEMBLY_FRAME_BYTES_MAX + 1)

struct reassembly {
    char *rest; /* on the heap, NULL while there is none */
    uint32_t rest_length;
    uint32_t line_bytes_max;
    bool decided, framed; /* lines or frames */
    bool skipping;        /* to the end of a line that is too long */
};

/* Who gets what is taken out. Bytes are valid during the call; 64 more may be read behind them. */
struct reassembly_output {
    /* Whole lines, parted by LF, without the last one's LF. */
    void (*lines)(void *context, const char *bytes, uint32_t length);
    void (*frame)(void *context, const char *bytes, uint32_t length);
    /* A line that is lost: STATSD_LINE_TOO_LONG or STATSD_LINE_CUT, and its beginning. */
    void (*refuse)(void *context, enum statsd_reason reason, const char *bytes, uint32_t length);
    void *context;
};

enum reassembly_status { REASSEMBLY_OK, REASSEMBLY_BAD_FRAME, REASSEMBLY_NO_MEMORY };

/* `line_bytes_max` is at most 65,536. Without `frames` there are lines only. */
void reassembly_init(struct reassembly *reassembly, uint32_t line_bytes_max, bool frames);
void reassembly_deinit(struct reassembly *reassembly);

/* Copies what is kept to `bytes`, where REASSEMBLY_REST_BYTES_MAX fit, and returns its length: what
 * is read next goes behind it. */
size_t reassembly_begin(const struct reassembly *reassembly, char *bytes);

/* `bytes` holds what reassembly_begin() copied and what was read: takes out what is whole and keeps
 * the rest. After anything but REASSEMBLY_OK the stream cannot be read any further, and nothing is
 * kept. */
enum reassembly_status reassembly_take(struct reassembly *reassembly, const char *bytes,
                                       size_t length, const struct reassembly_output *output);

/* The stream has ended. What is kept is a line where the sender has ended it and cut otherwise.
 * `bytes` is room for REASSEMBLY_REST_BYTES_MAX + 64. */
void reassembly_end(struct reassembly *reassembly, bool by_sender, char *bytes,
                    const struct reassembly_output *output);

#endif
