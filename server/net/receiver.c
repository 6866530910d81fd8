/* SPDX-License-Identifier: MIT */
#include "server/net/receiver.h"

#include "server/net/unix_socket.h"

/* Batches from one socket before the others, and the wake-up descriptor, get their turn. */
#define BATCHES_PER_TURN 16

/* The least memory the kernel accounts for a queued message; bounds how many there can be. */
#define QUEUED_MESSAGE_BYTES_MIN 256

static struct udp_batch receive(struct receiver *receiver)
{
    struct udp_buffers *buffers = receiver->owner->buffers;
    return receiver->transport == TRANSPORT_UDP
               ? udp_receive(receiver->fd, buffers)
               : udp_receive_unix(receiver->fd, buffers, (const struct sockaddr *)&receiver->own);
}

static void relay_batch(struct relay_lane *lane, const struct udp_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        relay_add(lane, batch->datagrams[i].bytes, batch->datagrams[i].length);
    }
}

/* Receives one batch and takes it in. */
static struct udp_batch take_batch(struct receiver *receiver)
{
    struct receiver_owner *owner = receiver->owner;
    struct udp_batch batch = receive(receiver);
    if (batch.count > 0) {
        owner->batch_ns = clock_monotonic_ns(owner->clock);
        for (size_t i = 0; i < batch.count; i++) {
            intake_take(owner->intake, &batch.datagrams[i], receiver->transport, owner->batch_ns);
        }
        owner->intake->figures.datagrams_truncated += batch.truncated;
        if (owner->relay) {
            relay_batch(owner->relay, &batch);
        }
        owner->publish(owner->context);
    }
    return batch;
}

/* Of a Unix socket the kernel does not tell how much is queued, but bounds how many there are. */
static size_t queued_max(const struct receiver *receiver)
{
    return receiver->transport == TRANSPORT_UDP
               ? udp_queued(receiver->fd) / QUEUED_MESSAGE_BYTES_MIN + UDP_BATCH
               : unix_socket_queue_max();
}

/* Takes in what is queued at this moment. A flood would go on for ever, so what the queue can hold
 * now is the bound. */
void receiver_drain(struct receiver *receiver)
{
    size_t budget = queued_max(receiver);
    size_t taken = 0;
    size_t messages;
    while (taken < budget && (messages = take_batch(receiver).messages) > 0) {
        taken += messages;
    }
}

/* Takes in what there is, up to a turn's bound. Returns whether that was all. */
static bool take_turn(struct receiver *receiver)
{
    struct udp_batch batch = {.full = true};
    for (int i = 0; i < BATCHES_PER_TURN && batch.full; i++) {
        batch = take_batch(receiver);
        receiver->taken += batch.messages;
        receiver->owner->taken(receiver->owner->context);
    }
    return !batch.full;
}

/* Arming is put off while a receiver goes from one rest into the next: under load it costs nothing.
 */
static void rest(struct receiver *receiver, unsigned wait_ms)
{
    const struct timeval wait = {.tv_usec = wait_ms * 1000};
    if (receiver->armed) {
        event_del(receiver->readable);
        receiver->armed = false;
    }
    event_add(receiver->rested, &wait);
}

static void arm(struct receiver *receiver)
{
    if (!receiver->armed) {
        event_add(receiver->readable, NULL);
        receiver->armed = true;
    }
}

/* Either event: the socket is readable, or has rested. */
static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct receiver *receiver = context;
    unsigned wait_ms = 0;
    if (take_turn(receiver)) {
        wait_ms = pace_wait_ms(&receiver->pace, receiver->taken, receiver->owner->batch_ns);
        receiver->taken = 0;
    }
    if (wait_ms > 0) {
        rest(receiver, wait_ms);
    } else {
        arm(receiver);
    }
}

/* The senders of a Unix socket wait while its short queue is full, so that it is never left to
 * rest. What a socket dropped before it was handed over is not this server's loss. */
bool receiver_init(struct receiver *receiver, struct receiver_owner *owner,
                   const struct worker_socket *socket)
{
    socklen_t length = sizeof(receiver->own);
    *receiver = (struct receiver){.owner = owner,
                                  .fd = socket->fd,
                                  .transport = socket->transport,
                                  .handed_over = socket->handed_over,
                                  .drops = socket->handed_over ? udp_drops(socket->fd) : 0,
                                  .armed = true};
    getsockname(socket->fd, (struct sockaddr *)&receiver->own, &length);
    pace_init(&receiver->pace, socket->transport == TRANSPORT_UDP ? udp_buffer(socket->fd) : 0);
    receiver->readable =
        event_new(owner->base, socket->fd, EV_READ | EV_PERSIST, on_turn, receiver);
    receiver->rested = event_new(owner->base, -1, 0, on_turn, receiver);
    return receiver->readable && receiver->rested && event_add(receiver->readable, NULL) == 0;
}

static void free_event(struct event *event)
{
    if (event) {
        event_free(event);
    }
}

void receiver_deinit(struct receiver *receiver)
{
    free_event(receiver->readable);
    free_event(receiver->rested);
}

void receiver_count_drops(struct receiver *receiver)
{
    if (receiver->transport == TRANSPORT_UDP) {
        uint32_t drops = udp_drops(receiver->fd);
        receiver->owner->intake->figures.datagrams_dropped += (uint32_t)(drops - receiver->drops);
        receiver->drops = drops;
    }
}

void receiver_close_gate(struct receiver *receiver)
{
    if (receiver->handed_over) {
        return;
    }
    if (receiver->transport == TRANSPORT_UDP) {
        udp_close_gate(receiver->fd);
    } else {
        unix_socket_close_gate(receiver->fd);
    }
}

void receiver_turn_away(struct receiver *receiver)
{
    if (receiver->transport == TRANSPORT_UDP && !receiver->handed_over) {
        udp_turn_away(receiver->fd);
    }
}
