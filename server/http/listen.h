/* SPDX-License-Identifier: MIT
 *
 * Listening sockets for the addresses of http.listen. Nothing of HTTP in here. Blocks while a name
 * is looked up, so only at start.
 */
#ifndef SERVER_HTTP_LISTEN_H
#define SERVER_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_TEXT_MAX 64

/* Opens a non-blocking listening socket on `text`: `127.0.0.1:9102`, `[::1]:0`, `name:9102` (the
 * first address of that name), `:9102` (every address, of both families where there is IPv6).
 * Returns it, the caller's to close, or -1 with the reason: the address and what the system says.
 */
int listen_open(const char *text, char *reason, size_t reason_size);

/* The bound address, `127.0.0.1:9102` or `[::1]:9102`. */
void listen_address(int fd, char out[LISTEN_TEXT_MAX]);

/* True for a socket that is bound to a loopback address. */
bool listen_is_loopback(int fd);

#endif
