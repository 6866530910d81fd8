/* SPDX-License-Identifier: MIT
 *
 * Who holds a UDP port: for the message of a refused start. Reads /proc; what it may not see it
 * does not say.
 */
#ifndef SERVER_NET_HOLDER_H
#define SERVER_NET_HOLDER_H

#include <stddef.h>

#include "server/net/address.h"

/* Appends " (held by NAME, process PID)" to the text when a process with a UDP socket on this port
 * is found. */
void holder_append(const struct address *address, char *text, size_t text_size);

#endif
