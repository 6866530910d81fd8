/* SPDX-License-Identifier: MIT
 *
 * The sink: of each closed window it takes how the closing of the one before went, and POSTs it to
 * a collector. Traces wait in a ring; where it is full the oldest goes. A window is done for it as
 * soon as it was looked at: nothing waits for a collector.
 */
#include <event2/event.h>
#include <event2/util.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/core/module.h"
#include "server/core/require.h"
#include "server/modules/curl/secret.h"
#include "server/modules/curl/transfer.h"
#include "server/modules/tracing/otlp.h"
#include "server/sink/pump.h"
#include "server/sink/sink_module.h"

/* Windows of a request. */
#define TOGETHER_MAX 60

#define STOP_MS_MAX 2000

struct tracing {
    struct sink base; /* must be first */
    sink_notify *notify;
    void *context;
    struct trace before; /* flusher's thread: the latest window, until its stages are known */
    /* Main thread: */
    struct pump pump;
    struct transfer *transfer;
    struct trace in_hand[TOGETHER_MAX];
    size_t in_hand_count;
    struct buffer body;
    unsigned failures; /* in a row */
    char host_name[256];

    pthread_mutex_t lock; /* guards what follows */
    struct trace *ring;   /* `room` of them */
    size_t room, first, count;
    struct sink_figures figures;
};

static struct tracing *tracing_of(struct sink *base)
{
    return (struct tracing *)base;
}

static void lose(struct tracing *tracing, size_t count, const char *reason)
{
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&tracing->lock);
    tracing->figures.windows_lost += count;
    pthread_mutex_unlock(&tracing->lock);
    log_line(LOG_LEVEL_WARNING, "windows lost", "sink", "tracing", "windows",
             log_text("%zu", count), "reason", reason, NULL);
}

static void put(struct tracing *tracing, const struct trace *trace)
{
    pthread_mutex_lock(&tracing->lock);
    bool full = tracing->count == tracing->room;
    if (full) {
        tracing->first = (tracing->first + 1) % tracing->room;
        tracing->count--;
    }
    tracing->ring[(tracing->first + tracing->count++) % tracing->room] = *trace;
    pthread_mutex_unlock(&tracing->lock);
    lose(tracing, full, "the queue is full");
}

static void submit(struct sink *base, const struct snapshot *snapshot)
{
    struct tracing *tracing = tracing_of(base);
    struct trace *trace = &tracing->before;
    pthread_mutex_lock(&tracing->lock);
    tracing->figures.done_window = snapshot->window;
    pthread_mutex_unlock(&tracing->lock);
    trace->stages = snapshot->stages;
    if (trace->stages.window > 0) {
        evutil_secure_rng_get_bytes(trace->trace_id, sizeof(trace->trace_id));
        evutil_secure_rng_get_bytes(trace->span_ids, sizeof(trace->span_ids));
        put(tracing, trace);
        pump_wake(&tracing->pump);
    }
    *trace = (struct trace){
        .counters = snapshot->counter_count,
        .gauges = snapshot->gauge_count,
        .timers = snapshot->timer_count,
        .sets = snapshot->set_count,
        .window_seconds = snapshot->window_seconds,
    };
    tracing->notify(tracing->context);
}

static void figures(struct sink *base, struct sink_figures *figures)
{
    struct tracing *tracing = tracing_of(base);
    pthread_mutex_lock(&tracing->lock);
    *figures = tracing->figures;
    figures->queue_bytes = tracing->count * sizeof(struct trace);
    pthread_mutex_unlock(&tracing->lock);
}

static void take_in_hand(struct tracing *tracing)
{
    pthread_mutex_lock(&tracing->lock);
    while (tracing->count > 0 && tracing->in_hand_count < TOGETHER_MAX) {
        tracing->in_hand[tracing->in_hand_count++] = tracing->ring[tracing->first];
        tracing->first = (tracing->first + 1) % tracing->room;
        tracing->count--;
    }
    pthread_mutex_unlock(&tracing->lock);
}

/* Sends what is in hand after a failure, else what is oldest, unless something is being sent or
 * there is a pause. */
static void send_next(void *context)
{
    struct tracing *tracing = context;
    if (tracing->body.length > 0 || pump_pauses(&tracing->pump)) {
        return;
    }
    take_in_hand(tracing);
    if (tracing->in_hand_count == 0) {
        return;
    }
    const struct otlp_resource resource = {.host_name = tracing->host_name};
    otlp_render(&resource, tracing->in_hand, tracing->in_hand_count, &tracing->body);
    if (tracing->body.failed ||
        !transfer_send(tracing->transfer, tracing->body.bytes, tracing->body.length)) {
        buffer_deinit(&tracing->body);
        buffer_init(&tracing->body);
        pump_pause(&tracing->pump, ++tracing->failures, 0);
    }
}

static void take_figures(struct tracing *tracing, const struct transfer_answer *answer)
{
    struct sink_figures *figures = &tracing->figures;
    pthread_mutex_lock(&tracing->lock);
    figures->bytes_sent += answer->sent_bytes;
    figures->errors += !answer->taken;
    figures->failing = !answer->taken;
    snprintf(figures->reason, sizeof(figures->reason), "%s", answer->reason);
    pthread_mutex_unlock(&tracing->lock);
}

static void log_change(const struct tracing *tracing, const struct transfer_answer *answer,
                       bool away)
{
    if (away && tracing->failures == 0) {
        log_line(LOG_LEVEL_WARNING, "collector cannot be reached", "sink", "tracing", "reason",
                 answer->reason, NULL);
    } else if (!away && tracing->failures > 0) {
        log_line(LOG_LEVEL_INFO, "collector is back", "sink", "tracing", NULL);
    }
}

