/* SPDX-License-Identifier: MIT */
#include "server/activation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

static long variable(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || *text == '\0') {
        return -1;
    }
    long value = strtol(text, &end, 10);
    return *end == '\0' ? value : -1;
}

static int option(int fd, int which)
{
    int value = -1;
    socklen_t length = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, which, &value, &length) == 0 ? value : -1;
}

/* TRANSPORTS for what is none. */
static enum transport transport_of(int fd)
{
    int domain = option(fd, SO_DOMAIN);
    int type = option(fd, SO_TYPE);
    bool internet = domain == AF_INET || domain == AF_INET6;
    if ((!internet && domain != AF_UNIX) ||
        (type == SOCK_STREAM && option(fd, SO_ACCEPTCONN) != 1)) {
        return TRANSPORTS;
    }
    switch (type) {
    case SOCK_DGRAM:
        return internet ? TRANSPORT_UDP : TRANSPORT_UNIX;
    case SOCK_STREAM:
        return internet ? TRANSPORT_TCP : TRANSPORT_UNIX_STREAM;
    default:
        return TRANSPORTS;
    }
}

/* The name of a socket in LISTEN_FDNAMES, which are parted by colons; "" where it has none. */
static void find_name(long index, char *out, size_t out_size)
{
    const char *names = getenv("LISTEN_FDNAMES");
    out[0] = '\0';
    for (; names && index > 0; index--) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    if (names) {
        snprintf(out, out_size, " (%.*s)", (int)strcspn(names, ":"), names);
    }
}

static bool take_socket(struct activation *activation, long index, char *reason, size_t reason_size)
{
    int fd = FIRST_FD + (int)index;
    enum transport transport = transport_of(fd);
    if (transport == TRANSPORTS) {
        char name[128];
        find_name(index, name, sizeof(name));
        snprintf(
            reason, reason_size,
            "LISTEN_FDS: descriptor %d%s is neither a datagram socket nor a stream socket that "
            "listens",
            fd, name);
        return false;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    activation->sockets[activation->count].fd = fd;
    activation->sockets[activation->count].transport = transport;
    activation->count++;
    return true;
}

bool activation_take(struct activation *activation, char *reason, size_t reason_size)
{
    long count = variable("LISTEN_PID") == (long)getpid() ? variable("LISTEN_FDS") : 0;
    bool taken = count <= ACTIVATION_SOCKETS_MAX;
    activation->count = 0;
    if (!taken) {
        snprintf(reason, reason_size, "LISTEN_FDS: more than %d sockets", ACTIVATION_SOCKETS_MAX);
    }
    for (long i = 0; i < count && taken; i++) {
        taken = take_socket(activation, i, reason, reason_size);
    }
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    return taken;
}

bool activation_has(const struct activation *activation, enum transport transport)
{
    for (size_t i = 0; i < activation->count; i++) {
        if (activation->sockets[i].transport == transport) {
            return true;
        }
    }
    return false;
}
