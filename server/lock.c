/* SPDX-License-Identifier: MIT */
#include "server/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_directories(const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s", directory) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            return false;
        }
        *slash = '/';
    }
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static void name_holder(int fd, const char *directory, char *reason, size_t reason_size)
{
    char holder[32] = "";
    ssize_t got = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[strcspn(holder, "\n")] = '\0';
    if (got > 0 && holder[0]) {
        snprintf(reason, reason_size, "%s: another sigmad (process %s) holds this directory",
                 directory, holder);
    } else {
        snprintf(reason, reason_size, "%s: another sigmad holds this directory", directory);
    }
}

int lock_take(const char *directory, char *reason, size_t reason_size)
{
    char path[PATH_MAX];
    if (!make_directories(directory) ||
        snprintf(path, sizeof(path), "%s/.lock", directory) >= (int)sizeof(path)) {
        snprintf(reason, reason_size, "%s: %s", directory, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        snprintf(reason, reason_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        name_holder(fd, directory, reason, reason_size);
        close(fd);
        return -1;
    }
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length) {
        /* The lock is what counts; without a name the refusal of another server is less helpful. */
        return fd;
    }
    return fd;
}
