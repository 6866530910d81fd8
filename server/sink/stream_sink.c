/* SPDX-License-Identifier: MIT */
#include "server/sink/stream_sink.h"

#include <event2/event.h>
#include <event2/util.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/core/require.h"
#include "server/sink/backoff.h"
#include "server/sink/window_queue.h"

struct stream_sink;

/* Main thread only, but for `failing` and `reason`, which the lock guards. */
struct receiver {
    struct stream_sink *sink;
    size_t index;
    char *name;
    struct carrier *carrier;
    struct event *retry;          /* pending during a pause */
    struct queued_window *window; /* being sent, or NULL */
    uint64_t resumed_window;      /* of which `offset` bytes need not be sent again */
    size_t offset;
    unsigned failures; /* in a row */
    bool failing;
    char reason[128];
};

struct stream_sink {
    struct sink base; /* must be first */
    struct sink_ops ops;
    struct stream_sink_options options;
    struct event *arrived; /* of the eventfd that submit() writes to */
    int arrived_fd;
    struct receiver receivers[WINDOW_RECEIVERS_MAX];
    size_t receiver_count;
    bool stopping; /* main thread */

    pthread_mutex_t lock; /* guards what follows */
    struct window_queue queue;
    uint64_t errors, windows_lost, bytes_sent;
};

static struct stream_sink *sink_of(struct sink *base)
{
    return (struct stream_sink *)base;
}

static void submit(struct sink *base, const struct snapshot *snapshot)
{
    struct stream_sink *sink = sink_of(base);
    struct blocks bytes = {0};
    sink->options.render(sink->options.renderer, snapshot, &bytes);
    bool made = !bytes.failed;
    if (!made) {
        blocks_deinit(&bytes);
    }
    blocks_finish(&bytes);
    uint64_t memory = blocks_memory(&bytes);
    uint64_t lost = 0;
    struct queued_window *given_up;
    pthread_mutex_lock(&sink->lock);
    while ((given_up = window_queue_give_up(&sink->queue, memory))) {
        lost++;
        sink->windows_lost += !given_up->in_doubt;
        pthread_mutex_unlock(&sink->lock);
        queued_window_free(given_up);
        pthread_mutex_lock(&sink->lock);
    }
    if (!made || !window_queue_put(&sink->queue, snapshot->window, &bytes, sink->receiver_count)) {
        window_queue_skip(&sink->queue, snapshot->window);
        lost++;
        sink->windows_lost++;
    }
    pthread_mutex_unlock(&sink->lock);
    if (lost > 0) {
        log_line(LOG_LEVEL_WARNING, "windows lost", "sink", sink->options.name, "windows",
                 log_text("%llu", (unsigned long long)lost), "reason",
                 made ? "the queue is full" : "out of memory", NULL);
    }
    uint64_t one = 1;
    ssize_t written = write(sink->arrived_fd, &one, sizeof(one));
    (void)written;
}

static void figures(struct sink *base, struct sink_figures *figures)
{
    struct stream_sink *sink = sink_of(base);
    pthread_mutex_lock(&sink->lock);
    *figures = (struct sink_figures){
        .done_window = window_queue_done_window(&sink->queue),
        .errors = sink->errors,
        .windows_lost = sink->windows_lost,
        .bytes_sent = sink->bytes_sent,
        .queue_bytes = sink->queue.bytes,
    };
    for (size_t i = 0; i < sink->receiver_count && !figures->failing; i++) {
        const struct receiver *receiver = &sink->receivers[i];
        figures->failing = receiver->failing;
        if (receiver->failing) {
            snprintf(figures->reason, sizeof(figures->reason), "%.60s: %s", receiver->name,
                     receiver->reason);
        }
    }
    pthread_mutex_unlock(&sink->lock);
}

/* Sends the next window that the receiver lacks, unless it is busy or in a pause. */
static void send_next(struct receiver *receiver)
{
    struct stream_sink *sink = receiver->sink;
    if (receiver->window || evtimer_pending(receiver->retry, NULL)) {
        return;
    }
    pthread_mutex_lock(&sink->lock);
    struct queued_window *window = window_queue_next(&sink->queue, receiver->index);
    pthread_mutex_unlock(&sink->lock);
    if (!window) {
        return;
    }
    if (receiver->resumed_window != window->window) {
        receiver->resumed_window = window->window;
        receiver->offset = 0;
    }
    receiver->window = window;
    receiver->carrier->ops->send(receiver->carrier, &window->bytes, receiver->offset);
}

