/* SPDX-License-Identifier: MIT */
#include "server/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/sink/csv_io.h"

#define MODE 0640

static bool fail(int error)
{
    errno = error;
    return false;
}

static bool read_all(int fd, struct buffer *out)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(EINVAL);
    }
    if (status.st_size > STATE_FILE_BYTES_MAX) {
        return fail(EFBIG);
    }
    size_t length = (size_t)status.st_size;
    char *room = buffer_room(out, length + 1);
    if (!room) {
        return fail(ENOMEM);
    }
    if (length > 0 && !csv_io_read_at(fd, room, length, 0)) {
        return false;
    }
    out->length += length;
    return true;
}

bool state_file_read(const char *path, struct buffer *out)
{
    /* Without O_NONBLOCK a FIFO in its place would hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    bool read = read_all(fd, out);
    int error = errno;
    close(fd);
    return read || fail(error);
}

static bool beside(char other[PATH_MAX], const char *path, const char *ending)
{
    return snprintf(other, PATH_MAX, "%s%s", path, ending) < PATH_MAX || fail(ENAMETOOLONG);
}

static bool write_synced(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
    if (fd < 0) {
        return false;
    }
    bool written = csv_io_write(fd, bytes, length) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    return written || fail(error);
}

bool state_file_write(const char *path, const char *bytes, size_t length)
{
    char other[PATH_MAX], folder[PATH_MAX];
    if (!beside(other, path, ".tmp")) {
        return false;
    }
    state_file_folder(folder, path);
    if (!write_synced(other, bytes, length) || rename(other, path) != 0) {
        int error = errno;
        unlink(other);
        return fail(error);
    }
    return csv_io_sync_directory(folder);
}

bool state_file_set_aside(const char *path)
{
    char other[PATH_MAX];
    return beside(other, path, ".bad") && rename(path, other) == 0;
}

void state_file_folder(char folder[PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    snprintf(folder, PATH_MAX, "%.*s", slash ? (int)length : 1, slash ? path : ".");
}
