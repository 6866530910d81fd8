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
#include "server/modules/notify/headers.h"
#include "server/notify/channel.h"

#define ALERTMANAGER_PATH "/api/v2/alerts"

struct network_channel {
    struct channel channel; /* must be first */
    struct event_base *base;
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

/* What is read from files, or is in the configuration instead. */
struct secrets {
    char url[SECRET_BYTES_MAX], authorization[SECRET_BYTES_MAX], password[SECRET_BYTES_MAX];
    struct config_strings headers;
};

static void free_secrets(struct secrets *secrets)
{
    headers_free(&secrets->headers);
}

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
    if (!secret_read(config->password_file, key, secrets->password, reason, reason_size)) {
        return false;
    }
    return headers_read(config, &secrets->headers, reason, reason_size);
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

static enum transfer_tls starttls_of(const struct config_notify *config)
{
    return config->tls == MAIL_TLS_REQUIRED ? TRANSFER_TLS_REQUIRED
           : config->tls == MAIL_TLS_OFF    ? TRANSFER_TLS_NEVER
                                            : TRANSFER_TLS_OFFERED;
}

/* Makes the channel's transfer, or has the one it has go on with these secrets. False without
 * memory. */
static bool set_transfer(struct network_channel *channel, const struct config_notify *config,
                         const struct secrets *secrets)
{
    const struct transfer_header headers[] = {
        {"Content-Type", "application/json"},
        {"Authorization", secrets->authorization},
    };
    const struct transfer_mail mail = {
        .starttls = starttls_of(config),
        .from = config->from,
        .to = config->to.items,
        .to_count = config->to.count,
        .username = config->username,
        .password = secrets->password,
    };
    char *url = make_url(config, secrets->url);
    const struct transfer_options options = {
        .base = channel->base,
        .url = url,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(*headers),
        .lines = &secrets->headers,
        .ca_file = config->ca_file,
        .mail = channel->mail ? &mail : NULL,
        .timeout_ms = config->timeout_ms,
    };
    bool set = url != NULL;
    if (url && channel->transfer) {
        set = transfer_renew(channel->transfer, &options);
    } else if (url) {
        channel->transfer = transfer_new(&options, on_answer, channel);
        set = channel->transfer != NULL;
    }
    free(url);
    return set;
}

/* The URL is in no reason, as it may be a secret. */
static bool check_url(const struct config_notify *config, const struct secrets *secrets,
                      char *reason, size_t reason_size)
{
    bool mail = config->type == NOTIFY_SMTP;
    if (!transfer_check_url(secrets->url, mail) || transfer_url_has_user(secrets->url)) {
        snprintf(
            reason, reason_size,
            "[notify \"%.100s\"] url: it is not that of a %s server, without user and password",
            config->name, mail ? "mail" : "web");
        return false;
    }
    if (mail && config->tls == MAIL_TLS_OFF && config->username && config->username[0] &&
        !transfer_url_is_loopback(secrets->url)) {
        snprintf(reason, reason_size,
                 "[notify \"%.100s\"] tls: off, and a password would go over a network",
                 config->name);
        return false;
    }
    return true;
}

static bool check_ca_file(const struct config_notify *config, char *reason, size_t reason_size)
{
    char why[512];
    bool right = transfer_check_ca_file(config->ca_file, why, sizeof(why));
    if (!right) {
        snprintf(reason, reason_size, "[notify \"%.100s\"] ca_file: %s", config->name, why);
    }
    return right;
}

/* Reads the secrets, which are to be freed, also where it fails. */
static bool prepare(const struct config_notify *config, struct secrets *secrets, char *reason,
                    size_t reason_size)
{
    secrets->headers = (struct config_strings){0};
    return read_secrets(config, secrets, reason, reason_size) &&
           check_url(config, secrets, reason, reason_size) &&
           check_ca_file(config, reason, reason_size);
}

static bool check(const struct config_notify *config, char *reason, size_t reason_size)
{
    struct secrets secrets;
    bool right = prepare(config, &secrets, reason, reason_size);
    free_secrets(&secrets);
    return right;
}

/* prepare(), and the transfer made or renewed. */
static bool set_up(struct network_channel *channel, const struct config_notify *config,
                   char *reason, size_t reason_size)
{
    struct secrets secrets;
    bool set = prepare(config, &secrets, reason, reason_size);
    if (set && !set_transfer(channel, config, &secrets)) {
        snprintf(reason, reason_size, "[notify \"%.100s\"]: out of memory", config->name);
        set = false;
    }
    free_secrets(&secrets);
    return set;
}

static bool renew(struct channel *base, const struct config_notify *config, char *reason,
                  size_t reason_size)
{
    return set_up((struct network_channel *)base, config, reason, reason_size);
}

static const struct channel_ops ops = {.send = begin, .renew = renew, .free = free_channel};

static struct channel *make(const struct config_notify *config, struct event_base *base,
                            channel_done *done, void *context, char *reason, size_t reason_size)
{
    struct network_channel *channel = calloc(1, sizeof(*channel));
    if (!channel) {
        snprintf(reason, reason_size, "[notify \"%.100s\"]: out of memory", config->name);
        return NULL;
    }
    channel->channel.ops = &ops;
    channel->base = base;
    channel->mail = config->type == NOTIFY_SMTP;
    channel->done = done;
    channel->context = context;
    if (!set_up(channel, config, reason, reason_size)) {
        free(channel);
        return NULL;
    }
    return &channel->channel;
}

static const struct channel_module offer = {.new = make, .check = check};

MODULE_DEFINE("notify", MODULE_CHANNEL, &offer);