static void wait_for_retry(struct receiver *receiver)
{
    uint32_t chance;
    evutil_secure_rng_get_bytes(&chance, sizeof(chance));
    uint32_t wait_ms = backoff_ms(receiver->failures, chance);
    const struct timeval delay = {.tv_sec = wait_ms / 1000,
                                  .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    evtimer_add(receiver->retry, &delay);
}

static void log_outcome(const struct receiver *receiver, const struct carrier_outcome *outcome,
                        bool was_failing, uint64_t window, bool in_doubt)
{
    const char *name = receiver->sink->options.name;
    if (in_doubt) {
        log_line(LOG_LEVEL_WARNING, "window may lack lines", "sink", name, "receiver",
                 receiver->name, "window", log_text("%llu", (unsigned long long)window), "reason",
                 outcome->reason, NULL);
    }
    if (!outcome->delivered && !was_failing) {
        log_line(LOG_LEVEL_WARNING, "output fails", "sink", name, "receiver", receiver->name,
                 "reason", outcome->reason, NULL);
    } else if (outcome->delivered && was_failing) {
        log_line(LOG_LEVEL_INFO, "output works again", "sink", name, "receiver", receiver->name,
                 NULL);
    }
}

/* Takes what an attempt came to into the figures and the queue; a window that has left it. The lock
 * is held. */
static struct queued_window *settle(struct receiver *receiver,
                                    const struct carrier_outcome *outcome)
{
    struct stream_sink *sink = receiver->sink;
    struct queued_window *window = receiver->window;
    receiver->window = NULL;
    receiver->offset = outcome->offset;
    receiver->failing = !outcome->delivered;
    memcpy(receiver->reason, outcome->reason, sizeof(receiver->reason));
    sink->bytes_sent += outcome->sent;
    sink->errors += !outcome->delivered;
    if (outcome->in_doubt && !window->in_doubt) {
        window->in_doubt = true;
        sink->windows_lost++;
    }
    if (outcome->delivered || outcome->offset == window->bytes.length) {
        return window_queue_settle(&sink->queue, window, receiver->index);
    }
    window_queue_put_back(window, receiver->index);
    return NULL;
}

static void on_done(void *context, const struct carrier_outcome *outcome)
{
    struct receiver *receiver = context;
    struct stream_sink *sink = receiver->sink;
    uint64_t number = receiver->window->window;
    bool was_failing = receiver->failing;
    bool doubted = receiver->window->in_doubt;
    pthread_mutex_lock(&sink->lock);
    struct queued_window *gone = settle(receiver, outcome);
    pthread_mutex_unlock(&sink->lock);
    queued_window_free(gone);
    log_outcome(receiver, outcome, was_failing, number, outcome->in_doubt && !doubted);
    receiver->failures = outcome->delivered ? 0 : receiver->failures + 1;
    sink->options.notify(sink->options.context);
    if (receiver->failures == 0) {
        send_next(receiver);
    } else if (!sink->stopping) {
        wait_for_retry(receiver);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    send_next(context);
}

/* Whoever waits for a receiver tries at once: SIGHUP, and when a window comes. */
static void reopen(struct sink *base)
{
    struct stream_sink *sink = sink_of(base);
    for (size_t i = 0; i < sink->receiver_count; i++) {
        evtimer_del(sink->receivers[i].retry);
        send_next(&sink->receivers[i]);
    }
}

static void on_arrived(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    reopen(context);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    bool *passed = context;
    *passed = true;
}

static bool is_busy(const struct stream_sink *sink)
{
    for (size_t i = 0; i < sink->receiver_count; i++) {
        if (sink->receivers[i].window) {
            return true;
        }
    }
    return false;
}

/* Each receiver is tried once more from now on, until it has all or fails. */
static void drain(struct stream_sink *sink, uint64_t deadline_ms)
{
    bool passed = false;
    const struct timeval limit = {.tv_sec = (time_t)(deadline_ms / 1000),
                                  .tv_usec = (suseconds_t)(deadline_ms % 1000) * 1000};
    struct event *deadline = evtimer_new(sink->options.base, on_deadline, &passed);
    if (!deadline || evtimer_add(deadline, &limit) != 0) {
        passed = true;
    }
    sink->stopping = true;
    reopen(&sink->base);
    while (is_busy(sink) && !passed) {
        event_base_loop(sink->options.base, EVLOOP_ONCE);
    }
    if (deadline) {
        event_free(deadline);
    }
}

static void free_receiver(struct receiver *receiver)
{
    if (receiver->carrier) {
        receiver->carrier->ops->free(receiver->carrier);
    }
    if (receiver->retry) {
        event_free(receiver->retry);
    }
    free(receiver->name);
}

static void free_sink(struct stream_sink *sink)
{
    struct queued_window *window;
    for (size_t i = 0; i < sink->receiver_count; i++) {
        free_receiver(&sink->receivers[i]);
    }
    while ((window = window_queue_take(&sink->queue))) {
        queued_window_free(window);
    }
    if (sink->arrived) {
        event_free(sink->arrived);
    }
    if (sink->arrived_fd >= 0) {
        close(sink->arrived_fd);
    }
    sink->options.free_renderer(sink->options.renderer);
    pthread_mutex_destroy(&sink->lock);
    free(sink);
}

static bool stop(struct sink *base, uint64_t deadline_ms)
{
    struct stream_sink *sink = sink_of(base);
    drain(sink, deadline_ms);
    size_t left = sink->queue.count;
    if (left > 0) {
        struct sink_figures last;
        figures(base, &last);
        log_line(LOG_LEVEL_ERROR, "windows lost", "sink", sink->options.name, "windows",
                 log_text("%zu", left), "reason",
                 last.failing ? last.reason : "they were not taken before the stop", NULL);
    }
    free_sink(sink);
    return left == 0;
}

static bool init_receiver(struct stream_sink *sink, const char *name)
{
    struct receiver *receiver = &sink->receivers[sink->receiver_count];
    receiver->sink = sink;
    receiver->index = sink->receiver_count++;
    receiver->name = strdup(name);
    receiver->retry = evtimer_new(sink->options.base, on_retry, receiver);
    receiver->carrier = sink->options.make_carrier(sink->options.maker, receiver->index,
                                                   sink->options.base, on_done, receiver);
    return receiver->name && receiver->retry && receiver->carrier;
}

static bool init_sink(struct stream_sink *sink)
{
    const struct stream_sink_options *options = &sink->options;
    sink->arrived_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (sink->arrived_fd >= 0) {
        sink->arrived =
            event_new(options->base, sink->arrived_fd, EV_READ | EV_PERSIST, on_arrived, sink);
    }
    bool made = sink->arrived && event_add(sink->arrived, NULL) == 0;
    for (size_t i = 0; made && i < options->receiver_count; i++) {
        made = init_receiver(sink, options->receivers[i]);
    }
    return made;
}

struct sink *stream_sink_new(const struct stream_sink_options *options, char *reason,
                             size_t reason_size)
{
    REQUIRE(options->receiver_count > 0 && options->receiver_count <= WINDOW_RECEIVERS_MAX);
    struct stream_sink *sink = calloc(1, sizeof(*sink));
    if (!sink) {
        snprintf(reason, reason_size, "out of memory");
        options->free_renderer(options->renderer);
        return NULL;
    }
    sink->options = *options;
    sink->ops = (struct sink_ops){
        .name = options->name,
        .submit = submit,
        .figures = figures,
        .reopen = reopen,
        .stop = stop,
    };
    sink->base.ops = &sink->ops;
    sink->queue.memory_max = options->memory_max;
    REQUIRE(pthread_mutex_init(&sink->lock, NULL) == 0);
    if (!init_sink(sink)) {
        snprintf(reason, reason_size, "%s: out of memory or descriptors", options->name);
        free_sink(sink);
        return NULL;
    }
    return &sink->base;
}
