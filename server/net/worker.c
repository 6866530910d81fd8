/* SPDX-License-Identifier: MIT */
#include "server/net/worker.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/metrics/ingest.h"
#include "server/net/intake.h"
#include "server/net/pace.h"
#include "server/net/udp.h"
#include "server/net/unix_socket.h"

/* Batches from one socket before the others, and the wake-up descriptor, get their turn. */
#define BATCHES_PER_TURN 16

/* The least memory the kernel accounts for a queued message; bounds how many there can be. */
#define QUEUED_MESSAGE_BYTES_MIN 256

/* How long a datagram of the relay may wait for more lines. */
static const struct timeval relay_linger = {.tv_usec = 10000};

/* A datagram socket. It is either armed, so that the next datagram wakes the worker, or resting
 * until a timer ends, when it is emptied whether it is readable or not. */
struct receiver {
    struct worker *worker;
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

struct worker {
    const struct clock *clock;
    struct event_base *base;
    struct event *wake;
    struct receiver *receivers;
    size_t receiver_count;
    struct udp_buffers *buffers;
    struct streams *streams;  /* NULL where there are none */
    struct relay_lane *relay; /* NULL = off */
    struct event *linger;     /* of the relay */
    struct handover *handover;
    struct intake intake;
    struct ingest ingest;
    uint64_t batch_ns; /* stamp of the latest batch */
    void (*input_ended)(void *context);
    void *context;
    _Atomic bool stopping;
    pthread_t thread;
    unsigned number;
};

static void on_linger(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    (void)fd;
    (void)what;
    relay_send(worker->relay, true);
}

/* What does not fill a datagram waits a moment for more. */
static void relay_full(struct worker *worker)
{
    relay_send(worker->relay, false);
    if (relay_is_waiting(worker->relay) && !event_pending(worker->linger, EV_TIMEOUT, NULL)) {
        event_add(worker->linger, &relay_linger);
    }
}

static void publish(struct worker *worker)
{
    intake_settle(&worker->intake);
    ingest_publish(&worker->ingest, &worker->intake.figures);
    if (worker->relay) {
        relay_full(worker);
    }
}

static struct udp_batch receive(struct receiver *receiver)
{
    struct udp_buffers *buffers = receiver->worker->buffers;
    return receiver->transport == TRANSPORT_UDP
               ? udp_receive(receiver->fd, buffers)
               : udp_receive_unix(receiver->fd, buffers, (const struct sockaddr *)&receiver->own);
}

static void relay_batch(struct worker *worker, const struct udp_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        relay_add(worker->relay, batch->datagrams[i].bytes, batch->datagrams[i].length);
    }
}

