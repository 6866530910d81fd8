/* SPDX-License-Identifier: MIT
 *
 * The sockets of all workers: for every address of server.udp one a worker, opened together so that
 * a port in use is refused before anything is begun.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct listeners {
    int *fds; /* workers times addresses, worker by worker */
    size_t address_count;
    size_t worker_count;
};

/* False, with the reason and nothing left open, when an address cannot be used. Logs a receive
 * buffer that was granted smaller than asked for, with the setting that mends it. */
bool listeners_open(struct listeners *listeners, const struct config *config, char *reason,
                    size_t reason_size);

/* The sockets of one worker, address_count of them. Whoever serves them closes them. */
const int *listeners_of(const struct listeners *listeners, size_t worker);

/* The bound addresses, comma-separated. */
void listeners_addresses(const struct listeners *listeners, char *out, size_t out_size);

/* Frees the list, not the sockets. */
void listeners_deinit(struct listeners *listeners);

#endif
