/* SPDX-License-Identifier: MIT
 *
 * Notifications as the bodies of requests, one function a kind of receiver. Functions of their
 * input, the time included; they append to the caller's buffer, whose `failed` says that memory ran
 * out. Whatever bytes names have, JSON is valid UTF-8, and a mail has the headers that it is to
 * have.
 */
#ifndef SERVER_NOTIFY_RENDER_H
#define SERVER_NOTIFY_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/core/buffer.h"
#include "server/http/json.h"
#include "server/notify/notification.h"

#define NOTIFY_TOGETHER_MAX 100

/* What is told together. */
struct notify_batch {
    const struct config_notify *config;
    const char *template; /* of the body; NULL = the usual one. With one, there is one item */
    size_t template_length;
    struct notification *const *items;
    size_t count;           /* one and more */
    double now;             /* Unix seconds */
    uint64_t lasts_ms;      /* of an Alertmanager: after so long it may take what fires for over */
    uint64_t identifier[2]; /* random, of a mail */
};

/* The body by the type of the notifier. */
void notify_render(const struct notify_batch *batch, struct buffer *out);

/* How many may be told together, at least 1, at most NOTIFY_TOGETHER_MAX. */
size_t notify_render_max(const struct config_notify *config);

/* The object that an Alertmanager sends to a webhook
 * (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), whose alerts have
 * `value`, `threshold` and `condition` besides. */
void notify_render_webhook(const struct notify_batch *batch, struct buffer *out);

/* The array of alerts of an Alertmanager's API, POST /api/v2/alerts. */
void notify_render_alertmanager(const struct notify_batch *batch, struct buffer *out);

/* A message of Slack's incoming webhooks, an attachment an alert. */
void notify_render_slack(const struct notify_batch *batch, struct buffer *out);

/* A message (RFC 5322, MIME), lines ended by CR LF. */
void notify_render_mail(const struct notify_batch *batch, struct buffer *out);

/* The members `labels` and `annotations` of an alert's object: alertname, severity, metric and a
 * label a tag; summary, description where there is one, condition, value, threshold. Keys of labels
 * are label names of Prometheus; one that is taken gets an underscore behind. */
void notify_render_labels(const struct notification *notification, struct json *json);

#endif
