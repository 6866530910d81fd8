/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much is read at once where the end of a line is looked for. */
#define TAIL_BYTES 16384

bool csv_io_write(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return false;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

bool csv_io_read_at(int fd, char *bytes, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t count = pread(fd, bytes, length, (off_t)offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            errno = count == 0 ? EIO : errno;
            return false;
        }
        bytes += count;
        length -= (size_t)count;
        offset += (uint64_t)count;
    }
    return true;
}

bool csv_io_find_line_end(int fd, uint64_t end, uint64_t *found)
{
    char block[TAIL_BYTES];
    *found = 0;
    while (end > 0) {
        size_t length = end < sizeof(block) ? (size_t)end : sizeof(block);
        if (!csv_io_read_at(fd, block, length, end - length)) {
            return false;
        }
        const char *lf = memrchr(block, '\n', length);
        if (lf) {
            *found = end - length + (uint64_t)(lf - block) + 1;
            return true;
        }
        end -= length;
    }
    return true;
}

bool csv_io_cut(int fd, uint64_t size)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return false;
    }
    return (uint64_t)status.st_size <= size || ftruncate(fd, (off_t)size) == 0;
}

static bool make_one(const char *path)
{
    struct stat status;
    if (mkdir(path, 0755) == 0) {
        return true;
    }
    if (errno == EEXIST && stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
    }
    return errno == EEXIST;
}

bool csv_io_make_directory(const char *path)
{
    if (make_one(path)) {
        return true;
    }
    char *above = errno == ENOENT ? strdup(path) : NULL;
    if (!above) {
        return false;
    }
    bool made = true;
    for (char *at = above + 1; made && *at; at++) {
        if (*at == '/') {
            *at = '\0';
            made = make_one(above);
            *at = '/';
        }
    }
    int error = errno;
    free(above);
    errno = error;
    return made && make_one(path);
}

bool csv_io_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool synced = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return synced;
}
