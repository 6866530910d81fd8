/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "tools/sigmactl/import.h"

#define TEXT_MAX 2048

/* Keys that are a setting each. */
struct plain_key {
    const char *name, *section, *key;
};

static const struct plain_key switches[] = {
    {"flush_counts", "graphite", "flush_counts"},
    {"deleteIdleStats", "graphite", "delete_idle"},
    {"deleteCounters", "graphite", "delete_counters"},
    {"deleteTimers", "graphite", "delete_timers"},
    {"deleteGauges", "graphite", "delete_gauges"},
    {"deleteSets", "graphite", "delete_sets"},
};

static const struct plain_key graphite_texts[] = {
    {"globalPrefix", "graphite", "global_prefix"},   {"globalSuffix", "graphite", "global_suffix"},
    {"prefixCounter", "graphite", "prefix_counter"}, {"prefixTimer", "graphite", "prefix_timer"},
    {"prefixGauge", "graphite", "prefix_gauge"},     {"prefixSet", "graphite", "prefix_set"},
};

/* Keys that are read elsewhere in this file. */
static const char *const known[] = {
    "graphiteHost",
    "graphitePort",
    "graphitePicklePort",
    "graphiteProtocol",
    "backends",
    "servers",
    "server",
    "address",
    "address_ipv6",
    "port",
    "socket",
    "socket_mod",
    "debug",
    "mgmt_address",
    "mgmt_port",
    "flushInterval",
    "percentThreshold",
    "gaugesMaxTTL",
    "calculatedTimerMetrics",
    "graphite",
    "repeater",
    "repeaterProtocol",
    "histogram",
    "flush_counts",
    "deleteIdleStats",
    "deleteCounters",
    "deleteTimers",
    "deleteGauges",
    "deleteSets",
};

static const struct {
    const char *name, *why;
} without[] = {
    {"title", "the process is called sigmad"},
    {"healthStatus", "health is what /-/healthy and the console answer"},
    {"dumpMessages", "sigmactl record keeps messages"},
    {"keyFlush", "there is no log of frequent keys"},
    {"prefixStats", "figures of the server itself are in /metrics as sigmad_..."},
    {"keyNameSanitize", "names are cleaned for each output, as profile etsy has it"},
    {"console", "sigmactl snapshot prints a window"},
    {"log", "the log goes to standard error; the service manager keeps it"},
    {"automaticConfigReload", "SIGHUP reads the file again"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_set(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

/* host:port, with brackets around IPv6; the address that means all is left out. */
static void append_address(struct buffer *out, const char *host, double port)
{
    bool all = !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    buffer_append_text(out, out->length > 0 ? ", " : "");
    buffer_append_format(out, strchr(host, ':') && !all ? "[%s]:" : "%s:", all ? "" : host);
    buffer_append_number(out, port);
}

static void set_list(struct draft *draft, const char *section, const char *key,
                     const struct buffer *list)
{
    draft_set(draft, section, key, "%.*s", (int)list->length, list->length ? list->bytes : "");
}

struct listeners {
    struct buffer udp, tcp;
    const char *unix_path;
};

static void add_server(const json_t *server, struct listeners *listeners, struct draft *draft)
{
    const char *kind = import_text(server, "server", "./servers/udp");
    const char *path = import_text(server, "socket", NULL);
    bool tcp = strstr(kind, "tcp") != NULL;
    if (!tcp && !strstr(kind, "udp")) {
        draft_remark(draft, "server %s: there is no such listener", kind);
        return;
    }
    if (tcp && path) {
        if (listeners->unix_path) {
            draft_remark(draft, "socket %s: one stream socket only", path);
            return;
        }
        listeners->unix_path = path;
        draft_set(draft, "server", "unix_stream", "%s", path);
        if (is_set(server, "socket_mod")) {
            draft_set(draft, "server", "unix_mode", "%s",
                      import_text(server, "socket_mod", "0660"));
        }
        return;
    }
    append_address(tcp ? &listeners->tcp : &listeners->udp, import_text(server, "address", ""),
                   import_number(server, "port", 8125));
}

static void set_servers(const json_t *config, struct draft *draft)
{
    struct listeners listeners = {0};
    const json_t *servers = json_object_get(config, "servers");
    size_t count = json_array_size(servers);
    for (size_t i = 0; i < count; i++) {
        add_server(json_array_get(servers, i), &listeners, draft);
    }
    if (count == 0) {
        add_server(config, &listeners, draft);
    }
    set_list(draft, "server", "udp", &listeners.udp);
    if (listeners.tcp.length > 0) {
        set_list(draft, "server", "tcp", &listeners.tcp);
    }
    buffer_deinit(&listeners.udp);
    buffer_deinit(&listeners.tcp);
}

/* Without a list etsy loads graphite, which does nothing without a host. */
static bool has_backend(const json_t *config, const char *name, bool otherwise)
{
    const json_t *backends = json_object_get(config, "backends");
    bool found = !json_is_array(backends) && otherwise;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const char *backend = json_string_value(json_array_get(backends, i));
        found = found || (backend && strstr(backend, name));
    }
    return found;
}

static void remark_backends(const json_t *config, struct draft *draft)
{
    const json_t *backends = json_object_get(config, "backends");
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const char *backend = json_string_value(json_array_get(backends, i));
        if (backend && strcmp(backend, "./backends/console") == 0) {
            draft_remark(draft, "backend %s: sigmactl snapshot prints a window", backend);
        } else if (backend && !strstr(backend, "backends/graphite") &&
                   !strstr(backend, "backends/repeater")) {
            draft_remark(draft, "backend %s: a program of an [exec] section may do its work",
                         backend);
        }
    }
}

static void set_graphite_names(const json_t *names, struct draft *draft)
{
    if (is_set(names, "legacyNamespace")) {
        draft_set(draft, "graphite", "legacy_namespace", "%s",
                  json_is_false(json_object_get(names, "legacyNamespace")) ? "false" : "true");
    }
    for (size_t i = 0; i < COUNT(graphite_texts); i++) {
        if (is_set(names, graphite_texts[i].name)) {
            draft_set(draft, "graphite", graphite_texts[i].key, "%s",
                      import_text(names, graphite_texts[i].name, ""));
        }
    }
}

static void set_graphite(const json_t *config, struct draft *draft)
{
    const char *host = import_text(config, "graphiteHost", NULL);
    bool pickle = strcmp(import_text(config, "graphiteProtocol", "text"), "pickle") == 0;
    if (host && has_backend(config, "graphite", true)) {
        struct buffer address = {0};
        append_address(&address, host,
                       pickle ? import_number(config, "graphitePicklePort", 2004)
                              : import_number(config, "graphitePort", 2003));
        set_list(draft, "graphite", "address", &address);
        buffer_deinit(&address);
        if (pickle) {
            draft_set(draft, "graphite", "protocol", "pickle");
        }
    } else if (host) {
        draft_remark(draft, "graphiteHost %s: the backend graphite is not in use", host);
    }
    for (size_t i = 0; i < COUNT(switches); i++) {
        if (is_set(config, switches[i].name)) {
            draft_set(draft, switches[i].section, switches[i].key, "%s",
                      json_is_true(json_object_get(config, switches[i].name)) ? "true" : "false");
        }
    }
    if (is_set(config, "gaugesMaxTTL")) {
        draft_set(draft, "graphite", "gauges_max_ttl", "%.0f",
                  import_number(config, "gaugesMaxTTL", 1));
    }
    set_graphite_names(json_object_get(config, "graphite"), draft);
}

static void append_item(struct buffer *out, const json_t *item)
{
    buffer_append_text(out, out->length > 0 ? ", " : "");
    if (json_is_string(item)) {
        buffer_append_text(out, json_string_value(item));
    } else {
        buffer_append_number(out, json_number_value(item));
    }
}

/* A value alone is a list of one. */
static void set_items(const json_t *config, const char *name, struct draft *draft,
                      const char *section, const char *key)
{
    const json_t *value = json_object_get(config, name);
    struct buffer list = {0};
    if (!is_set(config, name)) {
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        append_item(&list, json_array_get(value, i));
    }
    if (!json_is_array(value)) {
        append_item(&list, value);
    }
    set_list(draft, section, key, &list);
    buffer_deinit(&list);
}

static void set_relay(const json_t *config, struct draft *draft)
{
    const json_t *others = json_object_get(config, "repeater");
    struct buffer list = {0};
    if (strcmp(import_text(config, "repeaterProtocol", "udp4"), "tcp") == 0) {
        draft_remark(draft, "repeaterProtocol tcp: lines are sent on by UDP");
    }
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *other = json_array_get(others, i);
        append_address(&list, import_text(other, "host", "127.0.0.1"),
                       import_number(other, "port", 8125));
    }
    if (list.length > 0 && has_backend(config, "repeater", false)) {
        set_list(draft, "relay", "address", &list);
    } else if (list.length > 0) {
        draft_remark(draft, "repeater: the backend repeater is not in use");
    }
    buffer_deinit(&list);
}

