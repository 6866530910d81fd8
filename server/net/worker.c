/* SPDX-License-Identifier: MIT */
#include "server/net/worker.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/metrics/ingest.h"
#include "server/net/intake.h"
#include "server/net/pace.h"
#include "server/net/udp.h"

/* Batches from one socket before the others, and the wake-up descriptor, get their turn. */
#define BATCHES_PER_TURN 16

/* The least memory the kernel accounts for a queued datagram; bounds how many there can be. */
#define QUEUED_DATAGRAM_BYTES_MIN 256

/* It is either armed, so that the next datagram wakes the worker, or resting until a timer ends,
 * when it is emptied whether it is readable or not. */
struct receiver {
    struct worker *worker;
    struct event *readable;
    struct event *rested;
    bool armed;
    struct pace pace;
    size_t taken; /* since it was emptied */
    int fd;
    uint32_t drops; /* as read last, modulo 2^32 */
};

struct worker {
    const struct clock *clock;
    struct event_base *base;
    struct event *wake;
    struct receiver *receivers;
    size_t receiver_count;
    struct udp_buffers *buffers;
    struct handover *handover;
    struct intake intake;
    struct ingest ingest;
    uint64_t batch_ns; /* stamp of the latest batch */
    _Atomic bool stopping;
    pthread_t thread;
    unsigned number;
};

static void publish(struct worker *worker)
{
    intake_settle(&worker->intake);
    ingest_publish(&worker->ingest, &worker->intake.figures);
}

/* Receives and takes in one batch; returns its size. */
static size_t take_batch(struct receiver *receiver)
{
    struct worker *worker = receiver->worker;
    struct udp_datagram datagrams[UDP_BATCH];
    size_t count = udp_receive(receiver->fd, worker->buffers, datagrams);
    if (count > 0) {
        worker->batch_ns = clock_monotonic_ns(worker->clock);
        for (size_t i = 0; i < count; i++) {
            intake_take(&worker->intake, &datagrams[i], TRANSPORT_UDP, worker->batch_ns);
        }
        publish(worker);
    }
    return count;
}

/* Takes in what is queued at this moment. A flood would go on for ever, so what the queue can hold
 * now is the bound. */
static void drain(struct receiver *receiver)
{
    size_t budget = udp_queued(receiver->fd) / QUEUED_DATAGRAM_BYTES_MIN + UDP_BATCH;
    size_t taken = 0;
    size_t count;
    while (taken < budget && (count = take_batch(receiver)) > 0) {
        taken += count;
    }
}

static void count_drops(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        struct receiver *receiver = &worker->receivers[i];
        uint32_t drops = udp_drops(receiver->fd);
        worker->intake.figures.datagrams_dropped += (uint32_t)(drops - receiver->drops);
        receiver->drops = drops;
    }
}

/* What waits while a receiver rests would have been taken in by now without the rest, so that it
 * belongs to the slice too. */
static void serve_handover(struct worker *worker)
{
    uint64_t question = handover_question(worker->handover);
    for (size_t i = 0; i < worker->receiver_count; i++) {
        if (handover_wants_drain(question) || !worker->receivers[i].armed) {
            drain(&worker->receivers[i]);
        }
    }
    count_drops(worker);
    publish(worker);
    handover_give(worker->handover, question, clock_monotonic_ns(worker->clock));
}

/* Takes in what there is, up to a turn's bound. Returns whether that was all. */
static bool take_turn(struct receiver *receiver)
{
    size_t count = UDP_BATCH;
    for (int i = 0; i < BATCHES_PER_TURN && count == UDP_BATCH; i++) {
        count = take_batch(receiver);
        receiver->taken += count;
        if (handover_wanted(receiver->worker->handover)) {
            serve_handover(receiver->worker);
        }
    }
    return count < UDP_BATCH;
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
        wait_ms = pace_wait_ms(&receiver->pace, receiver->taken, receiver->worker->batch_ns);
        receiver->taken = 0;
    }
    if (wait_ms > 0) {
        rest(receiver, wait_ms);
    } else {
        arm(receiver);
    }
}

