/* SPDX-License-Identifier: MIT
 *
 * Client sockets: looking a target up, connecting, sending whole datagrams or bytes of a stream.
 * Blocking, one thread a socket. Datagram sockets are connected, so that a refusal (ICMP port
 * unreachable) comes back; Linux tells it by the next call on the socket, which then does nothing
 * else.
 */
#ifndef TOOLS_SIGMACTL_SOCKET_H
#define TOOLS_SIGMACTL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/endpoint.h"

#define SOCKET_REASON_MAX 256

/* Connects to the first address that answers within `timeout_ms` each; for UDP, where nothing
 * answers, IPv4 goes first where a name has both, because clients and servers of StatsD default to
 * it. Returns the descriptor (blocking, close-on-exec), to be closed by the caller, or -1 with the
 * reason. */
int socket_connect(const struct endpoint *endpoint, int timeout_ms, char reason[SOCKET_REASON_MAX]);

/* True where the peer is one receiver: no IPv4 or IPv6 multicast group. (To broadcast addresses the
 * system does not connect.) */
bool socket_peer_is_unicast(int descriptor);

/* Sends one datagram, or all of the bytes on a stream. A datagram that was not sent because an
 * earlier one had been refused is sent again, and *refused set. False with errno where it cannot be
 * sent. */
bool socket_send(int descriptor, const char *bytes, size_t length, bool *refused);

/* True once where a datagram sent before was refused and no call has told it yet. */
bool socket_was_refused(int descriptor);

#endif
