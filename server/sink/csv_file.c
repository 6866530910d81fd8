/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/number.h"
#include "server/core/log.h"
#include "server/core/require.h"
#include "server/sink/csv_closed.h"
#include "server/sink/csv_io.h"

/* A header of 32 percentiles stays far below. */
#define HEADER_BYTES_MAX 2048

/* The year 33658; what is above is no stamp of ours. */
#define STAMP_SECONDS_MAX 1e12

static bool fail(struct csv_file *file, const char *verb)
{
    int error = errno;
    snprintf(file->reason, sizeof(file->reason), "%s.csv: %s: %s", csv_kind_name(file->kind), verb,
             strerror(error));
    errno = error;
    return false;
}

bool csv_file_init(struct csv_file *file, const char *directory, enum csv_kind kind)
{
    *file = (struct csv_file){.kind = kind, .fd = -1, .last_ms = INT64_MIN};
    file->directory = strdup(directory);
    if (asprintf(&file->path, "%s/%s.csv", directory, csv_kind_name(kind)) < 0) {
        file->path = NULL;
    }
    if (!file->directory || !file->path) {
        csv_file_deinit(file);
        return false;
    }
    return true;
}

void csv_file_close(struct csv_file *file)
{
    if (file->fd >= 0) {
        csv_file_rollback(file);
        close(file->fd);
    }
    file->fd = -1;
    file->torn = false;
}

void csv_file_deinit(struct csv_file *file)
{
    csv_file_close(file);
    free(file->directory);
    free(file->path);
    buffer_deinit(&file->header);
    file->directory = NULL;
    file->path = NULL;
}

/* Cuts off what a crash left of a line; *end becomes the size. */
static bool mend_last_line(struct csv_file *file, uint64_t *end)
{
    uint64_t whole;
    if (!csv_io_find_line_end(file->fd, *end, &whole)) {
        return fail(file, "read");
    }
    if (whole == *end) {
        return true;
    }
    if (ftruncate(file->fd, (off_t)whole) != 0) {
        return fail(file, "truncate");
    }
    log_line(LOG_LEVEL_WARNING, "csv torn line cut off", "file", file->path, "bytes",
             log_text("%llu", (unsigned long long)(*end - whole)), NULL);
    *end = whole;
    return true;
}

/* Reads the stamp of the last row, which begins at `begin`; where it has none, the time of the last
 * change of the file stands in. */
static bool parse_last_stamp(struct csv_file *file, uint64_t begin)
{
    char text[NUMBER_TEXT_MAX];
    double seconds;
    struct stat status;
    uint64_t left = file->size - begin;
    size_t length = left < sizeof(text) ? (size_t)left : sizeof(text);
    if (!csv_io_read_at(file->fd, text, length, begin) || fstat(file->fd, &status) != 0) {
        return fail(file, "read");
    }
    const char *comma = memchr(text, ',', length);
    if (comma && number_parse(text, (size_t)(comma - text), &seconds) && seconds >= 0 &&
        seconds < STAMP_SECONDS_MAX) {
        file->last_ms = (int64_t)(seconds * 1000 + 0.5);
    } else {
        file->last_ms = (int64_t)status.st_mtim.tv_sec * 1000;
    }
    return true;
}

/* Notes what period a file of whole lines belongs to. */
static bool read_last_stamp(struct csv_file *file, size_t header_length)
{
    uint64_t begin = 0;
    file->last_ms = INT64_MIN;
    if (file->size <= header_length) {
        return true;
    }
    if (!csv_io_find_line_end(file->fd, file->size - 1, &begin)) {
        return fail(file, "read");
    }
    return parse_last_stamp(file, begin);
}

enum header_state { HEADER_SAME, HEADER_MISSING, HEADER_OLD, HEADER_FOREIGN, HEADER_UNREAD };

