/* SPDX-License-Identifier: MIT
 *
 * The module `notify`: channels that speak HTTP or to a mail server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/module.h"
#include "server/modules/curl/secret.h"
#include "server/modules/curl/transfer.h"
#include "server/notify/channel.h"

#define ALERTMANAGER_PATH "/api/v2/alerts"

struct network_channel {
    struct channel channel; /* must be first */
    struct transfer *transfer;
    bool mail;
    channel_done *done;
    void *context;
};

static void on_answer(void *context, const struct transfer_answer *answer)
{
    struct network_channel *channel = context;
    struct channel_outcome outcome = {
        .taken = answer->taken,
        .again = !answer->taken && transfer_may_pass(answer, channel->mail),
        .retry_after_s = answer->retry_after_s,
        .sent_bytes = answer->sent_bytes,
    };
    memcpy(outcome.reason, answer->reason, sizeof(outcome.reason));
    channel->done(channel->context, &outcome);
}

_Static_assert(sizeof(((struct transfer_answer *)NULL)->reason) ==
                   sizeof(((struct channel_outcome *)NULL)->reason),
               "reasons are copied whole");

static void begin(struct channel *base, const struct channel_request *request)
{
    struct network_channel *channel = (struct network_channel *)base;
    if (!transfer_send(channel->transfer, request->bytes, request->length)) {
        struct channel_outcome outcome = {.again = true};
        snprintf(outcome.reason, sizeof(outcome.reason), "the request could not be begun");
        channel->done(channel->context, &outcome);
    }
}

static void free_channel(struct channel *base)
{
    struct network_channel *channel = (struct network_channel *)base;
    transfer_free(channel->transfer);
    free(channel);
}

static const struct channel_ops ops = {.send = begin, .free = free_channel};

struct secrets {
    char url[SECRET_BYTES_MAX], authorization[SECRET_BYTES_MAX], password[SECRET_BYTES_MAX];
};

static bool read_secrets(const struct config_notify *config, struct secrets *secrets, char *reason,
                         size_t reason_size)
{
    char key[160];
    snprintf(key, sizeof(key), "[notify \"%.100s\"] url_file", config->name);
    if (!secret_read(config->url_file, key, secrets->url, reason, reason_size)) {
        return false;
    }
    if (!config->url_file) {
        snprintf(secrets->url, sizeof(secrets->url), "%s", config->url);
    }
    snprintf(key, sizeof(key), "[notify \"%.100s\"] token_file", config->name);
    if (!secret_read_bearer(config->token_file, key, secrets->authorization, reason, reason_size)) {
        return false;
    }
    snprintf(key, sizeof(key), "[notify \"%.100s\"] password_file", config->name);
    return secret_read(config->password_file, key, secrets->password, reason, reason_size);
}

/* The URL of an Alertmanager is that of its root; to be freed, NULL without memory. */
static char *make_url(const struct config_notify *config, const char *given)
{
    char *url = NULL;
    size_t length = strlen(given);
    while (config->type == NOTIFY_ALERTMANAGER && length > 0 && given[length - 1] == '/') {
        length--;
    }
    const char *path = config->type == NOTIFY_ALERTMANAGER ? ALERTMANAGER_PATH : "";
    return asprintf(&url, "%.*s%s", (int)length, given, path) < 0 ? NULL : url;
}

static struct transfer *make_transfer(struct network_channel *channel,
                                      const struct config_notify *config, struct event_base *base,
                                      const struct secrets *secrets)
{
    const struct transfer_header headers[] = {
        {"Content-Type", "application/json"},
        {"Authorization", secrets->authorization},
    };
    const struct transfer_mail mail = {
        .from = config->from,
        .to = config->to.items,
        .to_count = config->to.count,
        .username = config->username,
        .password = secrets->password,
    };
    char *url = make_url(config, secrets->url);
    const struct transfer_options options = {
        .base = base,
        .url = url,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(*headers),
        .mail = channel->mail ? &mail : NULL,
        .timeout_ms = config->timeout_ms,
    };
    struct transfer *transfer = url ? transfer_new(&options, on_answer, channel) : NULL;
    free(url);
    return transfer;
}

/* Reads the secrets; the URL is in no reason, as it may be one of them. */
static bool prepare(const struct config_notify *config, struct secrets *secrets, char *reason,
                    size_t reason_size)
{
    bool mail = config->type == NOTIFY_SMTP;
    if (!read_secrets(config, secrets, reason, reason_size)) {
        return false;
    }
    if (!transfer_check_url(secrets->url, mail) || transfer_url_has_user(secrets->url)) {
        snprintf(
            reason, reason_size,
            "[notify \"%.100s\"] url: it is not that of a %s server, without user and password",
            config->name, mail ? "mail" : "web");
        return false;
    }
    return true;
}

static bool check(const struct config_notify *config, char *reason, size_t reason_size)
{
    struct secrets secrets;
    return prepare(config, &secrets, reason, reason_size);
}

static struct channel *make(const struct config_notify *config, struct event_base *base,
                            channel_done *done, void *context, char *reason, size_t reason_size)
{
    struct secrets secrets;
    if (!prepare(config, &secrets, reason, reason_size)) {
        return NULL;
    }
    struct network_channel *channel = calloc(1, sizeof(*channel));
    if (channel) {
        channel->channel.ops = &ops;
        channel->mail = config->type == NOTIFY_SMTP;
        channel->done = done;
        channel->context = context;
        channel->transfer = make_transfer(channel, config, base, &secrets);
    }
    if (!channel || !channel->transfer) {
        free(channel);
        snprintf(reason, reason_size, "[notify \"%.100s\"]: out of memory", config->name);
        return NULL;
    }
    return &channel->channel;
}

static const struct channel_module offer = {.new = make, .check = check};

MODULE_DEFINE("notify", MODULE_CHANNEL, &offer);
