/* SPDX-License-Identifier: MIT
 *
 * A report before it is written: facts of a server or of its files over some time, the series worth
 * naming, and what follows for the operator. gather.h fills it, rules.h adds recommendations,
 * write.h makes Markdown, HTML or JSON of it. All bounds are here: its memory does not grow with
 * the server's series. One thread.
 */
#ifndef SERVER_REPORT_MODEL_H
#define SERVER_REPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "server/metrics/figures.h"
#include "server/metrics/severity.h"
#include "server/report/points.h"
#include "server/report/series.h"
#include "server/report/tag_keys.h"
#include "server/report/ticks.h"

#define REPORT_ROWS 10      /* of a table of series */
#define REPORT_ANOMALIES 40 /* the latest of them */
#define REPORT_ALERTS 40
#define REPORT_SINKS 32
#define REPORT_RESOURCES 24
#define REPORT_SENDERS 8
#define REPORT_ADVICE 32
#define REPORT_SETTINGS 3

/* Up to REPORT_ROWS series, the largest score first. */
struct ranking {
    struct {
        struct series *series; /* a reference */
        double score;
    } rows[REPORT_ROWS];
    size_t count;
};

struct report_anomaly {
    char *metric, *tags, *reason; /* owned */
    double from, to;              /* `to` is 0 while it lasts */
    double value;
    enum statistic statistic;
    enum anomaly_type type;
    enum anomaly_severity severity;
};

struct report_alert {
    const char *name, *metric, *tags, *reason; /* owned by the report that holds it */
    enum alert_state state;
    double since;
    enum anomaly_severity severity;
};

struct report_sink {
    char name[128];
    uint64_t errors, windows_lost, queue_bytes, queue_bytes_max; /* max 0: not known */
    uint64_t bytes_sent;
    bool failing;
    char reason[160];
    char section[160]; /* of the setting that bounds its queue; key is NULL where there is none */
    const char *key;
};

/* Who sent lines that were refused, among those that were logged. */
struct report_sender {
    char address[64];
    char line[96]; /* the latest, cut */
    char reason[32];
    uint64_t lines;
};

struct report_setting {
    char section[160], key[64], value[96], was[96];
};

/* What an operator should do, and why. */
struct advice {
    const char *rule; /* its name in rules.c */
    enum anomaly_severity severity;
    char title[160];
    char evidence[400];
    char action[400];
    struct report_setting settings[REPORT_SETTINGS];
    size_t setting_count;
};

/* A figure of [resources], which are series like any other, at the end of the time. */
struct report_resource {
    char name[48], tags[96]; /* cut */
    double latest, largest;
    enum unit unit;
};

enum report_source { REPORT_OF_SERVER, REPORT_OF_FILES };

struct report {
    enum report_source source;
    char origin[1536];           /* where it is from, for people: an address or a folder */
    const struct config *config; /* in force, or the defaults; the caller's */
    bool config_known;           /* it is the server's own */
    struct points points;
    double stamps[POINTS_MAX]; /* their ends */
    double interval;           /* seconds of a window */
    double made;               /* Unix seconds */
    uint64_t windows;          /* in the time, that are known */
    bool has_history;          /* series are known over the time, not by their last window alone */
    double series_seconds;     /* the time that their counts are of */

    /* Series. */
    size_t series_count[STATSD_TYPES];
    size_t series_left_out; /* for which there was no room: in no table */
    struct ranking changed, busiest, slowest, rising;
    struct tag_keys keys;
    uint64_t timer_count; /* timers with samples */
    uint64_t
        timers_thin[32]; /* by percentile of the configuration: for which a window had too few */
    uint64_t timers_sampled; /* too few were sent of, though there were enough (|@) */
    char sampled_example[128];
    double sampled_samples, sampled_count;
    uint64_t counters_returned; /* counters silent for longer than expire_counters that came back */
    char returned_example[128];

    /* Events. */
    struct report_anomaly anomalies[REPORT_ANOMALIES]; /* the latest first */
    size_t anomaly_count;
    uint64_t anomalies_started, anomalies_active; /* in the time; of them, or lasting now */
    uint64_t anomalies_critical;                  /* lasting now */
    struct report_alert alerts[REPORT_ALERTS];
    size_t alert_count;
    uint64_t alerts_firing, alerts_critical;

    /* The server itself; only where has_figures. */
    bool has_figures;
    double uptime;
    struct ingest_figures ingest; /* since the start */
    struct ingest_figures recent; /* within the time */
    struct flush_figures flush;
    const struct ticks *ticks; /* the caller's; never NULL */
    struct report_sink sinks[REPORT_SINKS];
    size_t sink_count;
    struct report_sender senders[REPORT_SENDERS];
    size_t sender_count;
    uint64_t refusals_logged;
    uint64_t receive_buffer_granted; /* bytes; 0 = not known */
    unsigned cpus;                   /* that the process may use */
    uint64_t resident_bytes, open_fds, max_fds, threads;
    double cpu_seconds;
    uint64_t naming_conflicts;
    uint64_t disk_bytes; /* of the CSV files; known for files too. 0 = not known */

    /* Of [resources], as far as they are on. */
    struct report_resource resources[REPORT_RESOURCES];
    size_t resource_count;
    double drops_logged; /* datagrams, by the kernel, within the time */

    /* What follows. */
    struct advice advice[REPORT_ADVICE]; /* the gravest first */
    size_t advice_count;
    enum anomaly_severity status; /* SEVERITY_INFO is well */
    char summary[400];            /* a sentence: why */
    bool failed;                  /* memory was out on the way: something is missing */
};

/* Empty, over that time. The configuration stays the caller's. */
void report_init(struct report *report, const struct config *config, struct points points,
                 double interval);
void report_deinit(struct report *report);

/* Adds what is to be told; what is beyond the bounds is counted, and of anomalies the oldest goes.
 * Texts are copied. */
void report_add_anomaly(struct report *report, const struct report_anomaly *anomaly);
/* An anomaly that was added without an end, or was too many to be kept, has ended. */
void report_end_anomaly(struct report *report, const struct report_anomaly *end);

/* A change of an alert's state takes the place of what was known of it. */
void report_add_alert(struct report *report, const struct report_alert *alert);

/* Takes a reference of its own where the score is among the largest. `copy` is the copy of the
 * series, made where it is NULL and first needed. False without memory. */
bool ranking_add(struct ranking *ranking, const struct series *series, double score,
                 struct series **copy);

/* Reads the recommendations off the facts, and the status and its reason off both. The last step
 * before writing. */
void report_conclude(struct report *report);

#endif
