/* SPDX-License-Identifier: MIT
 *
 * UDP sockets: opening them so that two servers never share a port, receiving in batches without
 * ever cutting a datagram short, and counting what the kernel dropped.
 */
#ifndef SERVER_NET_UDP_H
#define SERVER_NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/net/address.h"

/* Opens `count` sockets on one address, one a worker. The first is bound without SO_REUSEPORT, so
 * that EADDRINUSE tells of another server; then the option is set and the others join. Port 0 picks
 * a port, the same for all. False, with the reason and nothing left open, when any of it fails. */
bool udp_open(const struct address *address, int *fds, size_t count, char *reason,
              size_t reason_size);

/* Asks for a receive buffer of this size and returns what the kernel granted, in the same measure.
 * SO_RCVBUFFORCE is tried first, which passes net.core.rmem_max where the process is allowed to. */
uint64_t udp_set_receive_buffer(int fd, uint64_t bytes);

/* Datagrams the kernel has dropped at this socket so far, modulo 2^32 (SO_MEMINFO,
 * SK_MEMINFO_DROPS). */
uint32_t udp_drops(int fd);

/* Bytes of memory that queued datagrams take at present, and that they may take at most. */
uint32_t udp_queued(int fd);
uint32_t udp_buffer(int fd);

/* Lets no further datagram in: what comes from now on counts as dropped by the kernel. */
bool udp_close_gate(int fd);

/* Takes the socket out of the senders' reach: what comes from now on is refused, as where nobody
 * listens, and no longer counted. The drops of before can still be read. */
bool udp_turn_away(int fd);

#define UDP_BATCH 64

struct udp_datagram {
    const char *bytes; /* valid until the next udp_receive() with the same buffers */
    uint32_t length;
    const struct sockaddr *sender;
};

struct udp_buffers;

/* Buffers for one worker: a dense slot a message, and room for the rest of a large one that is only
 * touched when one comes. NULL without memory. */
struct udp_buffers *udp_buffers_new(void);
void udp_buffers_free(struct udp_buffers *buffers);

/* Receives up to UDP_BATCH datagrams without waiting. Returns how many; 0 when there is none or on
 * an error. */
size_t udp_receive(int fd, struct udp_buffers *buffers, struct udp_datagram *datagrams);

#endif
