/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "server/sink/csv_io.h"

#define BLOCK_BYTES (64 * 1024)

/* Rows repeat themselves so much that higher levels cost several times the CPU for a few percent.
 */
#define LEVEL 4

/* 15 bits of window, and 16 for the gzip format (zlib.h, deflateInit2). */
#define GZIP_WINDOW_BITS (15 + 16)

/* The result is synced this often, so that the last sync is never a long one. */
#define SYNC_BYTES (4 * 1024 * 1024)

struct csv_gzip {
    z_stream stream;
    bool stream_ready;
    int from, to;
    uint64_t bytes;    /* written */
    uint64_t unsynced; /* of these */
    struct timespec times[2];
    unsigned char in[BLOCK_BYTES];
    unsigned char out[BLOCK_BYTES];
};

static bool open_files(struct csv_gzip *gzip, const char *from, const char *to, unsigned mode)
{
    struct stat status;
    gzip->from = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (gzip->from < 0 || fstat(gzip->from, &status) != 0) {
        return false;
    }
    gzip->times[0] = status.st_atim;
    gzip->times[1] = status.st_mtim;
    gzip->to = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    return gzip->to >= 0 && (fchmod(gzip->to, mode) == 0 || errno == EPERM);
}

struct csv_gzip *csv_gzip_new(const char *from, const char *to, unsigned mode)
{
    struct csv_gzip *gzip = calloc(1, sizeof(*gzip));
    if (!gzip) {
        return NULL;
    }
    gzip->from = gzip->to = -1;
    bool opened = open_files(gzip, from, to, mode);
    if (opened && deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                               Z_DEFAULT_STRATEGY) == Z_OK) {
        gzip->stream_ready = true;
        return gzip;
    }
    int error = opened ? ENOMEM : errno;
    csv_gzip_free(gzip);
    errno = error;
    return NULL;
}

void csv_gzip_free(struct csv_gzip *gzip)
{
    if (!gzip) {
        return;
    }
    if (gzip->stream_ready) {
        deflateEnd(&gzip->stream);
    }
    if (gzip->from >= 0) {
        close(gzip->from);
    }
    if (gzip->to >= 0) {
        close(gzip->to);
    }
    free(gzip);
}

uint64_t csv_gzip_bytes(const struct csv_gzip *gzip)
{
    return gzip->bytes;
}

static bool sync_result(struct csv_gzip *gzip)
{
    gzip->unsynced = 0;
    return fdatasync(gzip->to) == 0;
}

static bool write_block(struct csv_gzip *gzip)
{
    size_t length = BLOCK_BYTES - gzip->stream.avail_out;
    if (!csv_io_write(gzip->to, (const char *)gzip->out, length)) {
        return false;
    }
    gzip->bytes += length;
    gzip->unsynced += length;
    return gzip->unsynced < SYNC_BYTES || sync_result(gzip);
}

/* Compresses what is in the stream's input; with Z_FINISH also what zlib still holds. */
static bool deflate_block(struct csv_gzip *gzip, int flush)
{
    do {
        gzip->stream.next_out = gzip->out;
        gzip->stream.avail_out = BLOCK_BYTES;
        deflate(&gzip->stream, flush);
        if (!write_block(gzip)) {
            return false;
        }
    } while (gzip->stream.avail_out == 0);
    return true;
}

static bool finish(struct csv_gzip *gzip)
{
    return deflate_block(gzip, Z_FINISH) &&
           (futimens(gzip->to, gzip->times) == 0 || errno == EPERM) && fsync(gzip->to) == 0;
}

enum csv_gzip_state csv_gzip_step(struct csv_gzip *gzip, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = read(gzip->from, gzip->in, BLOCK_BYTES);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count == 0) {
            return finish(gzip) ? CSV_GZIP_DONE : CSV_GZIP_FAILED;
        }
        gzip->stream.next_in = gzip->in;
        gzip->stream.avail_in = count < 0 ? 0 : (unsigned)count;
        if (count < 0 || !deflate_block(gzip, Z_NO_FLUSH)) {
            return CSV_GZIP_FAILED;
        }
        done += (size_t)count;
    }
    return CSV_GZIP_MORE;
}

bool csv_gzip_is_of_size(const char *path, uint64_t original_bytes)
{
    unsigned char head[2];
    unsigned char size[4];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    bool read =
        fstat(fd, &status) == 0 && status.st_size >= 18 &&
        csv_io_read_at(fd, (char *)head, sizeof(head), 0) &&
        csv_io_read_at(fd, (char *)size, sizeof(size), (uint64_t)status.st_size - sizeof(size));
    close(fd);
    uint32_t low = read ? (uint32_t)size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 |
                              (uint32_t)size[3] << 24
                        : 0;
    return read && head[0] == 0x1f && head[1] == 0x8b && low == (uint32_t)original_bytes;
}
