/* SPDX-License-Identifier: MIT
 *
 * The file of recorded datagrams: what arrived, in order and unchanged, and when. All numbers are
 * little-endian.
 *
 *     header, 24 bytes   "SIGMAREC"  u32 version (1)  u32 bytes of the header  i64 wall time of the
 *                        start, nanoseconds since the Unix epoch
 *     record, 16 bytes   u32 bytes of what follows  u32 kind  u64 nanoseconds since the start, by
 * the monotonic clock: a wall clock that is stepped does not move them kind 1           a datagram:
 * its bytes kind 2           the end, once, last: u64 datagrams that the kernel dropped meanwhile
 *
 * A reader takes the header's own length and skips kinds that it does not know. Without an end the
 * recording was broken off; what is there is good but for a last record that is cut short. One
 * thread a file.
 */
#ifndef TOOLS_SIGMACTL_RECORD_FILE_H
#define TOOLS_SIGMACTL_RECORD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RECORD_VERSION 1
#define RECORD_HEADER_BYTES 24
#define RECORD_HEAD_BYTES 16
#define RECORD_END_BYTES 8
/* No datagram of UDP is longer; a file that says so is damaged. */
#define RECORD_BYTES_MAX 65535
/* So many readable bytes follow a datagram. */
#define RECORD_SLACK_BYTES 64
#define RECORD_REASON_MAX 256

struct record_writer {
    FILE *file;
    uint64_t bytes; /* written so far */
};

/* Makes the file, which must not exist, and begins it. False with errno. */
bool record_writer_open(struct record_writer *writer, const char *path, int64_t start_wall_ns);

/* What a datagram of this length takes in the file. */
static inline uint64_t record_bytes(uint32_t length)
{
    return RECORD_HEAD_BYTES + (uint64_t)length;
}

/* Appends a datagram. False with errno where the file cannot take it. */
bool record_writer_add(struct record_writer *writer, uint64_t offset_ns, const char *bytes,
                       uint32_t length);

/* Has the system take over what was added. False with errno. */
bool record_writer_flush(struct record_writer *writer);

/* Ends and closes the file. False with errno when something of it could not be written. */
bool record_writer_close(struct record_writer *writer, uint64_t offset_ns, uint64_t dropped);

struct record {
    uint64_t offset_ns;
    uint32_t length;
    const char *bytes; /* the reader's, until the next record; RECORD_SLACK_BYTES follow */
};

enum record_result {
    RECORD_DATAGRAM,
    RECORD_END,     /* the recording was ended; the reader has `dropped` and `end_ns` */
    RECORD_CUT,     /* the file ends without an end: broken off */
    RECORD_DAMAGED, /* `reason` says where and how */
};

struct record_reader {
    FILE *file;
    int64_t start_wall_ns;
    uint64_t end_ns; /* of the end, or of the latest datagram */
    uint64_t dropped;
    uint64_t position; /* bytes read so far */
    char reason[RECORD_REASON_MAX];
    char bytes[RECORD_BYTES_MAX + RECORD_SLACK_BYTES];
};

/* Opens a recording. False with the reason; nothing is to be closed then. */
bool record_reader_open(struct record_reader *reader, const char *path);

/* The next datagram, or why there is none. Offsets never decrease. */
enum record_result record_reader_next(struct record_reader *reader, struct record *record);

void record_reader_close(struct record_reader *reader);

#endif