static void set_histograms(const json_t *config, struct draft *draft)
{
    const json_t *histograms = json_object_get(config, "histogram");
    for (size_t i = 0; i < json_array_size(histograms); i++) {
        const json_t *histogram = json_array_get(histograms, i);
        const json_t *bins = json_object_get(histogram, "bins");
        struct buffer list = {0};
        for (size_t j = 0; j < json_array_size(bins); j++) {
            append_item(&list, json_array_get(bins, j));
        }
        buffer_append(&list, "", 1);
        draft_set_named(draft, "histogram", import_text(histogram, "metric", ""), "bins",
                        list.length > 1 ? list.bytes : "off");
        buffer_deinit(&list);
    }
}

static void set_console(const json_t *config, struct draft *draft)
{
    struct buffer address = {0};
    append_address(&address, import_text(config, "mgmt_address", ""),
                   import_number(config, "mgmt_port", 8126));
    set_list(draft, "console", "listen", &address);
    buffer_deinit(&address);
}

static bool is_known(const char *key)
{
    bool found = false;
    for (size_t i = 0; i < COUNT(known); i++) {
        found = found || strcmp(known[i], key) == 0;
    }
    return found;
}

static const char *why_without(const char *key)
{
    for (size_t i = 0; i < COUNT(without); i++) {
        if (strcmp(without[i].name, key) == 0) {
            return without[i].why;
        }
    }
    return "no key of etsy statsd that is known here; of a backend, maybe";
}

static void remark_rest(json_t *config, struct draft *draft)
{
    const char *key;
    json_t *value;
    json_object_foreach(config, key, value)
    {
        if (!is_known(key)) {
            draft_remark(draft, "%s: %s", key, why_without(key));
        }
    }
}

void import_etsy(json_t *config, struct draft *draft)
{
    draft_set(draft, "server", "profile", "etsy");
    set_servers(config, draft);
    if (json_is_true(json_object_get(config, "debug"))) {
        draft_set(draft, "log", "level", "debug");
    }
    draft_set(draft, "flush", "interval", "%.0fms", import_number(config, "flushInterval", 10000));
    set_items(config, "percentThreshold", draft, "flush", "percentiles");
    set_graphite(config, draft);
    set_items(config, "calculatedTimerMetrics", draft, "graphite", "statistics");
    set_histograms(config, draft);
    set_relay(config, draft);
    set_console(config, draft);
    remark_backends(config, draft);
    remark_rest(config, draft);
}
