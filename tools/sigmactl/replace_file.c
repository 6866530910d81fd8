/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mode that the new file is to have. */
static mode_t mode_for(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        return status.st_mode & 07777;
    }
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0;
}

bool replace_file(const char *path, const char *bytes, size_t length)
{
    char resolved[PATH_MAX], beside[PATH_MAX + 8];
    if (realpath(path, resolved)) {
        path = resolved;
    }
    if (strlen(path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool written = write_all(fd, bytes, length) && fchmod(fd, mode_for(path)) == 0;
    written = close(fd) == 0 && written;
    written = written && rename(beside, path) == 0;
    if (!written) {
        int error = errno;
        unlink(beside);
        errno = error;
    }
    return written;
}
