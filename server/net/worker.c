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
#include "server/net/receiver.h"

/* How long a datagram of the relay may wait for more lines. */
static const struct timeval relay_linger = {.tv_usec = 10000};

struct worker {
    const struct clock *clock;
    struct event_base *base;
    struct receiver_owner owner;
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

static void publish(void *context)
{
    struct worker *worker = context;
    intake_settle(&worker->intake);
    ingest_publish(&worker->ingest, &worker->intake.figures);
    if (worker->relay) {
        relay_full(worker);
    }
}

static void count_drops(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        receiver_count_drops(&worker->receivers[i]);
    }
}

/* What waits while a receiver rests would have been taken in by now without the rest, so that it
 * belongs to the slice too. */
static void serve_handover(struct worker *worker)
{
    uint64_t question = handover_question(worker->handover);
    for (size_t i = 0; i < worker->receiver_count; i++) {
        if (handover_wants_drain(question) || !worker->receivers[i].armed) {
            receiver_drain(&worker->receivers[i]);
        }
    }
    if (handover_wants_drain(question) && worker->streams) {
        streams_drain(worker->streams);
    }
    count_drops(worker);
    publish(worker);
    handover_give(worker->handover, question, clock_monotonic_ns(worker->clock));
}

static void answer(void *context)
{
    struct worker *worker = context;
    if (handover_wanted(worker->handover)) {
        serve_handover(worker);
    }
}

/* The streams have taken something in. */
static void on_taken(void *context)
{
    publish(context);
    answer(context);
}

static void on_finished(void *context)
{
    struct worker *worker = context;
    worker->input_ended(worker->context);
}

/* Closed gate first, so that the drains below come to an end. */
static void finish(struct worker *worker)
{
    for (size_t i = 0; i < worker->receiver_count; i++) {
        receiver_close_gate(&worker->receivers[i]);
    }
    for (size_t i = 0; i < worker->receiver_count; i++) {
        receiver_drain(&worker->receivers[i]);
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
        .publish = publish,
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
               : receiver_init(&worker->receivers[worker->receiver_count++], &worker->owner,
                               socket);
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
    worker->owner = (struct receiver_owner){.base = worker->base,
                                            .clock = worker->clock,
                                            .intake = &worker->intake,
                                            .buffers = worker->buffers,
                                            .relay = worker->relay,
                                            .publish = publish,
                                            .taken = answer,
                                            .context = worker};
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
        receiver_turn_away(&worker->receivers[i]);
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
        receiver_deinit(&worker->receivers[i]);
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
