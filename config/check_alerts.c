/* SPDX-License-Identifier: MIT
 *
 * What [alert] and [notify] must have beyond the bounds of single keys: a percentile that is worked
 * out, somebody of the name that is to be told, and of each notifier what its type needs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/condition.h"
#include "config/glob.h"
#include "config/header.h"
#include "config/loader.h"
#include "config/small_file.h"
#include "config/template.h"
#include "config/value.h"

/* Sets of rules and of notifiers are words of bits. */
#define ALERTS_MAX 64
#define NOTIFIERS_MAX 32

/* Of a key of the entry that is spoken of; of one that is not there where the entry begins. */
static void fault(struct config_loader *loader, const char *section, const char *name,
                  const char *message)
{
    char why[CONFIG_WHY_MAX];
    const struct config_key *key = config_key_find(section, name);
    const struct config_origin *origin = config_loader_origin(loader, key);
    if (origin->source == SOURCE_DEFAULT) {
        snprintf(why, sizeof(why), "%s: %s", name, message);
        config_loader_entry_fault(loader, why);
    } else {
        config_loader_fault(loader, key, origin, message);
    }
}

static bool has_percentile(const struct config *config, double percent)
{
    for (size_t i = 0; i < config->flush.percentiles.count; i++) {
        if (config->flush.percentiles.items[i] == percent) {
            return true;
        }
    }
    return false;
}

static void check_condition(struct config_loader *loader, const struct config_alert *alert)
{
    struct condition condition;
    char why[CONFIG_WHY_MAX], name[CONDITION_NAME_MAX];
    if (!alert->condition || !condition_parse(alert->condition, &condition, why)) {
        return; /* told before */
    }
    if (condition.statistic == CONDITION_PERCENTILE &&
        !has_percentile(loader->config, condition.percent)) {
        snprintf(why, sizeof(why), "%s is none of [flush] percentiles",
                 condition_statistic_name(&condition, name));
        fault(loader, "alert", "condition", why);
    }
}

static bool somebody_is(const struct config *config, const char *pattern)
{
    for (size_t i = 0; i < config->notifies.count; i++) {
        const char *name = config->notifies.items[i].name;
        if (glob_match(pattern, name, strlen(name))) {
            return true;
        }
    }
    return false;
}

static void check_notify(struct config_loader *loader, const struct config_alert *alert)
{
    char why[CONFIG_WHY_MAX];
    for (size_t i = 0; i < alert->notify.count; i++) {
        if (!somebody_is(loader->config, alert->notify.items[i])) {
            snprintf(why, sizeof(why), "there is no [notify \"%.200s\"]", alert->notify.items[i]);
            fault(loader, "alert", "notify", why);
        }
    }
}

static void check_tags(struct config_loader *loader, const struct config_alert *alert)
{
    char why[CONFIG_WHY_MAX];
    for (size_t i = 0; i < alert->tags.count; i++) {
        if (!strchr(alert->tags.items[i], '=')) {
            snprintf(why, sizeof(why), "'%.200s' is not key=value", alert->tags.items[i]);
            fault(loader, "alert", "tags", why);
        }
    }
}

static bool begins_with(const char *text, const char *first, const char *second)
{
    return strncmp(text, first, strlen(first)) == 0 || strncmp(text, second, strlen(second)) == 0;
}

static void check_url(struct config_loader *loader, const struct config_notify *notify)
{
    bool mail = notify->type == NOTIFY_SMTP;
    const char *url = notify->url ? notify->url : "";
    if (notify->type == NOTIFY_PROGRAM) {
        return;
    }
    if (notify->url_file) {
        if (url[0]) {
            fault(loader, "notify", "url_file", "there is a url as well");
        }
        return;
    }
    if (mail ? !begins_with(url, "smtp://", "smtps://")
             : !begins_with(url, "http://", "https://")) {
        fault(loader, "notify", "url",
              mail ? "mail needs a server, smtp://host:port or smtps://host:port"
                   : "this type needs a receiver, http://… or https://…");
    }
}

static bool speaks_http(const struct config_notify *notify)
{
    return notify->type == NOTIFY_WEBHOOK || notify->type == NOTIFY_SLACK ||
           notify->type == NOTIFY_ALERTMANAGER;
}

static void check_headers(struct config_loader *loader, const struct config_notify *notify)
{
    static const char none[] = "only a webhook, Slack and an Alertmanager have headers";
    static const char authorization[] = "Authorization";
    if (notify->headers.count > 0 && !speaks_http(notify)) {
        fault(loader, "notify", "headers", none);
    }
    if (notify->headers_file && !speaks_http(notify)) {
        fault(loader, "notify", "headers_file", none);
    }
    if (notify->token_file &&
        config_headers_have(&notify->headers, authorization, strlen(authorization))) {
        fault(loader, "notify", "headers", "there is a token_file for Authorization as well");
    }
}

