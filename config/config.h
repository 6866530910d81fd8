/* SPDX-License-Identifier: MIT
 *
 * The configuration as the server uses it: plain values, checked, with every default filled in.
 * Made by config_load(), immutable afterwards; a reload makes a new one. Threads may share a const
 * pointer. All memory belongs to the struct and goes with config_free().
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/statsd.h"

/* A list of strings, or of numbers; `count` entries. */
struct config_strings {
    char **items;
    size_t count;
};
struct config_numbers {
    double *items;
    size_t count;
};

enum config_profile { PROFILE_MODERN, PROFILE_ETSY, PROFILE_STATSD_EXPORTER, PROFILES };
enum config_timers { TIMERS_SKETCH, TIMERS_EXACT };
enum config_log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum config_sync { SYNC_OFF, SYNC_FLUSH };
enum config_admin { ADMIN_LOOPBACK, ADMIN_TOKEN, ADMIN_OFF };
enum config_names { NAMES_MODERN, NAMES_STATSD_EXPORTER };
enum config_timer_type { TIMER_TYPE_SUMMARY, TIMER_TYPE_HISTOGRAM, TIMER_TYPE_NATIVE };
enum config_anomaly_method { ANOMALY_SIGMA, ANOMALY_AUTO, ANOMALY_OFF };
enum config_graphite_protocol { GRAPHITE_PLAINTEXT, GRAPHITE_PICKLE };
enum config_switch { SWITCH_AUTO, SWITCH_OFF, SWITCH_ON };
enum config_exec_format { EXEC_STATSITE, EXEC_JSON, EXEC_CSV };

/* How grave something is that an operator is told of. */
enum anomaly_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };

/* The entries of named sections, as [exec "disk"]: each begins with its name. */

/* [histogram "SUBSTRING"]: the first whose substring is in a timer's name has it counted in bins.
 */
struct config_histogram {
    char *substring;
    struct config_numbers bins; /* upper bounds, exclusive, ascending; the last may be infinite */
};

/* [exec "NAME"]: a program that is started at the end of each window. */
struct config_exec {
    char *name;
    struct config_strings command; /* program and arguments; a program with a slash that is not
                                      absolute is from the folder of the file */
    enum config_exec_format format;
    uint64_t deadline_ms;  /* of a run */
    uint64_t buffer_bytes; /* of windows that wait for one */
};

/* [alert "NAME"]: what is told to whom when a condition holds (server/alert/). */
struct config_alert {
    char *name;
    char *metric;               /* a pattern (config/glob.h) */
    struct config_strings tags; /* patterns key=value, each of which a tag has to match */
    char *condition;            /* config/condition.h */
    unsigned for_windows;       /* windows in a row that it has to hold */
    enum anomaly_severity severity;
    uint64_t cooldown_ms;
    struct config_strings notify; /* patterns of names of [notify] */
    char *description;            /* for people; "" = none */
};

enum config_notify_type {
    NOTIFY_WEBHOOK,
    NOTIFY_SLACK,
    NOTIFY_SMTP,
    NOTIFY_ALERTMANAGER,
    NOTIFY_PROGRAM
};

/* Whether an smtp:// connection goes over to TLS by STARTTLS: where the server offers it, which it
 * must where a password is to go over a network; always; never. */
enum config_mail_tls { MAIL_TLS_AUTO, MAIL_TLS_REQUIRED, MAIL_TLS_OFF };

/* [notify "NAME"]: who is told of alerts, and how. */
struct config_notify {
    char *name;
    enum config_notify_type type;
    char *url;                     /* "" for a program, and where it is in a file */
    char *url_file;                /* holds the URL, where that is a secret; NULL = none */
    struct config_strings command; /* of a program */
    char *template_file;           /* of the body; NULL = the type's own */
    char *token_file;              /* holds a bearer token; NULL = none */
    struct config_strings headers; /* of HTTP, `Name: value` (config/header.h) */
    char *headers_file;            /* holds further ones, one a line; NULL = none */
    char *ca_file;                 /* of certificates that are trusted; NULL = the system's */
    enum config_mail_tls tls;      /* of mail; the next as well */
    char *from;
    struct config_strings to;
    char *subject;
    char *username;
    char *password_file;   /* NULL = none */
    bool resolved;         /* resolutions are told too */
    uint64_t timeout_ms;   /* of an attempt */
    uint64_t give_up_ms;   /* age of a notification that is not tried again */
    uint64_t resend_ms;    /* of an Alertmanager: what fires is said again */
    uint64_t buffer_bytes; /* of notifications that wait */
};

