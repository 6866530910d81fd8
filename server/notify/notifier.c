/* SPDX-License-Identifier: MIT */
#include "server/notify/notifier.h"

#include <event2/util.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/small_file.h"
#include "config/template.h"
#include "server/core/log.h"
#include "server/core/require.h"
#include "server/notify/queue.h"
#include "server/notify/render.h"
#include "server/sink/pump.h"

#define MS UINT64_C(1000000)
#define REASON_BYTES 512

struct notifier {
    struct sink base; /* must be first */
    struct sink_ops ops;
    struct notifier_options options;
    char name[160]; /* of the sink: "notify:on call" */
    /* Flusher's thread: */
    bool resolved, resends;
    uint64_t resend_ns, resent_ns;
    /* Main thread: */
    const struct config_notify *config;
    uint64_t lasts_ms; /* of an Alertmanager: what fires, after it was told */
    char *template;
    size_t template_length;
    struct channel *channel;
    struct pump pump;
    struct notification *in_hand[NOTIFY_TOGETHER_MAX];
    size_t in_hand_count;
    struct buffer body;
    unsigned failures; /* in a row */

    pthread_mutex_t lock; /* guards what follows */
    struct notify_queue queue;
    struct sink_figures figures;
};

static struct notifier *notifier_of(struct sink *base)
{
    return (struct notifier *)base;
}

static void lose(struct notifier *notifier, size_t count, const char *reason)
{
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&notifier->lock);
    notifier->figures.notifications_lost += count;
    pthread_mutex_unlock(&notifier->lock);
    log_line(LOG_LEVEL_ERROR, "notifications lost", "sink", notifier->name, "notifications",
             log_text("%zu", count), "reason", reason, NULL);
}

/* Returns how many found no room. */
static size_t enqueue(struct notifier *notifier, const struct alert_row *row, bool again,
                      uint64_t now_ns)
{
    struct notification *notification = notification_new(row, again, now_ns);
    if (!notification) {
        return 1;
    }
    pthread_mutex_lock(&notifier->lock);
    size_t gone = notify_queue_put(&notifier->queue, notification);
    pthread_mutex_unlock(&notifier->lock);
    return gone;
}

/* Whether what still fires is due to be said again. */
static bool resend_is_due(struct notifier *notifier, uint64_t now_ns)
{
    if (!notifier->resends ||
        (notifier->resent_ns > 0 && now_ns - notifier->resent_ns < notifier->resend_ns)) {
        return false;
    }
    notifier->resent_ns = now_ns;
    return true;
}

/* Puts in what there is to tell. Returns whether there was something. */
static bool take_rows(struct notifier *notifier, const struct alert_set *set, uint64_t now_ns)
{
    uint32_t bit = UINT32_C(1) << notifier->options.index;
    bool resend = resend_is_due(notifier, now_ns);
    size_t gone = 0;
    bool any = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct alert_row *row = &set->rows[i];
        bool fires = row->state == ALERT_FIRING;
        bool ends = row->state == ALERT_RESOLVED && notifier->resolved;
        bool told = (row->notify & bit) && (fires || ends);
        bool again = resend && fires && (row->notifiers & bit);
        if (told || again) {
            gone += enqueue(notifier, row, !told, now_ns);
            any = true;
        }
    }
    lose(notifier, gone, "there is no room for them");
    return any;
}

static void submit(struct sink *base, const struct snapshot *snapshot)
{
    struct notifier *notifier = notifier_of(base);
    uint64_t now_ns = clock_monotonic_ns(notifier->options.clock);
    pthread_mutex_lock(&notifier->lock);
    notifier->figures.done_window = snapshot->window;
    pthread_mutex_unlock(&notifier->lock);
    if (snapshot->alerts && take_rows(notifier, snapshot->alerts, now_ns)) {
        pump_wake(&notifier->pump);
    }
    notifier->options.notify(notifier->options.context);
}

static void figures(struct sink *base, struct sink_figures *figures)
{
    struct notifier *notifier = notifier_of(base);
    pthread_mutex_lock(&notifier->lock);
    *figures = notifier->figures;
    figures->queue_bytes = notifier->queue.bytes;
    pthread_mutex_unlock(&notifier->lock);
}

/* Takes in hand what goes out together. Returns how many were too old for that, which are freed. */
static size_t take_in_hand(struct notifier *notifier)
{
    size_t most = notify_render_max(notifier->config), too_old = 0;
    uint64_t now_ns = clock_monotonic_ns(notifier->options.clock);
    struct notification *next;
    pthread_mutex_lock(&notifier->lock);
    while (notifier->in_hand_count < most && (next = notify_queue_take(&notifier->queue))) {
        if (now_ns - next->since_ns > notifier->config->give_up_ms * MS) {
            too_old += !next->again;
            notification_free(next);
        } else {
            notifier->in_hand[notifier->in_hand_count++] = next;
        }
    }
    pthread_mutex_unlock(&notifier->lock);
    return too_old;
}