/* Compares what the file begins with against the header it should have. */
static enum header_state examine_header(const struct csv_file *file, const struct buffer *header,
                                        uint64_t size)
{
    static const char ours[] = CSV_HEADER_BEGIN;
    char begin[HEADER_BYTES_MAX];
    size_t length = header->length < size ? header->length : (size_t)size;
    REQUIRE(length <= sizeof(begin));
    if (!csv_io_read_at(file->fd, begin, length, 0)) {
        return HEADER_UNREAD;
    }
    if (memcmp(begin, header->bytes, length) == 0) {
        return length == header->length ? HEADER_SAME : HEADER_MISSING;
    }
    bool of_ours = length >= sizeof(ours) - 1 && memcmp(begin, ours, sizeof(ours) - 1) == 0;
    return of_ours ? HEADER_OLD : HEADER_FOREIGN;
}

static bool write_header(struct csv_file *file, const struct buffer *header)
{
    if (ftruncate(file->fd, 0) != 0) {
        return fail(file, "truncate");
    }
    file->size = 0;
    file->last_ms = INT64_MIN;
    file->torn = true;
    if (!csv_io_write(file->fd, header->bytes, header->length)) {
        fail(file, "write");
        csv_file_rollback(file);
        return false;
    }
    file->torn = false;
    file->size = header->length;
    return true;
}

/* Opens the path, or creates it with its folder, as a regular file with the mode asked for. */
static bool open_path(struct csv_file *file, const struct csv_settings *settings,
                      struct stat *status)
{
    int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    file->fd = open(file->path, flags, settings->mode);
    if (file->fd < 0 && errno == ENOENT && csv_io_make_directory(file->directory)) {
        file->fd = open(file->path, flags, settings->mode);
    }
    if (file->fd < 0 || fstat(file->fd, status) != 0) {
        return fail(file, "open");
    }
    if (!S_ISREG(status->st_mode)) {
        errno = EINVAL;
        return fail(file, "open: not a regular file");
    }
    if ((status->st_mode & 07777) != settings->mode && fchmod(file->fd, settings->mode) != 0 &&
        errno != EPERM) {
        return fail(file, "chmod");
    }
    file->device = status->st_dev;
    file->inode = status->st_ino;
    return true;
}

/* Gives the file its closed name and closes it. */
static bool rotate(struct csv_file *file, const struct csv_settings *settings, int64_t stamp_ms)
{
    char closed[PATH_MAX];
    if (settings->sync && fdatasync(file->fd) != 0) {
        return fail(file, "sync");
    }
    if (!csv_closed_find_free(file->directory, (int)file->kind, stamp_ms, closed, sizeof(closed)) ||
        rename(file->path, closed) != 0) {
        return fail(file, "rotate");
    }
    csv_file_close(file);
    file->rotations++;
    log_line(LOG_LEVEL_INFO, "csv rotated", "file", closed, NULL);
    return true;
}

/* Brings the file just opened into shape. *again is set when it had another header and was moved
 * away. */
static bool examine(struct csv_file *file, const struct csv_settings *settings,
                    const struct buffer *header, int64_t now_ms, uint64_t size, bool *again)
{
    if (size == 0) {
        return write_header(file, header);
    }
    switch (examine_header(file, header, size)) {
    case HEADER_UNREAD:
        return fail(file, "read");
    case HEADER_MISSING:
        return write_header(file, header);
    case HEADER_OLD:
        if (!mend_last_line(file, &size)) {
            return false;
        }
        if (size == 0) {
            return write_header(file, header);
        }
        *again = true;
        return rotate(file, settings, now_ms);
    case HEADER_FOREIGN:
        *again = true;
        return rotate(file, settings, now_ms);
    case HEADER_SAME:
        break;
    }
    if (!mend_last_line(file, &size)) {
        return false;
    }
    file->size = size;
    return read_last_stamp(file, header->length);
}