struct config {
    struct {
        struct config_strings
            udp; /* "host:port", "[::1]:8125", ":8125" = every address; empty = off */
        struct config_strings tcp; /* the same; empty = off */
        char *unix_path;           /* of a datagram socket; NULL = off */
        char *unix_stream_path;
        unsigned unix_mode;              /* permission bits of both */
        char *unix_group;                /* NULL = the process' own */
        uint64_t stream_line_bytes;      /* a line of tcp, unix_stream or stdin */
        uint64_t stream_connections_max; /* of tcp and unix_stream together */
        uint64_t stream_idle_ms;         /* 0 = for ever */
        bool standard_input;
        unsigned workers; /* 1 to 64; "auto" is resolved: half the CPUs allowed, 1 to 8 */
        enum statsd_dialect dialect;
        enum config_profile profile;
        uint64_t receive_buffer_bytes; /* asked for a socket */
        bool udp_gro;
    } server;
    struct {
        enum config_log_level level;
        double bad_lines_per_second; /* from "10/min"; 0 = none */
        unsigned bad_lines_burst;    /* the number before the slash */
    } log;
    struct {
        uint64_t interval_ms; /* 50 ms to 1 day */
        bool align;
        struct config_numbers percentiles; /* each in (0, 100], with profile etsy also in
                                              [-100, 0); ascending, at most 32 */
        uint64_t expire_counters_ms;       /* 0 = never */
        uint64_t expire_gauges_ms;
        uint64_t expire_timers_ms;
        uint64_t expire_sets_ms;
    } flush;
    struct {
        uint64_t max_series;
        uint64_t max_name_bytes;
        uint64_t max_tags;
        uint64_t max_tag_bytes; /* of the raw text behind '#' */
        uint64_t memory_bytes;  /* "50%" is resolved against what the process may use (cgroup, else
                                   RAM) */
    } limits;
    struct {
        enum config_timers timers;
        double min_sample_rate;
        char
            *tags; /* canonical text `k:v,k2:v2`, %h already replaced by the host name; "" = none */
    } metrics;
    struct {
        char *directory;            /* NULL = CSV is off */
        unsigned mode;              /* file permission bits */
        uint64_t rotate_size_bytes; /* 0 = off */
        uint64_t rotate_age_ms;     /* 0 = off; a day means at 00:00 UTC */
        uint64_t retain_ms;         /* 0 = for ever */
        uint64_t max_disk_bytes;    /* 0 = no bound */
        bool compress;
        enum config_sync sync;
    } csv;
    struct {
        struct config_strings listen; /* as server.udp; empty = off */
        enum config_admin admin;
        char *admin_token; /* read from [http] admin_token_file; NULL unless admin = token */
    } http;
    struct {
        struct config_strings listen; /* as server.udp; empty = off */
    } console;
    struct {
        uint64_t max_age_ms;
        enum config_timer_type timer_type;
        uint64_t quantile_window_ms;
        struct config_numbers buckets;       /* ascending; for ms timers, in seconds */
        struct config_numbers buckets_plain; /* ascending; for h and d, as sent */
        enum config_names names;
        char *mapping;               /* path of a mapping file; NULL = none */
        unsigned native_schema;      /* at most; growth of a bucket 2^(2^-schema) */
        unsigned native_max_buckets; /* the schema is lowered until they suffice */
        bool created;
        bool exemplars; /* trace_id and span_id are no tags of a series */
    } prometheus;
    struct {
        enum config_anomaly_method method;
        double sigma;
        unsigned history_windows;
        unsigned warmup_windows;
        double min_change;         /* a fraction: 10% is 0.1 */
        uint64_t hold_off_ms;      /* of sigma; 0 = off */
        double sensitivity;        /* of auto: false alarms a series a month */
        uint64_t max_memory_bytes; /* for the states of auto */
        /* Patterns as config/glob.h has them, for server/detect/classify.h. */
        struct config_strings errors, latency, throughput, memory, cpu, higher_is_better;
    } anomaly;
    struct {
        uint64_t keep_ms; /* 0 = off */
        uint64_t memory_bytes;
    } history;
    struct {
        bool server, host;
        struct config_strings filesystems; /* paths, besides csv.directory */
    } resources;
    struct {
        bool enabled;       /* /debug/pprof/ answers */
        bool heap;          /* tcmalloc takes malloc's place */
        unsigned frequency; /* samples a second of processor time */
    } profiling;
    struct {
        struct config_strings addresses; /* host:port of receivers; empty = off */
        enum config_graphite_protocol protocol;
        uint64_t buffer_bytes;
        bool legacy_namespace;
        /* Parts of a path; the prefixes are of the namespace that is not the legacy one. */
        char *global_prefix, *global_suffix;
        char *prefix_counter, *prefix_timer, *prefix_gauge, *prefix_set;
        bool flush_counts;
        struct config_strings statistics; /* of timers; empty = all */
        /* Whether idle series are left out. None is SWITCH_AUTO once a configuration is loaded. */
        enum config_switch delete_idle, delete_counters, delete_timers, delete_gauges, delete_sets;
        unsigned gauges_max_ttl; /* windows, the one with the sample included */
    } graphite;
    struct {
        char *url;        /* of the receiver; "" = off */
        char *labels;     /* `k=v, k2=v2`, %h already replaced by the host name */
        char *token_file; /* holds the bearer token; NULL = none */
        char *tenant;     /* X-Scope-OrgID; "" = none */
        uint64_t queue_bytes;
        uint64_t timeout_ms; /* of a request */
        unsigned batch_series;
        unsigned native_schema, native_max_buckets; /* as of prometheus */
    } remote_write;
    /* Entries in the order of the file. */
    struct {
        struct config_histogram *items;
        size_t count;
    } histograms;
    struct {
        struct config_exec *items;
        size_t count;
    } execs;
    struct {
        struct config_alert *items;
        size_t count;
    } alerts;
    struct {
        struct config_notify *items;
        size_t count;
    } notifies;
    struct {
        struct config_strings address; /* "host:port"; empty = off */
        uint64_t datagram_bytes;
    } relay;
    struct {
        char *endpoint;   /* of an OTLP/HTTP collector; "" = off */
        char *token_file; /* holds the bearer token; NULL = none */
        uint64_t timeout_ms;
        unsigned queue_windows; /* that wait */
    } tracing;
    struct {
        char *file; /* NULL = nothing is kept */
    } state;
};

