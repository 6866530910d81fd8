/* SPDX-License-Identifier: MIT */
#include "server/net/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* SO_REUSEADDR passes over connections of before that are still being forgotten (TIME_WAIT), not
 * over another server that listens. */
int tcp_listen(const struct address *address, char *reason, size_t reason_size)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, only = !address->any;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0) &&
        bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 &&
        listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    char text[ADDRESS_TEXT_MAX];
    address_format((const struct sockaddr *)&address->storage, text);
    snprintf(reason, reason_size, "tcp %s: %s", text, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

void tcp_watch_peer(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}
