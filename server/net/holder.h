/* SPDX-License-Identifier: MIT
 *
 * Who holds a UDP or TCP port: for the message of a refused start. Reads /proc; what it may not see
 * it does not say.
 */
#ifndef SERVER_NET_HOLDER_H
#define SERVER_NET_HOLDER_H

#include <stddef.h>

#include "server/net/address.h"

/* Appends " (held by NAME, process PID)" to the text when a process with a socket of this type
 * (SOCK_DGRAM, SOCK_STREAM) on this port is found. */
void holder_append(const struct address *address, int type, char *text, size_t text_size);

#endif