/* Where the values come from, in order of precedence: `overrides` ("SECTION.KEY=VALUE", from
 * --set), the environment (SIGMAD_<SECTION>_<KEY>), the file, the defaults. */
struct config_sources {
    const char *path;             /* NULL = ./statsd.ini, then /etc/sigmad/statsd.ini, then none */
    const char *const *overrides; /* count entries */
    size_t override_count;
    char *const *environment; /* as environ; NULL = none */
};

/* Loads, checks and returns a configuration, or NULL with every fault found written to `faults`,
 * one a line: `FILE:LINE: message`, `--set SECTION.KEY: message` or `environment SIGMAD_X:
 * message`. Notes that are no faults (a SIGMAD_ variable that names no key) go to `notes`, one a
 * line; either may be NULL. */
struct config *config_load(const struct config_sources *sources, FILE *faults, FILE *notes);

void config_free(struct config *config);

/* The path of the file config_load() would read, or NULL when none exists and defaults apply. */
const char *config_find_file(const char *path);

/* Names the keys (section.key, comma-separated) that differ between two configurations and take
 * effect only after a restart, into `out`. Returns how many there are. */
size_t config_changes_for_restart(const struct config *before, const struct config *after,
                                  char *out, size_t out_size);

/* Gives those keys in `after` the values they have in `before`, which stay in force until the
 * restart. False without memory. */
bool config_keep_for_restart(struct config *after, const struct config *before);

/* Writes every value in force, `section > key: value` a line. A secret is only said to be set. */
void config_write_effective(const struct config *config, FILE *out);

/* Writes the shipped statsd.ini: every section and key with its default and its sentence. */
void config_write_documented(FILE *out);

#endif