bool csv_file_open(struct csv_file *file, const struct csv_settings *settings,
                   const struct buffer *header, int64_t now_ms)
{
    struct stat status;
    bool again = false;
    csv_file_close(file);
    bool opened = open_path(file, settings, &status) &&
                  examine(file, settings, header, now_ms, (uint64_t)status.st_size, &again);
    if (opened && again) {
        /* What comes now was created a moment ago, so it is not moved away a second time. */
        again = false;
        opened = open_path(file, settings, &status) &&
                 examine(file, settings, header, now_ms, (uint64_t)status.st_size, &again) &&
                 !again;
    }
    if (opened) {
        file->header.length = 0;
        buffer_append(&file->header, header->bytes, header->length);
        errno = ENOMEM;
        opened = !file->header.failed || fail(file, "open");
        file->header.failed = false;
    }
    if (!opened) {
        int error = errno;
        csv_file_close(file);
        errno = error;
    }
    return opened;
}

/* True while the path still leads to the open file and nobody else has written to it or cut it. */
static bool is_current(const struct csv_file *file)
{
    struct stat status;
    return stat(file->path, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode && (uint64_t)status.st_size == file->size;
}

static bool has_header(const struct csv_file *file, const struct buffer *header)
{
    return file->header.length == header->length &&
           memcmp(file->header.bytes, header->bytes, header->length) == 0;
}

/* Whether the file has rows of a period before that of the stamp; *boundary_ms is where the period
 * of its last row ended. */
static bool is_old(const struct csv_file *file, uint64_t age_ms, int64_t stamp_ms,
                   int64_t *boundary_ms)
{
    if (age_ms == 0 || file->last_ms == INT64_MIN || stamp_ms < 0) {
        return false;
    }
    int64_t age = (int64_t)age_ms;
    *boundary_ms = (file->last_ms / age + 1) * age;
    return stamp_ms >= *boundary_ms;
}

bool csv_file_is_too_small(const struct csv_file *file, const struct csv_settings *settings,
                           uint64_t bytes)
{
    bool has_rows = file->last_ms != INT64_MIN;
    return settings->rotate_size_bytes > 0 && bytes > 0 && has_rows &&
           file->size + bytes > settings->rotate_size_bytes;
}

/* Moves the file away where a rule asks for it; *moved says whether. */
static bool rotate_when_due(struct csv_file *file, const struct csv_settings *settings,
                            const struct buffer *header, int64_t stamp_ms, uint64_t bytes,
                            bool *moved)
{
    int64_t name_ms = stamp_ms;
    *moved = is_old(file, settings->rotate_age_ms, stamp_ms, &name_ms) ||
             csv_file_is_too_small(file, settings, bytes) || !has_header(file, header);
    return !*moved || rotate(file, settings, name_ms);
}

bool csv_file_begin(struct csv_file *file, const struct csv_settings *settings,
                    const struct buffer *header, int64_t stamp_ms, uint64_t bytes)
{
    bool moved = false;
    csv_file_rollback(file);
    if (file->torn) {
        return fail(file, "truncate");
    }
    if ((file->fd < 0 || !is_current(file)) && !csv_file_open(file, settings, header, stamp_ms)) {
        return false;
    }
    if (!rotate_when_due(file, settings, header, stamp_ms, bytes, &moved) ||
        (moved && !csv_file_open(file, settings, header, stamp_ms))) {
        return false;
    }
    file->window_ms = stamp_ms;
    file->window_size = 0;
    return true;
}

void csv_file_rollback(struct csv_file *file)
{
    if (file->torn && csv_io_cut(file->fd, file->size)) {
        file->torn = false;
    }
    file->window_size = 0;
}

bool csv_file_append(struct csv_file *file, const char *bytes, size_t length)
{
    REQUIRE(file->fd >= 0);
    file->torn = true;
    if (!csv_io_write(file->fd, bytes, length)) {
        fail(file, "write");
        csv_file_rollback(file);
        return false;
    }
    file->window_size += length;
    return true;
}

bool csv_file_commit(struct csv_file *file, bool sync)
{
    if (file->window_size == 0) {
        return true;
    }
    if (sync && fdatasync(file->fd) != 0) {
        fail(file, "sync");
        csv_file_rollback(file);
        return false;
    }
    file->torn = false;
    file->size += file->window_size;
    file->last_ms = file->window_ms;
    file->window_size = 0;
    return true;
}
