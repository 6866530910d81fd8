/* SPDX-License-Identifier: MIT */
#include "config/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t config_read_small_file(const char *path, char *out, size_t size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    ssize_t length = -1;
    if (fstat(fd, &status) == 0) {
        if (S_ISREG(status.st_mode))
            length = read(fd, out, size);
        else
            errno = EINVAL;
    }
    int error = errno;
    close(fd);
    errno = error;
    if (length < (ssize_t)size)
        return length;
    errno = EFBIG;
    return -1;
}
