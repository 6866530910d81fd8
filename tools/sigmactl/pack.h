/* SPDX-License-Identifier: MIT
 *
 * Puts lines into datagrams, in order: each as full as its bound allows, lines parted by LF. On a
 * stream the same pieces end with an LF. Sends on a socket that it does not own; one thread.
 */
#ifndef TOOLS_SIGMACTL_PACK_H
#define TOOLS_SIGMACTL_PACK_H

#include <stdbool.h>
#include <stddef.h>

/* The largest payload of UDP over IPv4. */
#define PACK_BYTES_MAX 65507

/* What fits an Ethernet frame with room for tunnels; the usual size of StatsD clients. */
#define PACK_BYTES_DEFAULT 1432

struct pack {
    int descriptor;
    bool stream;
    bool refused;     /* a datagram was answered with a refusal */
    size_t bytes_max; /* up to PACK_BYTES_MAX, without the LF that ends it on a stream */
    size_t length;
    char bytes[PACK_BYTES_MAX + 1];
};

/* Adds a line of at most bytes_max bytes without its LF; sends what was gathered before where both
 * do not fit. False with errno when that could not be sent. */
bool pack_add(struct pack *pack, const char *line, size_t length);

/* Sends what is gathered, if anything. False with errno when it could not be sent. */
bool pack_flush(struct pack *pack);

#endif
