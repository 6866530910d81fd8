/* SPDX-License-Identifier: MIT */
#include "server/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128
#define HOST_MAX 256

/* Splits at the last colon; brackets go. False when there is no port. */
static bool split(const char *text, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (!colon || length >= HOST_MAX) {
        return false;
    }
    size_t bracket = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    memcpy(host, text + bracket, length - 2 * bracket);
    host[length - 2 * bracket] = '\0';
    *port = colon + 1;
    return true;
}

/* Returns the socket, or -1 with errno. */
static int open_socket(const struct addrinfo *info, bool both_families)
{
    int on = 1;
    int only = !both_families;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (info->ai_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0) &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Returns what getaddrinfo() does; the socket, or -1 with errno, in *fd. */
static int open_node(const char *node, const char *port, bool both_families, int *fd)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(node, port, &hints, &found);
    *fd = failed ? -1 : open_socket(found, both_families);
    if (found) {
        int error = errno;
        freeaddrinfo(found);
        errno = error;
    }
    return failed;
}

int listen_open(const char *text, char *reason, size_t reason_size)
{
    char host[HOST_MAX];
    const char *port;
    int fd;
    if (!split(text, host, &port)) {
        snprintf(reason, reason_size, "http.listen %s: not of the form host:port", text);
        return -1;
    }
    bool every = host[0] == '\0';
    int failed = open_node(every ? "::" : host, port, every, &fd);
    if (every && fd < 0 && (failed || errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        failed = open_node("0.0.0.0", port, false, &fd);
    }
    if (fd < 0) {
        snprintf(reason, reason_size, "http.listen %s: %s", text,
                 failed ? gai_strerror(failed) : strerror(errno));
    }
    return fd;
}

static bool bound_to(int fd, struct sockaddr_in6 *v6, struct sockaddr_in *v4)
{
    struct sockaddr_storage storage = {0};
    socklen_t length = sizeof(storage);
    if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0) {
        return false;
    }
    memcpy(v6, &storage, sizeof(*v6));
    memcpy(v4, &storage, sizeof(*v4));
    return true;
}

void listen_address(int fd, char out[LISTEN_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    if (!bound_to(fd, &v6, &v4)) {
        snprintf(out, LISTEN_TEXT_MAX, "unknown");
    } else if (v4.sin_family == AF_INET) {
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
        snprintf(out, LISTEN_TEXT_MAX, "%s:%u", host, ntohs(v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
        snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u", host, ntohs(v6.sin6_port));
    }
}

bool listen_is_loopback(int fd)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    if (!bound_to(fd, &v6, &v4)) {
        return false;
    }
    return v4.sin_family == AF_INET ? ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
                                    : IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}
