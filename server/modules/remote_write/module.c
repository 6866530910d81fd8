/* SPDX-License-Identifier: MIT
 *
 * The sink: windows become requests on the flusher's thread, and are sent from the main thread's
 * event loop, one at a time and in order. What stands between the two is the queue, under the lock.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"
#include "server/core/mapping.h"
#include "server/core/module.h"
#include "server/core/require.h"
#include "server/modules/curl/secret.h"
#include "server/modules/curl/transfer.h"
#include "server/modules/remote_write/encoder.h"
#include "server/modules/remote_write/queue.h"
#include "server/modules/remote_write/verdict.h"
#include "server/sink/pump.h"
#include "server/sink/sink_module.h"

/* Requests that may be cut in two for the sake of one window. Where every series of a large window
 * is refused, the rest is lost without asking for each. */
#define HALVINGS_MAX 2000

/* Refused series that are named in the log, a window. */
#define NAMED_MAX 10

struct remote_write {
    struct sink base; /* must be first */
    sink_notify *notify;
    void *context;
    struct event_base *events;
    struct encoder *encoder; /* flusher's thread, and the main thread when that is gone */
    /* Main thread: */
    struct transfer *transfer;
    struct pump pump;
    bool sending;
    unsigned failures;   /* in a row */
    uint64_t cut_window; /* whose series are looked for that are refused */
    unsigned halvings, named;

    pthread_mutex_t lock; /* guards what follows */
    struct queue queue;
    uint64_t errors, bytes_sent;
    bool failing;
    char reason[128];
    bool renamed; /* `mapper` is to be taken over */
    struct mapper mapper;
};

static struct remote_write *sink_of(struct sink *base)
{
    return (struct remote_write *)base;
}

static void take_rules(struct remote_write *sink)
{
    pthread_mutex_lock(&sink->lock);
    bool renamed = sink->renamed;
    struct mapper mapper = sink->mapper;
    sink->renamed = false;
    sink->mapper = (struct mapper){0};
    pthread_mutex_unlock(&sink->lock);
    if (renamed) {
        encoder_map(sink->encoder, mapper);
    }
}

/* Lists go into the queue, in place of what is older where there is no room. */
static void enqueue(struct remote_write *sink, uint64_t window, struct batch_list *made)
{
    struct batch_list dropped = {0};
    pthread_mutex_lock(&sink->lock);
    uint64_t lost = sink->queue.windows_lost;
    queue_put(&sink->queue, window, made, &dropped);
    lost = sink->queue.windows_lost - lost;
    pthread_mutex_unlock(&sink->lock);
    batch_list_free(&dropped);
    if (lost > 0) {
        log_line(LOG_LEVEL_WARNING, "windows lost", "sink", "remote_write", "windows",
                 log_text("%llu", (unsigned long long)lost), "reason", "the queue is full", NULL);
    }
}

static void submit(struct sink *base, const struct snapshot *snapshot)
{
    struct remote_write *sink = sink_of(base);
    struct batch_list made;
    take_rules(sink);
    if (encoder_window(sink->encoder, snapshot, &made)) {
        enqueue(sink, snapshot->window, &made);
    } else {
        pthread_mutex_lock(&sink->lock);
        queue_skip(&sink->queue, snapshot->window);
        pthread_mutex_unlock(&sink->lock);
        log_line(LOG_LEVEL_ERROR, "windows lost", "sink", "remote_write", "windows", "1", "reason",
                 "out of memory", NULL);
    }
    pump_wake(&sink->pump);
}

static void figures(struct sink *base, struct sink_figures *figures)
{
    struct remote_write *sink = sink_of(base);
    pthread_mutex_lock(&sink->lock);
    *figures = (struct sink_figures){
        .done_window = queue_done_window(&sink->queue),
        .errors = sink->errors,
        .windows_lost = sink->queue.windows_lost,
        .bytes_sent = sink->bytes_sent,
        .queue_bytes = queue_bytes(&sink->queue),
        .failing = sink->failing,
    };
    memcpy(figures->reason, sink->reason, sizeof(sink->reason));
    pthread_mutex_unlock(&sink->lock);
}

/* Sends what is oldest, unless something is being sent or there is a pause. */
static void send_next(struct remote_write *sink)
{
    if (sink->sending || pump_pauses(&sink->pump)) {
        return;
    }
    pthread_mutex_lock(&sink->lock);
    struct batch *batch = queue_next(&sink->queue);
    pthread_mutex_unlock(&sink->lock);
    if (!batch) {
        return;
    }
    if (batch->window != sink->cut_window) {
        sink->cut_window = batch->window;
        sink->halvings = HALVINGS_MAX;
        sink->named = NAMED_MAX;
    }
    sink->sending = transfer_send(sink->transfer, batch->bytes, batch->length);
    if (!sink->sending) {
        sink->failures++;
        pump_pause(&sink->pump, sink->failures, 0);
    }
}

