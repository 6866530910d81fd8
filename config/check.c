/* SPDX-License-Identifier: MIT
 *
 * The last step of loading: lists are put in order or refused, tags become canonical, the admin
 * token is read from its file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/address.h"
#include "config/loader.h"
#include "config/small_file.h"
#include "config/value.h"
#include "proto/number.h"
#include "proto/tags.h"

#define TAGS_MAX 256
#define TOKEN_MAX 1024
#define HOST_NAME_BYTES 256

static const char out_of_memory[] = "out of memory";

static void fault(struct config_loader *loader, const char *section, const char *name,
                  const char *message)
{
    const struct config_key *key = config_key_find(section, name);
    config_loader_fault(loader, key, config_loader_origin(loader, key), message);
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void check_percentiles(struct config_loader *loader)
{
    char number[NUMBER_TEXT_MAX];
    char why[CONFIG_WHY_MAX];
    struct config_numbers *list = &loader->config->flush.percentiles;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), compare_numbers);
    for (size_t i = 1; i < list->count; i++) {
        if (list->items[i] != list->items[i - 1])
            continue;
        number_format(number, list->items[i]);
        snprintf(why, sizeof(why), "%s is there twice", number);
        fault(loader, "flush", "percentiles", why);
    }
    if (list->count > 0 && list->items[0] < 0 && loader->config->server.profile != PROFILE_ETSY) {
        number_format(number, list->items[0]);
        snprintf(why, sizeof(why), "%s is below 0, which takes [server] profile = etsy", number);
        fault(loader, "flush", "percentiles", why);
    }
}

void config_check_ascending(struct config_loader *loader, const struct config_key *key,
                            const struct config_numbers *list)
{
    char above[NUMBER_TEXT_MAX];
    char below[NUMBER_TEXT_MAX];
    char why[CONFIG_WHY_MAX];
    for (size_t i = 1; i < list->count; i++) {
        if (list->items[i] > list->items[i - 1])
            continue;
        number_format(above, list->items[i]);
        number_format(below, list->items[i - 1]);
        snprintf(why, sizeof(why), "%s behind %s is not ascending", above, below);
        config_loader_fault(loader, key, config_loader_origin(loader, key), why);
    }
}

static void check_buckets(struct config_loader *loader, const char *name,
                          const struct config_numbers *list)
{
    config_check_ascending(loader, config_key_find("prometheus", name), list);
}

/* Replaces each %h by the host's name; to be freed, NULL when out of memory. */
static char *expand_host_name(const char *text)
{
    char host[HOST_NAME_BYTES] = "";
    char *out = NULL;
    size_t size = 0;
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    FILE *stream = open_memstream(&out, &size);
    if (!stream)
        return NULL;
    for (; *text; text++) {
        if (strncmp(text, "%h", 2) == 0) {
            fputs(host, stream);
            text++;
        } else {
            putc(*text, stream);
        }
    }
    if (fclose(stream) != 0) {
        free(out);
        return NULL;
    }
    return out;
}

/* Writes `k:v,k2:v2`; `out` holds at least the text that the tags were parsed from. */
static void join_tags(char *out, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *out++ = ',';
        out = mempcpy(out, tags[i].key, tags[i].key_length);
        if (tags[i].value_length > 0) {
            *out++ = ':';
            out = mempcpy(out, tags[i].value, tags[i].value_length);
        }
    }
    *out = '\0';
}

static void make_tags_canonical(struct config_loader *loader)
{
    struct tag tags[TAGS_MAX];
    char **field = &loader->config->metrics.tags;
    char *expanded = expand_host_name(*field ? *field : "");
    char *canonical = expanded ? malloc(strlen(expanded) + 1) : NULL;
    free(*field);
    *field = canonical;
    int count = canonical ? tags_parse(TAGS_COLON, expanded, strlen(expanded), tags, TAGS_MAX) : 0;
    if (canonical)
        join_tags(canonical, tags, count > 0 ? (size_t)count : 0);
    else
        fault(loader, "metrics", "tags", out_of_memory);
    if (count < 0)
        fault(loader, "metrics", "tags", "there are too many tags, or one is too long");
    free(expanded);
}

static void expand_remote_labels(struct config_loader *loader)
{
    char **field = &loader->config->remote_write.labels;
    char *expanded = expand_host_name(*field ? *field : "");
    if (!expanded) {
        fault(loader, "remote_write", "labels", out_of_memory);
        return;
    }
    free(*field);
    *field = expanded;
}

