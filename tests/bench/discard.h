/* SPDX-License-Identifier: MIT
 *
 * Threads that receive datagrams and throw them away, on libevent: the floors a server is measured
 * against.
 */
#ifndef TESTS_BENCH_DISCARD_H
#define TESTS_BENCH_DISCARD_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/core/clock.h"
#include "server/core/require.h"
#include "server/net/pace.h"
#include "server/net/udp.h"

enum discard_kind {
    DISCARD_PLAIN,    /* one recv() a callback */
    DISCARD_BATCH,    /* one recvmmsg() a callback */
    DISCARD_MODERATED /* batches, and rests between them */
};

struct discard {
    enum discard_kind kind;
    int fd;
    struct event_base *base;
    struct event *readable, *rested;
    struct udp_buffers *buffers;
    struct pace pace;
    _Atomic uint64_t received;
    _Atomic bool stopping;
    pthread_t thread;
};

static inline void discard_plain(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct discard *discard = context;
    char bytes[65536];
    discard->received += recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0;
}

static inline void discard_batch(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct discard *discard = context;
    struct udp_datagram datagrams[UDP_BATCH];
    discard->received += udp_receive(fd, discard->buffers, datagrams);
}

static inline void discard_moderated(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct discard *discard = context;
    struct udp_datagram datagrams[UDP_BATCH];
    size_t count, taken = 0;
    do {
        count = udp_receive(discard->fd, discard->buffers, datagrams);
        taken += count;
    } while (count == UDP_BATCH);
    discard->received += taken;
    struct timeval wait = {
        .tv_usec = pace_wait_ms(&discard->pace, taken, clock_monotonic_ns(&clock_system)) * 1000};
    if (wait.tv_usec > 0) {
        event_del(discard->readable);
        event_add(discard->rested, &wait);
    } else {
        event_add(discard->readable, NULL);
    }
}

static inline void discard_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct discard *discard = context;
    if (discard->stopping) {
        event_base_loopbreak(discard->base);
    }
}

static inline void *discard_run(void *context)
{
    static const event_callback_fn callbacks[] = {discard_plain, discard_batch, discard_moderated};
    struct discard *discard = context;
    const struct timeval tick = {.tv_usec = 100000};
    discard->base = event_base_new();
    discard->buffers = udp_buffers_new();
    REQUIRE(discard->base && discard->buffers);
    pace_init(&discard->pace, udp_buffer(discard->fd));
    event_callback_fn callback = callbacks[discard->kind];
    struct event *stop = event_new(discard->base, -1, EV_PERSIST, discard_tick, discard);
    discard->readable =
        event_new(discard->base, discard->fd, EV_READ | EV_PERSIST, callback, discard);
    discard->rested = event_new(discard->base, -1, 0, callback, discard);
    event_add(stop, &tick);
    event_add(discard->readable, NULL);
    event_base_dispatch(discard->base);
    event_free(stop);
    event_free(discard->readable);
    event_free(discard->rested);
    event_base_free(discard->base);
    udp_buffers_free(discard->buffers);
    return NULL;
}

static inline void discard_start(struct discard *discard, enum discard_kind kind, int fd)
{
    discard->kind = kind;
    discard->fd = fd;
    REQUIRE(pthread_create(&discard->thread, NULL, discard_run, discard) == 0);
    pthread_setname_np(discard->thread, "worker-0");
}

static inline void discard_stop(struct discard *discard)
{
    discard->stopping = true;
    pthread_join(discard->thread, NULL);
    close(discard->fd);
}

#endif