static void log_lost(struct remote_write *sink, const struct batch *batch, const char *reason)
{
    struct buffer name = {0};
    if (sink->named == 0) {
        return;
    }
    sink->named--;
    batch_append_name(batch, &name);
    buffer_append(&name, "", 1);
    log_line(LOG_LEVEL_WARNING, "series refused", "sink", "remote_write", "window",
             log_text("%llu", (unsigned long long)batch->window), "series",
             log_text("%zu", batch->series), "first", name.failed ? "" : name.bytes, "reason",
             reason, NULL);
    buffer_deinit(&name);
}

static void log_change(const struct transfer_answer *answer, bool was_away, bool away)
{
    if (away && !was_away) {
        log_line(LOG_LEVEL_WARNING, "receiver cannot be reached", "sink", "remote_write", "reason",
                 answer->reason, NULL);
    } else if (was_away && !away) {
        log_line(LOG_LEVEL_INFO, "receiver is back", "sink", "remote_write", NULL);
    }
}

/* What has left the queue, to be freed. The lock is held. */
static struct batch *settle(struct remote_write *sink, enum verdict verdict,
                            struct batch *const halves[2])
{
    switch (verdict) {
    case VERDICT_AGAIN:
        return NULL;
    case VERDICT_HALVE:
        return queue_replace(&sink->queue, halves);
    case VERDICT_LOST:
        queue_lose(&sink->queue);
        return queue_settle(&sink->queue);
    default:
        return queue_settle(&sink->queue);
    }
}

static void on_answer(void *context, const struct transfer_answer *answer)
{
    struct remote_write *sink = context;
    struct batch *batch = sink->queue.in_hand; /* which only this thread changes */
    struct batch *halves[2] = {NULL, NULL};
    enum verdict verdict = verdict_of(answer->status, batch->series, sink->halvings);
    if (verdict == VERDICT_HALVE) {
        sink->halvings--;
        verdict = batch_halve(batch, halves) ? VERDICT_HALVE : VERDICT_LOST;
    }
    if (verdict == VERDICT_LOST) {
        log_lost(sink, batch, answer->reason);
    }
    pthread_mutex_lock(&sink->lock);
    struct batch *gone = settle(sink, verdict, halves);
    sink->bytes_sent += answer->sent_bytes;
    sink->errors += verdict != VERDICT_TAKEN;
    sink->failing = verdict == VERDICT_AGAIN || verdict == VERDICT_LOST;
    memcpy(sink->reason, answer->reason, sizeof(sink->reason));
    pthread_mutex_unlock(&sink->lock);
    free(gone);
    log_change(answer, sink->failures > 0, verdict == VERDICT_AGAIN);
    sink->sending = false;
    sink->failures = verdict == VERDICT_AGAIN ? sink->failures + 1 : 0;
    sink->notify(sink->context);
    if (sink->failures == 0) {
        send_next(sink);
    } else {
        pump_pause(&sink->pump, sink->failures, answer->retry_after_s);
    }
}

static void work(void *context)
{
    struct remote_write *sink = context;
    /* Of a window without a series nothing is sent that would tell. */
    sink->notify(sink->context);
    send_next(sink);
}

/* SIGHUP: a pause ends at once. */
static void reopen(struct sink *base)
{
    pump_hurry(&sink_of(base)->pump);
}

static void follow_mapping(struct remote_write *sink, const struct config *config)
{
    struct mapper mapper = {0};
    const char *path = config->prometheus.mapping;
    /* The server has just read it, and said what is wrong with it. */
    if (path && !mapper_open(&mapper, path, "remote_write.url", stderr)) {
        return;
    }
    pthread_mutex_lock(&sink->lock);
    struct mapper before = sink->mapper;
    sink->mapper = mapper;
    sink->renamed = true;
    pthread_mutex_unlock(&sink->lock);
    mapper_close(&before);
}

static bool is_busy(const void *context)
{
    const struct remote_write *sink = context;
    return sink->sending;
}

static void free_sink(struct remote_write *sink)
{
    transfer_free(sink->transfer);
    encoder_free(sink->encoder);
    batch_list_free(&sink->queue.list);
    free(sink->queue.in_hand);
    mapper_close(&sink->mapper);
    pump_deinit(&sink->pump);
    pthread_mutex_destroy(&sink->lock);
    free(sink);
}

