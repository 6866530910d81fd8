/* SPDX-License-Identifier: MIT
 *
 * A datagram socket of a worker, UDP or Unix: received from in batches, left to rest under load,
 * drained when asked. Runs on the worker's event base; one thread.
 */
#ifndef SERVER_NET_RECEIVER_H
#define SERVER_NET_RECEIVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/core/clock.h"
#include "server/net/intake.h"
#include "server/net/pace.h"
#include "server/net/relay.h"
#include "server/net/udp.h"

/* What the receivers of one worker share. */
struct receiver_owner {
    struct event_base *base;
    const struct clock *clock;
    struct intake *intake;
    struct udp_buffers *buffers;
    struct relay_lane *relay;       /* NULL = off */
    uint64_t batch_ns;              /* stamp of the latest batch */
    void (*publish)(void *context); /* a batch was taken in */
    void (*taken)(void *context);   /* the same in the course of a turn, where the worker may be
                                       asked something */
    void *context;
};

/* It is either armed, so that the next datagram wakes the worker, or resting until a timer ends,
 * when it is emptied whether it is readable or not. */
struct receiver {
    struct receiver_owner *owner;
    struct event *readable;
    struct event *rested;
    bool armed;
    struct pace pace;
    size_t taken; /* messages since it was emptied */
    int fd;
    enum transport transport;
    bool handed_over;
    uint32_t drops;              /* as read last, modulo 2^32 */
    struct sockaddr_storage own; /* of a Unix socket: stands for its senders */
};

/* A socket for a worker to serve. */
struct worker_socket {
    int fd; /* bound; of a stream transport it listens */
    enum transport transport;
    bool handed_over; /* by a supervisor that keeps it: at the stop its gate stays open, and what
                         comes then waits for the next server */
};

/* Begins to receive. False without memory; receiver_deinit() then, too. */
bool receiver_init(struct receiver *receiver, struct receiver_owner *owner,
                   const struct worker_socket *socket);
void receiver_deinit(struct receiver *receiver);

/* Takes in what is queued at this moment; calls `publish` only. */
void receiver_drain(struct receiver *receiver);

/* Adds what the kernel has dropped since this was called last to the intake's figures. */
void receiver_count_drops(struct receiver *receiver);

/* What arrives from now on counts as dropped, or is refused. */
void receiver_close_gate(struct receiver *receiver);

/* Lets senders find nobody from now on, and leaves the drops to be read. */
void receiver_turn_away(struct receiver *receiver);

#endif
