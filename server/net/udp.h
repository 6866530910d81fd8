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

/* Has the kernel hand over datagrams of one sender that came in a row, and of one size but for the
 * last, as one message (UDP_GRO). False where it cannot. */
bool udp_set_gro(int fd);

/* Datagrams the kernel has dropped at this socket so far, modulo 2^32 (SO_MEMINFO,
 * SK_MEMINFO_DROPS). With UDP_GRO a lower bound: a joined message may count as one. */
uint32_t udp_drops(int fd);

/* Bytes of memory that queued datagrams take at present, and that they may take at most. */
uint32_t udp_queued(int fd);
uint32_t udp_buffer(int fd);

/* Lets no further datagram in: what comes from now on counts as dropped by the kernel. */
bool udp_close_gate(int fd);

/* Takes the socket out of the senders' reach: what comes from now on is refused, as where nobody
 * listens, and no longer counted. The drops of before can still be read. */
bool udp_turn_away(int fd);

/* The most messages at a time, without UDP_GRO and with it. */
#define UDP_BATCH 64
#define UDP_BATCH_JOINED 16

struct udp_datagram {
    const char *bytes; /* 64 more may be read behind it */
    uint32_t length;
    const struct sockaddr *sender;
};

/* Valid until the next udp_receive() with the same buffers. */
struct udp_batch {
    const struct udp_datagram *datagrams;
    size_t count;
    size_t messages;  /* datagrams, or rows of them that the kernel has joined */
    size_t truncated; /* of Unix sockets: datagrams that were too large */
    bool full;        /* as many messages as fit, so that there may be more */
};

struct udp_buffers;

/* Buffers for one worker. Without `gro` a dense slot a message, and room for the rest of a large
 * one that is only touched when one comes; with it a place a message that holds any. Sockets with
 * UDP_GRO take the latter. NULL without memory. */
struct udp_buffers *udp_buffers_new(bool gro);
void udp_buffers_free(struct udp_buffers *buffers);

/* Receives what fits without waiting; nothing when there is none or on an error. */
struct udp_batch udp_receive(int fd, struct udp_buffers *buffers);

/* The same of a Unix datagram socket, whose senders have no names: `own`, which has to stay, stands
 * for them. Of a datagram over 64 KiB what follows the last LF within them is lost. */
struct udp_batch udp_receive_unix(int fd, struct udp_buffers *buffers, const struct sockaddr *own);

#endif
