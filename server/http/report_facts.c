/* SPDX-License-Identifier: MIT */
#include "server/http/report_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/http/figures.h"
#include "server/http/private.h"

/* Files of a folder that are looked at: more than so many are not the server's. */
#define FILES_MAX 100000

static void bound(struct report_sink *sink, uint64_t bytes, const char *key, const char *section)
{
    sink->queue_bytes_max = bytes;
    sink->key = key;
    snprintf(sink->section, sizeof(sink->section), "%s", section);
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* The same of an entry of a named section, by which the sink is called behind a colon. */
static void bound_entry(struct report_sink *sink, const char *section, const char *name,
                        uint64_t bytes)
{
    char heading[sizeof(sink->section)];
    size_t length = strlen(section);
    if (begins(sink->name, section) && sink->name[length] == ':' &&
        strcmp(sink->name + length + 1, name) == 0) {
        snprintf(heading, sizeof(heading), "%s \"%s\"", section, name);
        bound(sink, bytes, "buffer", heading);
    }
}

/* Which setting bounds the queue of a sink. */
static void bound_queue(struct report_sink *sink, const struct config *config)
{
    if (begins(sink->name, "graphite")) {
        bound(sink, config->graphite.buffer_bytes, "buffer", "graphite");
    } else if (begins(sink->name, "remote_write")) {
        bound(sink, config->remote_write.queue_bytes, "queue", "remote_write");
    }
    for (size_t i = 0; i < config->execs.count; i++) {
        bound_entry(sink, "exec", config->execs.items[i].name, config->execs.items[i].buffer_bytes);
    }
    for (size_t i = 0; i < config->notifies.count; i++) {
        bound_entry(sink, "notify", config->notifies.items[i].name,
                    config->notifies.items[i].buffer_bytes);
    }
}

static void read_sinks(const struct own_figures *figures, struct report *report)
{
    for (size_t i = 0; i < figures->sink_count && i < REPORT_SINKS; i++) {
        const struct sink_figures *from = &figures->sinks[i].figures;
        struct report_sink *sink = &report->sinks[report->sink_count++];
        snprintf(sink->name, sizeof(sink->name), "%s", figures->sinks[i].name);
        sink->errors = from->errors;
        sink->windows_lost = from->windows_lost;
        sink->queue_bytes = from->queue_bytes;
        sink->bytes_sent = from->bytes_sent;
        sink->failing = from->failing;
        snprintf(sink->reason, sizeof(sink->reason), "%s", from->reason);
        bound_queue(sink, report->config);
    }
}

static bool is_log(const char *name)
{
    const char *suffix = strstr(name, ".csv");
    return suffix && (suffix[4] == '\0' || strcmp(suffix, ".csv.gz") == 0);
}

static uint64_t count_disk(const char *directory)
{
    DIR *folder = directory ? opendir(directory) : NULL;
    uint64_t bytes = 0;
    size_t files = 0;
    for (const struct dirent *entry; folder && files < FILES_MAX && (entry = readdir(folder));) {
        struct stat status;
        files++;
        if (is_log(entry->d_name) && fstatat(dirfd(folder), entry->d_name, &status, 0) == 0) {
            bytes += (uint64_t)status.st_size;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return bytes;
}

static unsigned count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static double since(const struct alert_row *row)
{
    return row->state == ALERT_FIRING     ? row->firing_since
           : row->state == ALERT_RESOLVED ? row->resolved_at
                                          : row->pending_since;
}

static void read_alerts(const struct alert_set *alerts, struct report *report)
{
    for (size_t i = 0; alerts && i < alerts->count; i++) {
        const struct alert_row *row = &alerts->rows[i];
        report_add_alert(report, &(struct report_alert){.name = row->name,
                                                        .metric = row->metric,
                                                        .tags = row->tags,
                                                        .reason = row->reason,
                                                        .state = row->state,
                                                        .since = since(row),
                                                        .severity = row->severity});
    }
}

/* What lasts, which the detector knows best. */
static void count_lasting(const struct snapshot *latest, struct report *report)
{
    report->anomalies_active = report->anomalies_critical = 0;
    for (size_t i = 0; i < latest->active_count; i++) {
        report->anomalies_active += latest->active[i].severity > SEVERITY_INFO;
        report->anomalies_critical += latest->active[i].severity == SEVERITY_CRITICAL;
    }
}

void report_facts_read(struct http_server *server, const struct snapshot *latest,
                       struct report *report)
{
    struct own_sink sinks[HTTP_SINKS_MAX];
    struct own_figures figures;
    http_figures_read(server, sinks, &figures);
    report->has_figures = true;
    report->config_known = true;
    report->ingest = figures.ingest;
    report->flush = figures.flush;
    report->naming_conflicts = figures.conflicts;
    report->cpu_seconds = figures.process.cpu_seconds;
    report->resident_bytes = figures.process.resident_bytes;
    report->threads = figures.process.threads;
    report->open_fds = figures.process.open_fds;
    report->max_fds = figures.process.max_fds;
    report->cpus = count_cpus();
    report->receive_buffer_granted = server->options.receive_buffer_bytes;
    report->disk_bytes = count_disk(report->config->csv.directory);
    report->uptime =
        (double)(clock_monotonic_ns(server->options.clock) - server->options.started_ns) / 1e9;
    read_sinks(&figures, report);
    if (latest) {
        read_alerts(latest->alerts, report);
        count_lasting(latest, report);
    }
}