/* Receives one batch and takes it in. */
static struct udp_batch take_batch(struct receiver *receiver)
{
    struct worker *worker = receiver->worker;
    struct udp_batch batch = receive(receiver);
    if (batch.count > 0) {
        worker->batch_ns = clock_monotonic_ns(worker->clock);
        for (size_t i = 0; i < batch.count; i++) {
            intake_take(&worker->intake, &batch.datagrams[i], receiver->transport,
                        worker->batch_ns);
        }
        worker->intake.figures.datagrams_truncated += batch.truncated;
        if (worker->relay) {
            relay_batch(worker, &batch);
        }
        publish(worker);
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
static void drain(struct receiver *receiver)
{
    size_t budget = queued_max(receiver);
    size_t taken = 0;
    size_t messages;
    while (taken < budget && (messages = take_batch(receiver).messages) > 0) {
        taken += messages;
    }
}

static void count_drops(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        struct receiver *receiver = &worker->receivers[i];
        if (receiver->transport == TRANSPORT_UDP) {
            uint32_t drops = udp_drops(receiver->fd);
            worker->intake.figures.datagrams_dropped += (uint32_t)(drops - receiver->drops);
            receiver->drops = drops;
        }
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
    if (handover_wants_drain(question) && worker->streams) {
        streams_drain(worker->streams);
    }
    count_drops(worker);
    publish(worker);
    handover_give(worker->handover, question, clock_monotonic_ns(worker->clock));
}

/* Takes in what there is, up to a turn's bound. Returns whether that was all. */
static bool take_turn(struct receiver *receiver)
{
    struct udp_batch batch = {.full = true};
    for (int i = 0; i < BATCHES_PER_TURN && batch.full; i++) {
        batch = take_batch(receiver);
        receiver->taken += batch.messages;
        if (handover_wanted(receiver->worker->handover)) {
            serve_handover(receiver->worker);
        }
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
        wait_ms = pace_wait_ms(&receiver->pace, receiver->taken, receiver->worker->batch_ns);
        receiver->taken = 0;
    }
    if (wait_ms > 0) {
        rest(receiver, wait_ms);
    } else {
        arm(receiver);
    }
}

/* The streams have taken something in. */
static void on_taken(void *context)
{
    struct worker *worker = context;
    publish(worker);
    if (handover_wanted(worker->handover)) {
        serve_handover(worker);
    }
}

static void on_finished(void *context)
{
    struct worker *worker = context;
    worker->input_ended(worker->context);
}

static void close_gate(const struct receiver *receiver)
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

/* Closed gate first, so that the drains below come to an end. */
static void finish(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        close_gate(&worker->receivers[i]);
    }
    for (size_t i = 0; i < worker->receiver_count; i++) {
        drain(&worker->receivers[i]);
    }
    if (worker->streams) {
        streams_finish(worker->streams);
    }
    count_drops(worker);
    publish(worker);
    if (worker->relay) {
        relay_send(worker->relay, true);
        worker->relay = NULL; /* the lane may go before the worker does */
    }
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

/* The senders of a Unix socket wait while its short queue is full, so that it is never left to
 * rest. What a socket dropped before it was handed over is not this server's loss. */
static bool add_receiver(struct worker *worker, const struct worker_socket *socket)
{
    struct receiver *receiver = &worker->receivers[worker->receiver_count];
    socklen_t length = sizeof(receiver->own);
    *receiver = (struct receiver){.worker = worker,
                                  .fd = socket->fd,
                                  .transport = socket->transport,
                                  .handed_over = socket->handed_over,
                                  .drops = socket->handed_over ? udp_drops(socket->fd) : 0,
                                  .armed = true};
    getsockname(socket->fd, (struct sockaddr *)&receiver->own, &length);
    pace_init(&receiver->pace, socket->transport == TRANSPORT_UDP ? udp_buffer(socket->fd) : 0);
    receiver->readable =
        event_new(worker->base, socket->fd, EV_READ | EV_PERSIST, on_turn, receiver);
    receiver->rested = event_new(worker->base, -1, 0, on_turn, receiver);
    worker->receiver_count++;
    return receiver->readable && receiver->rested && event_add(receiver->readable, NULL) == 0;
}

static bool has_streams(const struct worker_options *options)
{
    bool has = options->reads_input;
    for (size_t i = 0; i < options->socket_count; i++) {
        has = has || transport_is_stream(options->sockets[i].transport);
    }
    return has;
}

static bool make_streams(struct worker *worker, const struct worker_options *options)
{
    const struct config *config = options->config;
    const struct streams_options streams = {
        .base = worker->base,
        .clock = worker->clock,
        .intake = &worker->intake,
        .relay = worker->relay,
        .quota = options->quota,
        .line_bytes_max = (uint32_t)config->server.stream_line_bytes,
        .idle_ms = config->server.stream_idle_ms,
        .taken = on_taken,
        .finished = on_finished,
        .context = worker,
    };
    worker->input_ended = options->input_ended;
    worker->context = options->context;
    worker->streams = streams_new(&streams);
    return worker->streams &&
           (!options->reads_input || streams_read_input(worker->streams, STDIN_FILENO));
}

static bool add_socket(struct worker *worker, const struct worker_socket *socket)
{
    return transport_is_stream(socket->transport)
               ? streams_listen(worker->streams, socket->fd, socket->transport)
               : add_receiver(worker, socket);
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
    worker->buffers = udp_buffers_new(options->config->server.udp_gro);
    worker->receivers = calloc(options->socket_count + 1, sizeof(*worker->receivers));
    if (!worker->base || !worker->buffers || !worker->receivers) {
        return false;
    }
    worker->linger = worker->relay ? event_new(worker->base, -1, 0, on_linger, worker) : NULL;
    if ((worker->relay && !worker->linger) ||
        (has_streams(options) && !make_streams(worker, options))) {
        return false;
    }
    worker->wake = event_new(worker->base, options->handover->worker_fd, EV_READ | EV_PERSIST,
                             on_wake, worker);
    bool added = worker->wake && event_add(worker->wake, NULL) == 0;
    for (size_t i = 0; added && i < options->socket_count; i++) {
        added = add_socket(worker, &options->sockets[i]);
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
    worker->relay = options->relay;
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
        const struct receiver *receiver = &worker->receivers[i];
        if (receiver->transport == TRANSPORT_UDP && !receiver->handed_over) {
            udp_turn_away(receiver->fd);
        }
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
    free_event(worker->linger);
    streams_free(worker->streams);
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