static void on_answer(void *context, const struct transfer_answer *answer)
{
    struct tracing *tracing = context;
    bool away = !answer->taken && transfer_may_pass(answer, false);
    take_figures(tracing, answer);
    log_change(tracing, answer, away);
    buffer_deinit(&tracing->body);
    buffer_init(&tracing->body);
    if (away) {
        pump_pause(&tracing->pump, ++tracing->failures, answer->retry_after_s);
        return;
    }
    tracing->failures = 0;
    lose(tracing, answer->taken ? 0 : tracing->in_hand_count, answer->reason);
    tracing->in_hand_count = 0;
    send_next(tracing);
}

/* SIGHUP: a pause ends at once. */
static void reopen(struct sink *base)
{
    pump_hurry(&tracing_of(base)->pump);
}

static bool is_busy(const void *context)
{
    const struct tracing *tracing = context;
    return tracing->body.length > 0;
}

static void free_tracing(struct tracing *tracing)
{
    transfer_free(tracing->transfer);
    pump_deinit(&tracing->pump);
    buffer_deinit(&tracing->body);
    free(tracing->ring);
    pthread_mutex_destroy(&tracing->lock);
    free(tracing);
}

static bool stop(struct sink *base, uint64_t deadline_ms)
{
    struct tracing *tracing = tracing_of(base);
    if (deadline_ms > 0) {
        pump_drain(&tracing->pump, deadline_ms < STOP_MS_MAX ? deadline_ms : STOP_MS_MAX, is_busy);
    }
    size_t left = tracing->in_hand_count + tracing->count;
    lose(tracing, left,
         tracing->figures.failing ? tracing->figures.reason
                                  : "they were not taken before the stop");
    free_tracing(tracing);
    return true;
}

static const struct sink_ops ops = {
    .name = "tracing",
    .aside = true,
    .submit = submit,
    .figures = figures,
    .reopen = reopen,
    .stop = stop,
};

static bool check_collector(const struct config *config, char authorization[SECRET_BYTES_MAX],
                            char *reason, size_t reason_size)
{
    if (!transfer_check_url(config->tracing.endpoint, false) ||
        transfer_url_has_user(config->tracing.endpoint)) {
        snprintf(reason, reason_size,
                 "tracing.endpoint: '%s' is not the http or https URL of a collector, without user "
                 "and password",
                 config->tracing.endpoint);
        return false;
    }
    return secret_read_bearer(config->tracing.token_file, "tracing.token_file", authorization,
                              reason, reason_size);
}

/* Makes the transfer, or has the one there is go on with this token. False without memory. */
static bool set_transfer(struct tracing *tracing, const struct config *config,
                         const char *authorization)
{
    const struct transfer_header headers[] = {
        {"Content-Type", "application/json"},
        {"Authorization", authorization},
    };
    const struct transfer_options options = {
        .base = tracing->pump.base,
        .url = config->tracing.endpoint,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(*headers),
        .timeout_ms = config->tracing.timeout_ms,
    };
    if (tracing->transfer) {
        return transfer_renew(tracing->transfer, &options);
    }
    tracing->transfer = transfer_new(&options, on_answer, tracing);
    return tracing->transfer != NULL;
}

static bool make_parts(struct tracing *tracing, const struct sink_environment *environment,
                       char *reason, size_t reason_size)
{
    char authorization[SECRET_BYTES_MAX];
    const struct config *config = environment->config;
    if (!check_collector(config, authorization, reason, reason_size)) {
        return false;
    }
    snprintf(reason, reason_size, "tracing: out of memory or descriptors");
    tracing->room = config->tracing.queue_windows;
    tracing->ring = calloc(tracing->room, sizeof(*tracing->ring));
    return tracing->ring && pump_init(&tracing->pump, environment->base, send_next, tracing) &&
           set_transfer(tracing, config, authorization);
}

/* Who rotates the token reloads. */
static void configure(struct sink *base, const struct config *config)
{
    char authorization[SECRET_BYTES_MAX], reason[512] = "out of memory";
    if (!check_collector(config, authorization, reason, sizeof(reason)) ||
        !set_transfer(tracing_of(base), config, authorization)) {
        log_line(LOG_LEVEL_WARNING, "secrets stay as they were", "sink", "tracing", "reason",
                 reason, NULL);
    }
}

static struct sink *make(const struct sink_environment *environment, char *reason,
                         size_t reason_size)
{
    struct tracing *tracing = calloc(1, sizeof(*tracing));
    if (!tracing) {
        snprintf(reason, reason_size, "tracing: out of memory");
        return NULL;
    }
    tracing->base.ops = &ops;
    tracing->notify = environment->notify;
    tracing->context = environment->context;
    tracing->pump.fd = -1;
    if (gethostname(tracing->host_name, sizeof(tracing->host_name) - 1) != 0) {
        tracing->host_name[0] = '\0';
    }
    REQUIRE(pthread_mutex_init(&tracing->lock, NULL) == 0);
    if (!make_parts(tracing, environment, reason, reason_size)) {
        free_tracing(tracing);
        return NULL;
    }
    return &tracing->base;
}

static bool check(const struct config *config, char *reason, size_t reason_size)
{
    char authorization[SECRET_BYTES_MAX];
    return check_collector(config, authorization, reason, reason_size);
}

static const struct sink_module offer = {.new = make, .configure = configure, .check = check};

MODULE_DEFINE("tracing", MODULE_SINK, &offer);