/* Visible ASCII only: the token must fit a header line as it is (RFC 9110, 5.5). */
static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return length > 0;
}

/* The field holds the path up to here and the token afterwards. */
static void read_token(struct config_loader *loader)
{
    char text[TOKEN_MAX + 2];
    char why[CONFIG_WHY_MAX];
    char **field = &loader->config->http.admin_token;
    ssize_t length = config_read_small_file(*field, text, sizeof(text));
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    if (length < 0) {
        snprintf(why, sizeof(why), "'%s': %s", *field, strerror(errno));
        fault(loader, "http", "admin_token_file", why);
    } else if (!is_token(text, (size_t)length)) {
        snprintf(why, sizeof(why), "'%s' does not hold one word of visible ASCII", *field);
        fault(loader, "http", "admin_token_file", why);
    } else {
        free(*field);
        *field = strndup(text, (size_t)length);
        if (!*field)
            fault(loader, "http", "admin_token_file", out_of_memory);
    }
}

static void check_admin(struct config_loader *loader)
{
    char **field = &loader->config->http.admin_token;
    if (loader->config->http.admin != ADMIN_TOKEN) {
        free(*field);
        *field = NULL;
    } else if (*field) {
        read_token(loader);
    } else {
        fault(loader, "http", "admin", "token needs [http] admin_token_file");
    }
}

/* A receiver needs a host and a port that somebody listens on. */
static void check_receivers(struct config_loader *loader, const char *section, const char *name,
                            const struct config_strings *addresses)
{
    char why[CONFIG_WHY_MAX];
    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->items[i];
        bool picks = config_address_picks_port(address);
        if (address[0] != ':' && !picks)
            continue;
        snprintf(why, sizeof(why), "'%s' names no %s to send to", address, picks ? "port" : "host");
        fault(loader, section, name, why);
    }
}

/* What may stand in a line of Graphite's without ending the path. */
static void check_path_part(struct config_loader *loader, const char *name, const char *text)
{
    char why[CONFIG_WHY_MAX];
    for (const char *at = text; at && *at; at++) {
        if (*at > ' ' && *at < 0x7f && *at != ';')
            continue;
        snprintf(why, sizeof(why), "'%s' may hold visible ASCII only, and no ;", text);
        fault(loader, "graphite", name, why);
        return;
    }
}

static void resolve_switch(enum config_switch *field, bool on)
{
    if (*field == SWITCH_AUTO)
        *field = on ? SWITCH_ON : SWITCH_OFF;
}

static void check_graphite(struct config_loader *loader)
{
    struct config *config = loader->config;
    bool leaves_out = config->graphite.delete_idle == SWITCH_AUTO
                          ? config->server.profile != PROFILE_ETSY
                          : config->graphite.delete_idle == SWITCH_ON;
    check_receivers(loader, "graphite", "address", &config->graphite.addresses);
    check_path_part(loader, "global_prefix", config->graphite.global_prefix);
    check_path_part(loader, "global_suffix", config->graphite.global_suffix);
    check_path_part(loader, "prefix_counter", config->graphite.prefix_counter);
    check_path_part(loader, "prefix_timer", config->graphite.prefix_timer);
    check_path_part(loader, "prefix_gauge", config->graphite.prefix_gauge);
    check_path_part(loader, "prefix_set", config->graphite.prefix_set);
    resolve_switch(&config->graphite.delete_gauges, config->graphite.delete_idle == SWITCH_ON);
    resolve_switch(&config->graphite.delete_idle, leaves_out);
    resolve_switch(&config->graphite.delete_counters, leaves_out);
    resolve_switch(&config->graphite.delete_timers, leaves_out);
    resolve_switch(&config->graphite.delete_sets, leaves_out);
}

void config_check(struct config_loader *loader)
{
    check_percentiles(loader);
    check_buckets(loader, "buckets", &loader->config->prometheus.buckets);
    check_buckets(loader, "buckets_plain", &loader->config->prometheus.buckets_plain);
    make_tags_canonical(loader);
    expand_remote_labels(loader);
    check_graphite(loader);
    check_admin(loader);
    config_check_entries(loader);
    config_check_alerts(loader);
}
