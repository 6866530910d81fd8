/* SPDX-License-Identifier: MIT */
#include "server/relay_sink.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/log.h"

#define LOG_INTERVAL_NS UINT64_C(60000000000)

struct relay_sink {
    struct sink sink;
    const struct clock *clock;
    sink_notify *notify;
    void *context;
    _Atomic uint64_t done_window;
    uint64_t logged_ns, logged_lost;
    size_t lane_count;
    struct relay_lane *lanes[];
};

static void submit(struct sink *sink, const struct snapshot *snapshot)
{
    struct relay_sink *relay = (struct relay_sink *)sink;
    atomic_store_explicit(&relay->done_window, snapshot->window, memory_order_release);
    relay->notify(relay->context);
}

static struct relay_figures sum(const struct relay_sink *relay)
{
    struct relay_figures total = {0};
    for (size_t i = 0; i < relay->lane_count; i++) {
        struct relay_figures own;
        relay_read(relay->lanes[i], &own);
        total.datagrams_sent += own.datagrams_sent;
        total.bytes_sent += own.bytes_sent;
        total.datagrams_lost += own.datagrams_lost;
        total.error = own.error ? own.error : total.error;
    }
    return total;
}

/* It never fails as the others do: that another server is down is no reason to take this one out of
 * service. */
static void figures(struct sink *sink, struct sink_figures *out)
{
    struct relay_sink *relay = (struct relay_sink *)sink;
    struct relay_figures total = sum(relay);
    *out = (struct sink_figures){
        .done_window = atomic_load_explicit(&relay->done_window, memory_order_acquire),
        .errors = total.datagrams_lost,
        .bytes_sent = total.bytes_sent,
    };
}

static bool stop(struct sink *sink, uint64_t deadline_ms)
{
    struct relay_sink *relay = (struct relay_sink *)sink;
    (void)deadline_ms;
    for (size_t i = 0; i < relay->lane_count; i++) {
        relay_lane_free(relay->lanes[i]);
    }
    free(relay);
    return true;
}

static bool find_targets(const struct config *config, const struct listeners *listeners,
                         struct address targets[RELAY_TARGETS_MAX], char *reason,
                         size_t reason_size)
{
    for (size_t i = 0; i < config->relay.address.count; i++) {
        const char *text = config->relay.address.items[i];
        if (!address_resolve(text, SOCK_DGRAM, &targets[i], reason, reason_size)) {
            return false;
        }
        if (listeners_have_udp(listeners, &targets[i])) {
            snprintf(reason, reason_size, "relay %s: this server itself listens there", text);
            return false;
        }
    }
    return true;
}

struct sink *relay_sink_new(const struct config *config, const struct listeners *listeners,
                            const struct clock *clock, sink_notify *notify, void *context,
                            char *reason, size_t reason_size)
{
    static const struct sink_ops ops = {
        .name = "relay", .submit = submit, .figures = figures, .stop = stop};
    struct address targets[RELAY_TARGETS_MAX];
    if (!find_targets(config, listeners, targets, reason, reason_size)) {
        return NULL;
    }
    size_t workers = config->server.workers;
    struct relay_sink *relay = calloc(1, sizeof(*relay) + workers * sizeof(*relay->lanes));
    if (!relay) {
        return NULL;
    }
    *relay =
        (struct relay_sink){.sink = {&ops}, .clock = clock, .notify = notify, .context = context};
    for (; relay->lane_count < workers; relay->lane_count++) {
        relay->lanes[relay->lane_count] =
            relay_lane_new(targets, config->relay.address.count,
                           (size_t)config->relay.datagram_bytes, reason, reason_size);
        if (!relay->lanes[relay->lane_count]) {
            stop(&relay->sink, 0);
            return NULL;
        }
    }
    return &relay->sink;
}

struct relay_lane *relay_sink_lane(struct sink *sink, size_t worker)
{
    return ((struct relay_sink *)sink)->lanes[worker];
}

void relay_sink_log(struct sink *sink)
{
    struct relay_sink *relay = (struct relay_sink *)sink;
    struct relay_figures total = sum(relay);
    uint64_t now = clock_monotonic_ns(relay->clock);
    bool recent = relay->logged_ns != 0 && now - relay->logged_ns < LOG_INTERVAL_NS;
    if (total.datagrams_lost == relay->logged_lost || recent) {
        return;
    }
    log_line(LOG_LEVEL_WARNING, "the relay loses datagrams", "lost",
             log_text("%llu", (unsigned long long)(total.datagrams_lost - relay->logged_lost)),
             "sent", log_text("%llu", (unsigned long long)total.datagrams_sent), "reason",
             strerror(total.error), NULL);
    relay->logged_ns = now;
    relay->logged_lost = total.datagrams_lost;
}
