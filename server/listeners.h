/* SPDX-License-Identifier: MIT
 *
 * The sockets by which StatsD comes in, dealt out to the workers, and opened together so that what
 * cannot be used is refused before anything is begun. Of each UDP address every worker has a socket
 * of its own, of each stream socket a descriptor; a Unix datagram socket and a UDP socket that was
 * handed over belong to one worker, so that the order of their datagrams is kept. Sockets that
 * systemd hands over take the place of all that are configured of their transport.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/net/unix_socket.h"
#include "server/net/worker.h"

struct listeners {
    struct {
        struct worker_socket *sockets;
        size_t count;
    } * workers;
    size_t worker_count;
    struct worker_socket *listening; /* one of each, for its address; not owned */
    size_t listening_count;
    struct {
        char *path;
        struct unix_socket_file file;
    } files[2]; /* of Unix sockets, to be removed */
    size_t file_count;
    bool reads_input;
    uint64_t receive_buffer_bytes; /* granted to a UDP socket, the least; 0 = there is none */
};

/* False, with the reason and nothing left open, when one cannot be used. Logs a receive buffer that
 * was granted smaller than asked for, with the setting that mends it. */
bool listeners_open(struct listeners *listeners, const struct config *config, char *reason,
                    size_t reason_size);

/* The sockets of one worker. Whoever serves them closes them. */
const struct worker_socket *listeners_of(const struct listeners *listeners, size_t worker,
                                         size_t *count);

/* The bound addresses or paths of a transport, comma-separated, or "off". */
void listeners_addresses(const struct listeners *listeners, enum transport transport, char *out,
                         size_t out_size);

/* True where a UDP datagram to this address would come back to a socket of these. */
bool listeners_have_udp(const struct listeners *listeners, const struct address *address);

/* Frees the lists and removes the files of Unix sockets; the sockets are closed by then. */
void listeners_deinit(struct listeners *listeners);

#endif