static bool stop(struct sink *base, uint64_t deadline_ms)
{
    struct remote_write *sink = sink_of(base);
    struct batch_list made;
    if (deadline_ms > 0) {
        if (encoder_end(sink->encoder, &made)) {
            enqueue(sink, sink->queue.latest_window, &made);
        }
        pump_drain(&sink->pump, deadline_ms, is_busy);
    }
    size_t left = queue_bytes(&sink->queue);
    if (left > 0) {
        uint64_t first = queue_done_window(&sink->queue) + 1;
        log_line(LOG_LEVEL_ERROR, "windows lost", "sink", "remote_write", "windows",
                 log_text("%llu", (unsigned long long)(sink->queue.latest_window - first + 1)),
                 "reason", sink->failing ? sink->reason : "they were not taken before the stop",
                 NULL);
    }
    free_sink(sink);
    return left == 0;
}

static const struct sink_ops ops = {
    .name = "remote_write",
    .submit = submit,
    .figures = figures,
    .reopen = reopen,
    .stop = stop,
};

/* Makes the transfer, or has the one there is go on with this token. False without memory. */
static bool set_transfer(struct remote_write *sink, const struct config *config,
                         const char *authorization)
{
    const struct transfer_header headers[] = {
        {"Content-Type", "application/x-protobuf"},
        {"Content-Encoding", "snappy"},
        {"X-Prometheus-Remote-Write-Version", "0.1.0"},
        {"X-Scope-OrgID", config->remote_write.tenant},
        {"Authorization", authorization},
    };
    const struct transfer_options options = {
        .base = sink->events,
        .url = config->remote_write.url,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(*headers),
        .timeout_ms = config->remote_write.timeout_ms,
    };
    if (sink->transfer) {
        return transfer_renew(sink->transfer, &options);
    }
    sink->transfer = transfer_new(&options, on_answer, sink);
    return sink->transfer != NULL;
}

static bool check_receiver(const struct config *config, char authorization[SECRET_BYTES_MAX],
                           char *reason, size_t reason_size)
{
    const char *url = config->remote_write.url;
    if (!transfer_check_url(url, false)) {
        snprintf(reason, reason_size,
                 "remote_write.url: '%s' is not the http or https URL of a receiver", url);
        return false;
    }
    return secret_read_bearer(config->remote_write.token_file, "remote_write.token_file",
                              authorization, reason, reason_size);
}

static bool make_parts(struct remote_write *sink, const struct config *config, char *reason,
                       size_t reason_size)
{
    char authorization[SECRET_BYTES_MAX];
    snprintf(reason, reason_size, "remote_write: out of memory or descriptors");
    if (!pump_init(&sink->pump, sink->events, work, sink) ||
        !check_receiver(config, authorization, reason, reason_size)) {
        return false;
    }
    sink->encoder = encoder_new(config, reason, reason_size);
    if (!sink->encoder) {
        return false;
    }
    snprintf(reason, reason_size, "remote_write: out of memory");
    return set_transfer(sink, config, authorization);
}

/* Who rotates the token reloads. */
static void renew_token(struct remote_write *sink, const struct config *config)
{
    char authorization[SECRET_BYTES_MAX], reason[512] = "out of memory";
    if (!check_receiver(config, authorization, reason, sizeof(reason)) ||
        !set_transfer(sink, config, authorization)) {
        log_line(LOG_LEVEL_WARNING, "secrets stay as they were", "sink", "remote_write", "reason",
                 reason, NULL);
    }
}

static void configure(struct sink *base, const struct config *config)
{
    struct remote_write *sink = sink_of(base);
    follow_mapping(sink, config);
    renew_token(sink, config);
}

static struct sink *make(const struct sink_environment *environment, char *reason,
                         size_t reason_size)
{
    const struct config *config = environment->config;
    struct remote_write *sink = calloc(1, sizeof(*sink));
    if (!sink) {
        snprintf(reason, reason_size, "remote_write: out of memory");
        return NULL;
    }
    sink->base.ops = &ops;
    sink->notify = environment->notify;
    sink->context = environment->context;
    sink->events = environment->base;
    sink->pump.fd = -1;
    sink->queue.bytes_max = config->remote_write.queue_bytes;
    REQUIRE(pthread_mutex_init(&sink->lock, NULL) == 0);
    if (!make_parts(sink, config, reason, reason_size)) {
        free_sink(sink);
        return NULL;
    }
    follow_mapping(sink, config);
    return &sink->base;
}

static bool check(const struct config *config, char *reason, size_t reason_size)
{
    char authorization[SECRET_BYTES_MAX];
    struct encoder *encoder = encoder_new(config, reason, reason_size);
    encoder_free(encoder);
    return encoder && check_receiver(config, authorization, reason, reason_size);
}

static const struct sink_module offer = {.new = make, .configure = configure, .check = check};

MODULE_DEFINE("remote_write", MODULE_SINK, &offer);