/* Closed gate first, so that the drains below come to an end. */
static void finish(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        udp_close_gate(worker->receivers[i].fd);
    }
    for (size_t i = 0; i < worker->receiver_count; i++) {
        drain(&worker->receivers[i]);
    }
    count_drops(worker);
    publish(worker);
    handover_end(worker->handover);
    event_base_loopbreak(worker->base);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct worker *worker = context;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    if (handover_wanted(worker->handover)) {
        serve_handover(worker);
    }
    if (atomic_load_explicit(&worker->stopping, memory_order_acquire)) {
        finish(worker);
    }
}

/* Only the worker's own thread touches its base: libevent needs no locks for it. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return NULL;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool add_receiver(struct worker *worker, int fd)
{
    struct receiver *receiver = &worker->receivers[worker->receiver_count];
    *receiver = (struct receiver){.worker = worker, .fd = fd, .armed = true};
    pace_init(&receiver->pace, udp_buffer(fd));
    receiver->readable = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_turn, receiver);
    receiver->rested = event_new(worker->base, -1, 0, on_turn, receiver);
    worker->receiver_count++;
    return receiver->readable && receiver->rested && event_add(receiver->readable, NULL) == 0;
}

static bool prepare(struct worker *worker, const struct worker_options *options)
{
    if (!intake_init(&worker->intake, options->config, options->registry, options->pool,
                     options->workers) ||
        !handover_init(options->handover, &worker->intake.shard)) {
        return false;
    }
    worker->handover = options->handover;
    worker->base = new_base();
    worker->buffers = udp_buffers_new();
    worker->receivers = calloc(options->fd_count + 1, sizeof(*worker->receivers));
    if (!worker->base || !worker->buffers || !worker->receivers) {
        return false;
    }
    worker->wake = event_new(worker->base, options->handover->worker_fd, EV_READ | EV_PERSIST,
                             on_wake, worker);
    bool added = worker->wake && event_add(worker->wake, NULL) == 0;
    for (size_t i = 0; added && i < options->fd_count; i++) {
        added = add_receiver(worker, options->fds[i]);
    }
    return added;
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        return NULL;
    }
    worker->clock = options->clock;
    worker->number = options->number;
    if (!prepare(worker, options)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

static void *run(void *context)
{
    struct worker *worker = context;
    event_base_dispatch(worker->base);
    return NULL;
}

bool worker_start(struct worker *worker)
{
    char name[16];
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        return false;
    }
    snprintf(name, sizeof(name), "worker-%u", worker->number);
    pthread_setname_np(worker->thread, name);
    return true;
}

void worker_stop(struct worker *worker)
{
    uint64_t one = 1;
    atomic_store_explicit(&worker->stopping, true, memory_order_release);
    ssize_t written = write(worker->handover->worker_fd, &one, sizeof(one));
    (void)written;
    pthread_join(worker->thread, NULL);
}

/* Between reading the drops and closing the socket nothing may arrive that nobody would count. */
void worker_close(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        udp_turn_away(worker->receivers[i].fd);
    }
    count_drops(worker);
    publish(worker);
    for (size_t i = 0; i < worker->receiver_count; i++) {
        close(worker->receivers[i].fd);
    }
}

static void free_event(struct event *event)
{
    if (event) {
        event_free(event);
    }
}

void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        free_event(worker->receivers[i].readable);
        free_event(worker->receivers[i].rested);
    }
    free_event(worker->wake);
    if (worker->base) {
        event_base_free(worker->base);
    }
    udp_buffers_free(worker->buffers);
    free(worker->receivers);
    if (worker->handover) {
        handover_deinit(worker->handover);
    }
    intake_deinit(&worker->intake);
    free(worker);
}

void worker_figures(struct worker *worker, struct ingest_figures *figures)
{
    ingest_read(&worker->ingest, figures);
}

bool worker_next_refusal(struct worker *worker, struct refusal *refusal)
{
    return refusals_next(&worker->intake.refusals, refusal);
}