static void check_tls(struct config_loader *loader, const struct config_notify *notify)
{
    if (notify->type == NOTIFY_PROGRAM && notify->ca_file) {
        fault(loader, "notify", "ca_file", "a program has no certificate");
    }
    if (notify->type != NOTIFY_SMTP && notify->tls != MAIL_TLS_AUTO) {
        fault(loader, "notify", "tls", "only mail has it; the url of others says http or https");
    } else if (notify->tls == MAIL_TLS_OFF && notify->url &&
               strncmp(notify->url, "smtps://", strlen("smtps://")) == 0) {
        fault(loader, "notify", "tls", "the url says smtps, which is TLS");
    }
}

static void check_mail(struct config_loader *loader, const struct config_notify *notify)
{
    if (notify->type != NOTIFY_SMTP) {
        return;
    }
    if (!notify->from || !strchr(notify->from, '@')) {
        fault(loader, "notify", "from", "mail needs the address of a sender");
    }
    if (notify->to.count == 0) {
        fault(loader, "notify", "to", "mail needs an address to go to");
    }
    for (size_t i = 0; i < notify->to.count; i++) {
        if (!strchr(notify->to.items[i], '@')) {
            fault(loader, "notify", "to", "one of them is no address");
        }
    }
}

static void check_subject(struct config_loader *loader, const char *subject)
{
    struct template_scan scan = template_begin(subject, strlen(subject));
    struct template_part part;
    enum template_step step;
    while ((step = template_next(&scan, &part)) != TEMPLATE_END) {
        if (step == TEMPLATE_FAULT) {
            fault(loader, "notify", "subject", part.why);
        }
    }
}

/* Its faults have its own name and lines. */
static void check_template_text(struct config_loader *loader, const char *path, const char *text,
                                size_t length)
{
    struct template_scan scan = template_begin(text, length);
    struct template_part part;
    enum template_step step;
    while ((step = template_next(&scan, &part)) != TEMPLATE_END) {
        if (step == TEMPLATE_FAULT) {
            const struct config_origin origin = {SOURCE_FILE, part.line, path};
            config_faults_add(&loader->faults, &origin, "%s", part.why);
        }
    }
}

static void check_template(struct config_loader *loader, const char *path)
{
    char why[CONFIG_WHY_MAX];
    char *text = malloc(TEMPLATE_BYTES_MAX + 1);
    ssize_t length = text ? config_read_small_file(path, text, TEMPLATE_BYTES_MAX + 1) : -1;
    if (length < 0) {
        snprintf(why, sizeof(why), "'%.200s': %s", path, strerror(errno));
        fault(loader, "notify", "template", why);
    } else {
        check_template_text(loader, path, text, (size_t)length);
    }
    free(text);
}

static void check_notifier(struct config_loader *loader, const struct config_notify *notify)
{
    check_url(loader, notify);
    check_mail(loader, notify);
    check_headers(loader, notify);
    check_tls(loader, notify);
    if (notify->type == NOTIFY_PROGRAM && notify->command.count == 0) {
        fault(loader, "notify", "command", "there is no program");
    }
    if (notify->template_file && notify->type != NOTIFY_WEBHOOK && notify->type != NOTIFY_SMTP) {
        fault(loader, "notify", "template", "only a webhook and mail have one");
    } else if (notify->template_file) {
        check_template(loader, notify->template_file);
    }
    if (notify->subject) {
        check_subject(loader, notify->subject);
    }
}

static bool was_given(struct config_loader *loader, const char *section, const char *name)
{
    return config_loader_origin(loader, config_key_find(section, name))->source != SOURCE_DEFAULT;
}

void config_check_alerts(struct config_loader *loader)
{
    const struct config *config = loader->config;
    for (size_t i = 0; i < config->alerts.count; i++) {
        config_loader_speak_of(loader, "alert", i);
        if (i == ALERTS_MAX) {
            config_loader_entry_fault(loader, "is one more than the 64 alerts there can be");
        }
        check_condition(loader, &config->alerts.items[i]);
        check_tags(loader, &config->alerts.items[i]);
        check_notify(loader, &config->alerts.items[i]);
    }
    for (size_t i = 0; i < config->notifies.count; i++) {
        config_loader_speak_of(loader, "notify", i);
        if (i == NOTIFIERS_MAX) {
            config_loader_entry_fault(loader, "is one more than the 32 notifiers there can be");
        }
        if (was_given(loader, "notify", "type")) {
            check_notifier(loader, &config->notifies.items[i]);
        }
    }
}
