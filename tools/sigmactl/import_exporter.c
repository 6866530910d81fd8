/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tools/sigmactl/import.h"

/* A flag and the setting that means the same; without one, why there is none. */
struct flag {
    const char *name, *section, *key, *otherwise; /* the exporter's default; NULL = none is set */
    const char *why;
};

static const struct flag flags[] = {
    {"statsd.listen-udp", "server", "udp", ":9125", NULL},
    {"statsd.listen-tcp", "server", "tcp", ":9125", NULL},
    {"statsd.listen-unixgram", "server", "unix", NULL, NULL},
    {"statsd.unixsocket-mode", "server", "unix_mode", NULL, NULL},
    {"statsd.read-buffer", "server", "receive_buffer", NULL, NULL},
    {"statsd.mapping-config", "prometheus", "mapping", NULL, NULL},
    {"statsd.relay.address", "relay", "address", NULL, NULL},
    {"statsd.relay.packet-length", "relay", "datagram", NULL, NULL},
    {"web.listen-address", "http", "listen", ":9102", NULL},
    {"log.level", "log", "level", NULL, NULL},
    {"log.format", NULL, NULL, NULL, "the log is logfmt on standard error"},
    {"web.telemetry-path", NULL, NULL, NULL, "the path is /metrics"},
    {"web.enable-lifecycle", NULL, NULL, NULL,
     "[http] admin says who may POST; SIGHUP reads the files again"},
    {"web.config.file", NULL, NULL, NULL, "TLS and passwords are for a proxy in front"},
    {"statsd.cache-size", NULL, NULL, NULL, "a name is mapped once and kept with its series"},
    {"statsd.cache-type", NULL, NULL, NULL, "a name is mapped once and kept with its series"},
    {"statsd.event-queue-size", NULL, NULL, NULL, "there is no queue of events"},
    {"statsd.event-flush-threshold", NULL, NULL, NULL, "there is no queue of events"},
    {"statsd.event-flush-interval", NULL, NULL, NULL, "there is no queue of events"},
    {"statsd.udp-packet-queue-size", NULL, NULL, NULL,
     "[server] receive_buffer is what datagrams wait in"},
    {"debug.dump-fsm", NULL, NULL, NULL, "sigmactl explain tells the rule that takes a line"},
    {"check-config", NULL, NULL, NULL, "sigmad --check"},
    {"statsd.parse-dogstatsd-tags", NULL, NULL, NULL, "[server] dialect chooses what tags are"},
    {"statsd.parse-influxdb-tags", NULL, NULL, NULL, "[server] dialect chooses what tags are"},
    {"statsd.parse-librato-tags", NULL, NULL, NULL, "[server] dialect chooses what tags are"},
    {"statsd.parse-signalfx-tags", NULL, NULL, NULL, "[server] dialect chooses what tags are"},
};

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* The index of the flag, FLAGS where it is none. */
static size_t find_flag(const char *name, size_t length)
{
    size_t i = 0;
    while (i < FLAGS && (strlen(flags[i].name) != length || memcmp(flags[i].name, name, length))) {
        i++;
    }
    return i;
}

static bool is_switch(const char *name)
{
    return strncmp(name, "statsd.parse-", 13) == 0 || strcmp(name, "web.enable-lifecycle") == 0 ||
           strcmp(name, "check-config") == 0;
}

static const char *value_of(const struct flag *flag, const char *value)
{
    bool level = strcmp(flag->name, "log.level") == 0;
    return level && strcmp(value, "warn") == 0 ? "warning" : value;
}

struct given {
    const char *values[FLAGS];
};

/* Returns how many words it was. */
static size_t read_flag(char *const *words, size_t count, struct given *given, struct draft *draft)
{
    const char *name = words[0] + strspn(words[0], "-");
    size_t length = strcspn(name, "=");
    size_t which = find_flag(name, length);
    bool negated = which == FLAGS && strncmp(name, "no-", 3) == 0;
    which = negated ? find_flag(name + 3, length - 3) : which;
    if (which == FLAGS) {
        draft_remark(draft, "--%s: no flag of statsd_exporter that is known here", name);
        return 1;
    }
    if (name[length] == '=') {
        given->values[which] = name + length + 1;
        return 1;
    }
    bool alone = is_switch(flags[which].name) || count == 1;
    given->values[which] = negated ? "false" : alone ? "true" : words[1];
    return alone ? 1 : 2;
}

static void set_flag(const struct flag *flag, const char *value, struct draft *draft)
{
    bool empty = value && *value == '\0';
    value = value ? value : flag->otherwise;
    if (value && flag->section) {
        draft_set(draft, flag->section, flag->key, "%s", empty ? "off" : value_of(flag, value));
    } else if (value) {
        draft_remark(draft, "--%s=%s: %s", flag->name, value, flag->why);
    }
}

void import_exporter(char *const *words, size_t count, struct draft *draft)
{
    struct given given = {0};
    for (size_t i = 0; i < count;) {
        if (words[i][0] == '-') {
            i += read_flag(words + i, count - i, &given, draft);
            continue;
        }
        /* What comes first is the program. */
        if (i > 0) {
            draft_remark(draft, "%s: is no flag", words[i]);
        }
        i++;
    }
    draft_set(draft, "server", "profile", "statsd_exporter");
    for (size_t i = 0; i < FLAGS; i++) {
        set_flag(&flags[i], given.values[i], draft);
    }
}