static void return_in_hand(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->lock);
    while (notifier->in_hand_count > 0) {
        notify_queue_return(&notifier->queue, notifier->in_hand[--notifier->in_hand_count]);
    }
    pthread_mutex_unlock(&notifier->lock);
}

static void free_in_hand(struct notifier *notifier)
{
    while (notifier->in_hand_count > 0) {
        notification_free(notifier->in_hand[--notifier->in_hand_count]);
    }
}

/* Those in hand that were not told before. */
static size_t count_new(const struct notifier *notifier)
{
    size_t count = 0;
    for (size_t i = 0; i < notifier->in_hand_count; i++) {
        count += !notifier->in_hand[i]->again;
    }
    return count;
}

static bool render(struct notifier *notifier)
{
    struct notify_batch batch = {
        .config = notifier->config,
        .template = notifier->template,
        .template_length = notifier->template_length,
        .items = notifier->in_hand,
        .count = notifier->in_hand_count,
        .now = (double)clock_wall_ns(notifier->options.clock) / 1e9,
        .lasts_ms = notifier->lasts_ms,
    };
    evutil_secure_rng_get_bytes(batch.identifier, sizeof(batch.identifier));
    buffer_deinit(&notifier->body);
    buffer_init(&notifier->body);
    notify_render(&batch, &notifier->body);
    return !notifier->body.failed && notifier->body.length > 0;
}

/* Sends what is oldest, unless something is being sent or there is a pause. */
static void send_next(void *context)
{
    struct notifier *notifier = context;
    if (notifier->in_hand_count > 0 || pump_pauses(&notifier->pump)) {
        return;
    }
    lose(notifier, take_in_hand(notifier), "they did not get through in time");
    if (notifier->in_hand_count == 0) {
        return;
    }
    if (!render(notifier)) {
        size_t lost = count_new(notifier);
        free_in_hand(notifier);
        lose(notifier, lost, "out of memory, or an empty template");
        return;
    }
    const struct channel_request request = {
        .bytes = notifier->body.bytes,
        .length = notifier->body.length,
        .first = notifier->in_hand[0],
    };
    notifier->channel->ops->send(notifier->channel, &request);
}

static void count_told(struct notifier *notifier)
{
    for (size_t i = 0; i < notifier->in_hand_count; i++) {
        const struct notification *told = notifier->in_hand[i];
        if (!told->again) {
            notifier->figures.notifications_told[notification_is_over(told)]++;
        }
    }
}

static void take_figures(struct notifier *notifier, const struct channel_outcome *outcome)
{
    struct sink_figures *figures = &notifier->figures;
    pthread_mutex_lock(&notifier->lock);
    figures->bytes_sent += outcome->sent_bytes;
    figures->errors += !outcome->taken;
    figures->failing = !outcome->taken;
    snprintf(figures->reason, sizeof(figures->reason), "%s", outcome->reason);
    if (outcome->taken) {
        count_told(notifier);
    }
    pthread_mutex_unlock(&notifier->lock);
}

static void log_change(const struct notifier *notifier, const struct channel_outcome *outcome)
{
    bool away = !outcome->taken && outcome->again;
    if (away && notifier->failures == 0) {
        log_line(LOG_LEVEL_WARNING, "notifier cannot be reached", "sink", notifier->name, "reason",
                 outcome->reason, NULL);
    } else if (!away && notifier->failures > 0) {
        log_line(LOG_LEVEL_INFO, "notifier is back", "sink", notifier->name, NULL);
    }
}

static void on_done(void *context, const struct channel_outcome *outcome)
{
    struct notifier *notifier = context;
    bool away = !outcome->taken && outcome->again;
    take_figures(notifier, outcome);
    log_change(notifier, outcome);
    if (away) {
        return_in_hand(notifier);
        notifier->failures++;
        pump_pause(&notifier->pump, notifier->failures, outcome->retry_after_s);
    } else {
        size_t refused = outcome->taken ? 0 : count_new(notifier);
        notifier->failures = 0;
        free_in_hand(notifier);
        lose(notifier, refused, outcome->reason);
        send_next(notifier);
    }
    notifier->options.notify(notifier->options.context);
}

/* SIGHUP: a pause ends at once. */
static void reopen(struct sink *base)
{
    pump_hurry(&notifier_of(base)->pump);
}

static bool is_busy(const void *context)
{
    const struct notifier *notifier = context;
    return notifier->in_hand_count > 0;
}

