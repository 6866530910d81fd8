/* SPDX-License-Identifier: MIT
 *
 * TCP sockets: opening them to listen, so that two servers never share a port.
 */
#ifndef SERVER_NET_TCP_H
#define SERVER_NET_TCP_H

#include <stddef.h>

#include "server/net/address.h"

/* Returns the descriptor, or -1 with the reason. */
int tcp_listen(const struct address *address, char *reason, size_t reason_size);

/* Has the kernel look after a silent peer, so that a connection whose peer has gone is told. */
void tcp_watch_peer(int fd);

#endif
