/* SPDX-License-Identifier: MIT
 *
 * How long a worker rests after it has emptied a socket. A readable event wakes it for every few
 * datagrams, and a wake-up costs more than a datagram: under load it waits a moment instead, so
 * that a wake-up finds a batch. Where traffic is light it does not wait, and a question to the
 * worker wakes it at any time. Arithmetic only, no clock and no events; one thread.
 */
#ifndef SERVER_NET_PACE_H
#define SERVER_NET_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_WAIT_MS_MAX 3

struct pace {
    unsigned wait_ms_max;
    uint64_t drained_ns; /* when the socket was emptied last */
};

/* `buffer_bytes` is what the receive buffer holds, as the kernel counts it (SK_MEMINFO_RCVBUF): no
 * wait is so long that a flood could fill half of it, and a buffer too small for that has none. */
void pace_init(struct pace *pace, uint64_t buffer_bytes);

/* The socket has been emptied at now_ns (monotonic) of the `taken` datagrams that came since it was
 * emptied before. Returns how many ms to leave it alone, 0 = wait until it is readable. */
unsigned pace_wait_ms(struct pace *pace, size_t taken, uint64_t now_ns);

#endif
