/* SPDX-License-Identifier: MIT
 *
 * Where to send to, as text and as parts: `host:port`, `[::1]:8125`, `udp://…`, `tcp://…`,
 * `unix:///path` (datagrams), `unix-stream:///path`, each also without the slashes. Only the form
 * is judged here; names are looked up by socket.h. Pure functions, no allocation.
 */
#ifndef TOOLS_SIGMACTL_ENDPOINT_H
#define TOOLS_SIGMACTL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#define ENDPOINT_HOST_MAX 256
#define ENDPOINT_TEXT_MAX (ENDPOINT_HOST_MAX + 32)

enum endpoint_transport {
    ENDPOINT_UDP,
    ENDPOINT_TCP,
    ENDPOINT_UNIX, /* datagrams */
    ENDPOINT_UNIX_STREAM,
};

struct endpoint {
    enum endpoint_transport transport;
    char host[ENDPOINT_HOST_MAX]; /* name or address without brackets; the path of a Unix socket */
    char port[6];                 /* empty for a Unix socket */
};

/* Reads an endpoint. Without a scheme `transport` is taken, without a port `port`, and an empty
 * host is the local machine. NULL when it is one, else what is wrong with the text, as the end of a
 * sentence. */
const char *endpoint_parse(const char *text, enum endpoint_transport transport, const char *port,
                           struct endpoint *endpoint);

/* True where lines are parted by LF only, because the transport keeps no message boundaries. */
bool endpoint_is_stream(const struct endpoint *endpoint);

/* The text form with its scheme, as in `udp://[::1]:8125`. */
void endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX]);

#endif