static void free_notifier(struct notifier *notifier)
{
    if (notifier->channel) {
        notifier->channel->ops->free(notifier->channel);
    }
    free_in_hand(notifier);
    notify_queue_deinit(&notifier->queue);
    buffer_deinit(&notifier->body);
    free(notifier->template);
    pump_deinit(&notifier->pump);
    pthread_mutex_destroy(&notifier->lock);
    free(notifier);
}

static bool stop(struct sink *base, uint64_t deadline_ms)
{
    struct notifier *notifier = notifier_of(base);
    size_t left = 0;
    struct notification *next;
    if (deadline_ms > 0) {
        pump_drain(&notifier->pump,
                   deadline_ms < NOTIFIER_STOP_MS_MAX ? deadline_ms : NOTIFIER_STOP_MS_MAX,
                   is_busy);
    }
    return_in_hand(notifier);
    while ((next = notify_queue_take(&notifier->queue))) {
        left += !next->again;
        notification_free(next);
    }
    lose(notifier, left,
         notifier->figures.failing ? notifier->figures.reason
                                   : "they were not taken before the stop");
    free_notifier(notifier);
    return true;
}

/* False where it cannot be read; the configuration's check has told its other faults. */
static bool read_template(struct notifier *notifier, char *reason, size_t reason_size)
{
    const char *path = notifier->config->template_file;
    if (!path) {
        return true;
    }
    notifier->template = malloc(TEMPLATE_BYTES_MAX + 1);
    ssize_t length = notifier->template
                         ? config_read_small_file(path, notifier->template, TEMPLATE_BYTES_MAX + 1)
                         : -1;
    if (length < 0) {
        snprintf(reason, reason_size, "[notify \"%.60s\"] template: '%s' cannot be read",
                 notifier->config->name, path);
        return false;
    }
    notifier->template_length = (size_t)length;
    return true;
}

static bool make_parts(struct notifier *notifier, char *reason, size_t reason_size)
{
    snprintf(reason, reason_size, "%s: out of memory or descriptors", notifier->name);
    if (!pump_init(&notifier->pump, notifier->options.base, send_next, notifier) ||
        !read_template(notifier, reason, reason_size)) {
        return false;
    }
    notifier->channel = notifier->options.make_channel(notifier->config, notifier->options.base,
                                                       on_done, notifier, reason, reason_size);
    return notifier->channel != NULL;
}

/* Who rotates a secret reloads. */
static void renew_secrets(struct notifier *notifier)
{
    struct channel *channel = notifier->channel;
    char reason[REASON_BYTES];
    if (channel && channel->ops->renew &&
        !channel->ops->renew(channel, notifier->config, reason, sizeof(reason))) {
        log_line(LOG_LEVEL_WARNING, "secrets stay as they were", "sink", notifier->name, "reason",
                 reason, NULL);
    }
}

void notifier_configure(struct sink *sink, const struct config *config)
{
    struct notifier *notifier = notifier_of(sink);
    notifier->config = &config->notifies.items[notifier->options.index];
    /* What fires is said again with a window. */
    uint64_t interval_ms = config->flush.interval_ms, resend_ms = notifier->config->resend_ms;
    notifier->lasts_ms =
        NOTIFIER_LASTS_RESENDS * (interval_ms > resend_ms ? interval_ms : resend_ms);
    renew_secrets(notifier);
}

struct sink *notifier_new(const struct notifier_options *options, char *reason, size_t reason_size)
{
    struct notifier *notifier = calloc(1, sizeof(*notifier));
    if (!notifier) {
        snprintf(reason, reason_size, "notify: out of memory");
        return NULL;
    }
    notifier->options = *options;
    notifier_configure(&notifier->base, options->config);
    const struct config_notify *config = notifier->config;
    snprintf(notifier->name, sizeof(notifier->name), "notify:%s", config->name);
    notifier->ops = (struct sink_ops){.name = notifier->name,
                                      .notifier = notifier->name + strlen("notify:"),
                                      .aside = true,
                                      .submit = submit,
                                      .figures = figures,
                                      .reopen = reopen,
                                      .stop = stop};
    notifier->base.ops = &notifier->ops;
    notifier->resolved = config->resolved;
    notifier->resends = config->type == NOTIFY_ALERTMANAGER;
    notifier->resend_ns = config->resend_ms * MS;
    notifier->pump.fd = -1;
    notifier->queue.bytes_max = config->buffer_bytes;
    REQUIRE(pthread_mutex_init(&notifier->lock, NULL) == 0);
    if (!make_parts(notifier, reason, reason_size)) {
        free_notifier(notifier);
        return NULL;
    }
    return &notifier->base;
}
