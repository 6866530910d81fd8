/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as text: "127.0.0.1:8125", "[::1]:8125", "localhost:8125", ":8125" (every
 * address, both families where the system has them).
 */
#ifndef SERVER_NET_ADDRESS_H
#define SERVER_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 64

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
    bool any; /* ":port": both families through one socket */
};

/* False, with the reason, when the text names no address. */
bool address_resolve(const char *text, int socket_type, struct address *address, char *reason,
                     size_t reason_size);

/* Writes "host:port", IPv6 in brackets, an IPv4 address in IPv6 clothes as IPv4; "unix:PATH", cut
 * where it is too long, or "unix" of a socket without a name. */
void address_format(const struct sockaddr *sockaddr, char out[ADDRESS_TEXT_MAX]);

/* Whether what is sent to the address comes to a socket of this machine that is bound so: the same
 * host and port, or a loopback address where the socket takes every address of its family. */
bool address_reaches(const struct address *address, const struct sockaddr_storage *bound);

#endif
