/* SPDX-License-Identifier: MIT
 *
 * The relay: received lines, packed anew, to other StatsD servers by UDP. Each worker has a lane of
 * its own, with a bounded buffer and sockets that never block; what cannot be sent at once is lost
 * and counted. Lines go on as they came, those that the parser refuses too, for another server may
 * take them. No lane means no relay.
 */
#ifndef SERVER_NET_RELAY_H
#define SERVER_NET_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"

#define RELAY_TARGETS_MAX 8

struct relay_figures {
    uint64_t datagrams_sent;
    uint64_t bytes_sent;
    uint64_t datagrams_lost; /* nobody listens, no route, no room, or a line larger than any */
    int error;               /* errno of the latest loss; 0 = none */
};

struct relay_lane;

/* `datagram_bytes` is at most 65,507. NULL with the reason, without descriptors or memory. */
struct relay_lane *relay_lane_new(const struct address *targets, size_t count,
                                  size_t datagram_bytes, char *reason, size_t reason_size);
void relay_lane_free(struct relay_lane *lane);

/* Worker: adds lines, parted by LF. Sends only where the buffer is full. */
void relay_add(struct relay_lane *lane, const char *lines, size_t length);

/* Worker: sends full datagrams, with `all` the one that is being filled too. */
void relay_send(struct relay_lane *lane, bool all);

/* Worker: whether a datagram is being filled. */
bool relay_is_waiting(const struct relay_lane *lane);

/* Any thread; each figure for itself. */
void relay_read(const struct relay_lane *lane, struct relay_figures *figures);

#endif
