/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/record_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "SIGMAREC"
#define MAGIC_BYTES 8
/* A later version may have a longer header, but not an endless one. */
#define HEADER_BYTES_MAX 4096

enum kind { KIND_DATAGRAM = 1, KIND_END = 2 };

static void put_u32(char *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof(value));
}

static void put_u64(char *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof(value));
}

static uint32_t get_u32(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return le32toh(value);
}

static uint64_t get_u64(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

static bool write_bytes(struct record_writer *writer, const char *bytes, size_t length)
{
    if (length > 0 && fwrite(bytes, 1, length, writer->file) != length) {
        return false;
    }
    writer->bytes += length;
    return true;
}

bool record_writer_open(struct record_writer *writer, const char *path, int64_t start_wall_ns)
{
    char header[RECORD_HEADER_BYTES] = MAGIC;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    *writer = (struct record_writer){.file = fd < 0 ? NULL : fdopen(fd, "wb")};
    if (!writer->file) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    put_u32(header + MAGIC_BYTES, RECORD_VERSION);
    put_u32(header + MAGIC_BYTES + 4, RECORD_HEADER_BYTES);
    put_u64(header + MAGIC_BYTES + 8, (uint64_t)start_wall_ns);
    if (!write_bytes(writer, header, sizeof(header)) || !record_writer_flush(writer)) {
        int error = errno;
        fclose(writer->file);
        errno = error;
        return false;
    }
    return true;
}

static bool write_record(struct record_writer *writer, enum kind kind, uint64_t offset_ns,
                         const char *bytes, uint32_t length)
{
    char head[RECORD_HEAD_BYTES];
    put_u32(head, length);
    put_u32(head + 4, kind);
    put_u64(head + 8, offset_ns);
    return write_bytes(writer, head, sizeof(head)) && write_bytes(writer, bytes, length);
}

bool record_writer_add(struct record_writer *writer, uint64_t offset_ns, const char *bytes,
                       uint32_t length)
{
    return write_record(writer, KIND_DATAGRAM, offset_ns, bytes, length);
}

bool record_writer_flush(struct record_writer *writer)
{
    return fflush(writer->file) == 0;
}

bool record_writer_close(struct record_writer *writer, uint64_t offset_ns, uint64_t dropped)
{
    char end[RECORD_END_BYTES];
    put_u64(end, dropped);
    bool written = write_record(writer, KIND_END, offset_ns, end, sizeof(end));
    int error = errno;
    bool closed = fclose(writer->file) == 0;
    errno = written ? errno : error;
    return written && closed;
}

static bool refuse(struct record_reader *reader, const char *reason)
{
    snprintf(reader->reason, sizeof(reader->reason), "%s", reason);
    return false;
}

static bool read_bytes(struct record_reader *reader, char *out, size_t length)
{
    size_t got = fread(out, 1, length, reader->file);
    reader->position += got;
    return got == length;
}

static bool read_header(struct record_reader *reader)
{
    char header[RECORD_HEADER_BYTES];
    if (!read_bytes(reader, header, sizeof(header)) || memcmp(header, MAGIC, MAGIC_BYTES) != 0) {
        return refuse(reader, "is no recording of sigmactl record");
    }
    uint32_t version = get_u32(header + MAGIC_BYTES);
    uint32_t length = get_u32(header + MAGIC_BYTES + 4);
    if (version != RECORD_VERSION || length < RECORD_HEADER_BYTES || length > HEADER_BYTES_MAX) {
        snprintf(reader->reason, sizeof(reader->reason),
                 "is of version %u, of which this program knows nothing", version);
        return false;
    }
    reader->start_wall_ns = (int64_t)get_u64(header + MAGIC_BYTES + 8);
    return read_bytes(reader, reader->bytes, length - RECORD_HEADER_BYTES) ||
           refuse(reader, "ends in its header");
}

bool record_reader_open(struct record_reader *reader, const char *path)
{
    memset(reader, 0, sizeof(*reader));
    reader->file = fopen(path, "rbe");
    if (!reader->file) {
        return refuse(reader, strerror(errno));
    }
    if (!read_header(reader)) {
        fclose(reader->file);
        return false;
    }
    return true;
}

static enum record_result damaged(struct record_reader *reader, uint64_t at, const char *what)
{
    snprintf(reader->reason, sizeof(reader->reason), "is damaged at byte %llu: %s",
             (unsigned long long)at, what);
    return RECORD_DAMAGED;
}

enum record_result record_reader_next(struct record_reader *reader, struct record *record)
{
    for (;;) {
        char head[RECORD_HEAD_BYTES];
        uint64_t at = reader->position;
        if (!read_bytes(reader, head, sizeof(head))) {
            return RECORD_CUT;
        }
        *record = (struct record){
            .offset_ns = get_u64(head + 8), .length = get_u32(head), .bytes = reader->bytes};
        uint32_t kind = get_u32(head + 4);
        if (record->length > RECORD_BYTES_MAX) {
            return damaged(reader, at, "a record is longer than any datagram");
        }
        if (record->offset_ns < reader->end_ns || record->offset_ns > INT64_MAX / 2) {
            return damaged(reader, at, "a record is from before the one in front of it");
        }
        if (!read_bytes(reader, reader->bytes, record->length)) {
            return RECORD_CUT;
        }
        memset(reader->bytes + record->length, 0, RECORD_SLACK_BYTES);
        reader->end_ns = record->offset_ns;
        if (kind == KIND_END && record->length >= RECORD_END_BYTES) {
            reader->dropped = get_u64(reader->bytes);
            return RECORD_END;
        }
        if (kind == KIND_DATAGRAM) {
            return RECORD_DATAGRAM;
        }
    }
}

void record_reader_close(struct record_reader *reader)
{
    fclose(reader->file);
}
