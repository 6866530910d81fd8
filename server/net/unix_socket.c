/* SPDX-License-Identifier: MIT */
#include "server/net/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE_USUAL 512

static bool set_path(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, length);
    return true;
}

/* Removes a socket that nobody has open: only then is a connection refused. True when the path is
 * free afterwards; else errno says why it is not. */
static bool clear_path(const struct sockaddr_un *address, int type)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(status.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int probe = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool taken = probe < 0 ||
                 connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                 errno != ECONNREFUSED;
    if (probe >= 0) {
        close(probe);
    }
    if (taken) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->sun_path) == 0;
}

static bool find_group(const char *name, gid_t *group)
{
    const struct group *entry = getgrnam(name);
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    *group = entry ? entry->gr_gid : (gid_t)number;
    return entry || (name[0] >= '0' && name[0] <= '9' && *end == '\0');
}

/* Closed to everybody until the group is right. */
static bool bind_closed(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0777);
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    int error = errno;
    umask(before);
    errno = error;
    return bound;
}

/* Tells the reason where it is not for errno to tell. */
static bool set_access(const struct unix_socket_options *options, char *reason, size_t reason_size)
{
    gid_t group;
    if (options->group && !find_group(options->group, &group)) {
        snprintf(reason, reason_size, "unix %s: there is no group %s", options->path,
                 options->group);
        return false;
    }
    if ((options->group && lchown(options->path, (uid_t)-1, group) != 0) ||
        chmod(options->path, options->mode) != 0) {
        snprintf(reason, reason_size, "unix %s: its group or mode cannot be set: %s", options->path,
                 strerror(errno));
        return false;
    }
    return true;
}

static bool finish(int fd, const struct unix_socket_options *options, struct unix_socket_file *file,
                   char *reason, size_t reason_size)
{
    struct stat status;
    if (!set_access(options, reason, reason_size)) {
        return false;
    }
    if (lstat(options->path, &status) != 0 ||
        (options->type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0)) {
        snprintf(reason, reason_size, "unix %s: %s", options->path, strerror(errno));
        return false;
    }
    *file = (struct unix_socket_file){status.st_dev, status.st_ino};
    return true;
}

int unix_socket_open(const struct unix_socket_options *options, struct unix_socket_file *file,
                     char *reason, size_t reason_size)
{
    struct sockaddr_un address;
    int fd = -1;
    if (!set_path(&address, options->path) || !clear_path(&address, options->type) ||
        (fd = socket(AF_UNIX, options->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0 ||
        !bind_closed(fd, &address)) {
        snprintf(reason, reason_size, "unix %s: %s", options->path,
                 errno == EEXIST       ? "something else than a socket is there"
                 : errno == EADDRINUSE ? "somebody listens there"
                                       : strerror(errno));
    } else if (finish(fd, options, file, reason, reason_size)) {
        return fd;
    } else {
        unlink(options->path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

void unix_socket_remove(const char *path, const struct unix_socket_file *file)
{
    struct stat status;
    if (lstat(path, &status) == 0 && status.st_dev == file->device &&
        status.st_ino == file->inode) {
        unlink(path);
    }
}

size_t unix_socket_queue_max(void)
{
    FILE *file = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
    char text[32] = "";
    bool read = file && fgets(text, sizeof(text), file);
    if (file) {
        fclose(file);
    }
    return (read ? strtoul(text, NULL, 10) : QUEUE_USUAL) + 1;
}

bool unix_socket_close_gate(int fd)
{
    return shutdown(fd, SHUT_RD) == 0;
}
