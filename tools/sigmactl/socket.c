/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REFUSALS_MAX 16 /* of one datagram, before it is given up */

static int pending_error(int descriptor)
{
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/* Waits for a connection under way; 0 or an errno. */
static int finish_connect(int descriptor, int timeout_ms)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    int count;
    do {
        count = poll(&ready, 1, timeout_ms);
    } while (count < 0 && errno == EINTR);
    return count == 0 ? ETIMEDOUT : count < 0 ? errno : pending_error(descriptor);
}

/* The descriptor, or -1 with errno. The socket is non-blocking only while it connects, to bound
 * that. */
static int connect_address(const struct sockaddr *address, socklen_t length, int type,
                           int timeout_ms)
{
    int descriptor = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return -1;
    }
    int error = connect(descriptor, address, length) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        error = finish_connect(descriptor, timeout_ms);
    }
    if (error == 0 && fcntl(descriptor, F_SETFL, 0) < 0) {
        error = errno;
    }
    if (error != 0) {
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

static int connect_path(const struct endpoint *endpoint, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strnlen(endpoint->host, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, endpoint->host, length);
    int type = endpoint_is_stream(endpoint) ? SOCK_STREAM : SOCK_DGRAM;
    return connect_address((const struct sockaddr *)&address, sizeof(address), type, timeout_ms);
}

/* Over the addresses of one family, or of all for AF_UNSPEC. */
static int connect_family(const struct addrinfo *list, int family, int timeout_ms)
{
    int descriptor = -1;
    for (const struct addrinfo *at = list; at && descriptor < 0; at = at->ai_next) {
        if (family == AF_UNSPEC || at->ai_family == family) {
            descriptor = connect_address(at->ai_addr, at->ai_addrlen, at->ai_socktype, timeout_ms);
        }
    }
    return descriptor;
}

static int connect_host(const struct endpoint *endpoint, int timeout_ms,
                        char reason[SOCKET_REASON_MAX])
{
    bool stream = endpoint_is_stream(endpoint);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM,
                             .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list;
    int code = getaddrinfo(endpoint->host, endpoint->port, &hints, &list);
    if (code != 0) {
        const char *text = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
        snprintf(reason, SOCKET_REASON_MAX, "%s", text);
        return -1;
    }
    int descriptor = stream ? -1 : connect_family(list, AF_INET, timeout_ms);
    if (descriptor < 0) {
        descriptor = connect_family(list, AF_UNSPEC, timeout_ms);
    }
    if (descriptor < 0) {
        const char *text =
            errno == EACCES ? "a broadcast address, or not permitted" : strerror(errno);
        snprintf(reason, SOCKET_REASON_MAX, "%s", text);
    }
    freeaddrinfo(list);
    return descriptor;
}

int socket_connect(const struct endpoint *endpoint, int timeout_ms, char reason[SOCKET_REASON_MAX])
{
    if (endpoint->transport == ENDPOINT_UDP || endpoint->transport == ENDPOINT_TCP) {
        return connect_host(endpoint, timeout_ms, reason);
    }
    int descriptor = connect_path(endpoint, timeout_ms);
    if (descriptor < 0) {
        snprintf(reason, SOCKET_REASON_MAX, "%s", strerror(errno));
    }
    return descriptor;
}

bool socket_peer_is_unicast(int descriptor)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    if (getpeername(descriptor, (struct sockaddr *)&address, &length) < 0) {
        return false;
    }
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *peer = (const struct sockaddr_in *)&address;
        return !IN_MULTICAST(ntohl(peer->sin_addr.s_addr));
    }
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *peer = (const struct sockaddr_in6 *)&address;
        return !IN6_IS_ADDR_MULTICAST(&peer->sin6_addr);
    }
    return true;
}

bool socket_send(int descriptor, const char *bytes, size_t length, bool *refused)
{
    for (int refusals = 0; length > 0;) {
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (errno == ECONNREFUSED && ++refusals < REFUSALS_MAX) {
            *refused = true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool socket_was_refused(int descriptor)
{
    return pending_error(descriptor) == ECONNREFUSED;
}
