/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "tools/sigmactl/import.h"

bool import_is_brubeck(const json_t *config)
{
    const json_t *backends = json_object_get(config, "backends");
    return json_object_get(config, "samplers") || json_object_get(config, "server_name") ||
           json_is_object(json_array_get(backends, 0));
}

static void append_address(struct buffer *out, const char *host, double port)
{
    bool all = strcmp(host, "0.0.0.0") == 0;
    buffer_append_format(out, "%s%s:%.0f", out->length > 0 ? ", " : "", all ? "" : host, port);
}

static void set_list(struct draft *draft, const char *section, const char *key,
                     const struct buffer *list)
{
    draft_set(draft, section, key, "%.*s", (int)list->length, list->length ? list->bytes : "");
}

static void set_samplers(const json_t *config, struct draft *draft)
{
    const json_t *samplers = json_object_get(config, "samplers");
    struct buffer udp = {0};
    double workers = 1;
    for (size_t i = 0; i < json_array_size(samplers); i++) {
        const json_t *sampler = json_array_get(samplers, i);
        const char *type = import_text(sampler, "type", "statsd");
        if (strcmp(type, "statsd") != 0) {
            draft_remark(draft, "sampler %s: signed datagrams are not taken", type);
            continue;
        }
        append_address(&udp, import_text(sampler, "address", "0.0.0.0"),
                       import_number(sampler, "port", 8126));
        workers = fmax(workers, import_number(sampler, "workers", 1));
    }
    set_list(draft, "server", "udp", &udp);
    buffer_deinit(&udp);
    draft_set(draft, "server", "workers", "%.0f", fmin(workers, 64));
    draft_remark(draft, "multisock, multimsg: each worker has a socket of its own and receives in "
                        "batches");
}

/* brubeck's names have no prefix of the server's. */
static void set_names(struct draft *draft)
{
    static const char *const prefixes[] = {"global_prefix", "prefix_counter", "prefix_timer",
                                           "prefix_gauge", "prefix_set"};
    draft_set(draft, "graphite", "legacy_namespace", "false");
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        draft_set(draft, "graphite", prefixes[i], "%s", "");
    }
    draft_remark(draft,
                 "names: a counter is NAME.count and NAME.rate, brubeck's NAME is its count; "
                 "NAME.percentile.99 is NAME.upper_99, NAME.min and NAME.max NAME.lower and "
                 "NAME.upper");
}

static void set_backends(const json_t *config, struct draft *draft)
{
    const json_t *backends = json_object_get(config, "backends");
    struct buffer addresses = {0};
    double interval = 0;
    bool pickle = false;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        const char *type = import_text(backend, "type", "carbon");
        double frequency = import_number(backend, "frequency", 15);
        if (strcmp(type, "carbon") != 0) {
            draft_remark(draft, "backend %s: there is no such output", type);
            continue;
        }
        if (interval != 0 && interval != frequency) {
            draft_remark(draft, "frequency %.0f: all outputs have the same windows", frequency);
        }
        interval = interval == 0 ? frequency : fmin(interval, frequency);
        pickle = pickle || json_is_true(json_object_get(backend, "pickle"));
        append_address(&addresses, import_text(backend, "address", "localhost"),
                       import_number(backend, "port", 2003));
    }
    draft_set(draft, "flush", "interval", "%.0fs", interval == 0 ? 15 : interval);
    draft_set(draft, "flush", "percentiles", "50, 75, 95, 98, 99, 99.9");
    if (addresses.length > 0) {
        set_list(draft, "graphite", "address", &addresses);
        draft_set(draft, "graphite", "protocol", "%s", pickle ? "pickle" : "plaintext");
        set_names(draft);
    }
    buffer_deinit(&addresses);
}

static void set_expiry(const json_t *config, struct draft *draft)
{
    static const char *const keys[] = {"expire_counters", "expire_gauges", "expire_timers",
                                       "expire_sets"};
    double seconds = import_number(config, "expire", 0);
    for (size_t i = 0; seconds > 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
        draft_set(draft, "flush", keys[i], "%.0fs", seconds);
    }
}

static const struct {
    const char *name, *why;
} others[] = {
    {"samplers", NULL},
    {"backends", NULL},
    {"expire", NULL},
    {"http", NULL},
    {"server_name", "the host name is %h in metrics.tags"},
    {"dumpfile", "GET /api/v1/snapshot or sigmactl snapshot shows all series"},
    {"capacity", "tables grow; limits.max_series is their bound"},
    {"sharding", "several outputs get all lines each"},
    {"internal", "figures of the server itself are in /metrics as sigmad_..."},
};

static void remark_rest(json_t *config, struct draft *draft)
{
    const char *key;
    json_t *value;
    json_object_foreach(config, key, value)
    {
        const char *why = "no key of brubeck that is known here";
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            why = strcmp(others[i].name, key) == 0 ? others[i].why : why;
        }
        if (why) {
            draft_remark(draft, "%s: %s", key, why);
        }
    }
}

void import_brubeck(json_t *config, struct draft *draft)
{
    const char *http = import_text(config, "http", NULL);
    set_samplers(config, draft);
    set_backends(config, draft);
    set_expiry(config, draft);
    if (http) {
        draft_set(draft, "http", "listen", "%s", http);
    }
    remark_rest(config, draft);
}
