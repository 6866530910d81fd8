/* SPDX-License-Identifier: MIT */
#include "server/http/own_figures.h"

#include <stdlib.h>
#include <string.h>

#include "server/http/prom_name.h"

static void family(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_append_text(out, "# HELP ");
    buffer_append_text(out, name);
    buffer_append(out, " ", 1);
    buffer_append_text(out, help);
    buffer_append_text(out, "\n# TYPE ");
    buffer_append_text(out, name);
    buffer_append(out, " ", 1);
    buffer_append_text(out, type);
    buffer_append(out, "\n", 1);
}

static void sample(struct buffer *out, const char *name, const char *label, const char *value,
                   double number)
{
    buffer_append_text(out, name);
    if (label) {
        buffer_append(out, "{", 1);
        buffer_append_text(out, label);
        buffer_append(out, "=\"", 2);
        prom_append_value(out, value, strlen(value));
        buffer_append(out, "\"}", 2);
    }
    buffer_append(out, " ", 1);
    buffer_append_number(out, number);
    buffer_append(out, "\n", 1);
}

static void counter(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    family(out, name, "counter", help);
    sample(out, name, NULL, NULL, (double)value);
}

static void gauge(struct buffer *out, const char *name, const char *help, double value)
{
    family(out, name, "gauge", help);
    sample(out, name, NULL, NULL, value);
}

static void by_transport(struct buffer *out, const char *name, const char *help,
                         const uint64_t values[TRANSPORTS])
{
    family(out, name, "counter", help);
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        sample(out, name, "transport", transport_name((enum transport)i), (double)values[i]);
    }
}

static void by_reason(struct buffer *out, const char *name, const char *help,
                      const uint64_t *values, unsigned count)
{
    family(out, name, "counter", help);
    for (unsigned i = STATSD_OK + 1; i < count; i++) {
        sample(out, name, "reason", loss_reason_name(i), (double)values[i]);
    }
}

static void by_type(struct buffer *out, const char *name, const char *kind, const char *help,
                    const uint64_t *values, unsigned count)
{
    family(out, name, kind, help);
    for (unsigned i = 0; i < count; i++) {
        sample(out, name, "type", sample_type_name(i), (double)values[i]);
    }
}

static void render_ingest(const struct ingest_figures *ingest, struct buffer *out)
{
    by_transport(out, "sigmad_bytes_received_total", "Bytes of datagrams received.",
                 ingest->bytes_received);
    /* promtool frowns on a name with "counter" in it, so that it is there only when it has
     * something to say. */
    if (ingest->counter_decrements > 0) {
        counter(out, "sigmad_counter_decrements_total",
                "Negative counter samples, which _total leaves out.", ingest->counter_decrements);
    }
    counter(out, "sigmad_datagrams_dropped_total",
            "Datagrams the kernel dropped because a receive buffer was full.",
            ingest->datagrams_dropped);
    by_transport(out, "sigmad_datagrams_received_total", "Datagrams received.",
                 ingest->datagrams_received);
    counter(out, "sigmad_events_received_total", "DogStatsD events received.",
            ingest->events_received);
    counter(out, "sigmad_lines_accepted_total", "Lines of which at least one thing was accepted.",
            ingest->lines_accepted);
    by_transport(out, "sigmad_lines_received_total", "Lines received, empty ones left out.",
                 ingest->lines_received);
    by_reason(out, "sigmad_lines_rejected_total", "Lines refused as a whole.",
              ingest->lines_rejected, STATSD_REASONS);
    counter(out, "sigmad_samples_late_total", "Samples that came after the last window.",
            ingest->samples_late);
    by_type(out, "sigmad_samples_received_total", "counter",
            "Samples received, by their StatsD type.", ingest->samples_received, STATSD_TYPES + 1);
    by_reason(out, "sigmad_samples_rejected_total", "Samples received and not stored.",
              ingest->samples_rejected, LOSS_REASONS);
    counter(out, "sigmad_samples_stored_total", "Samples that are in the figures.",
            ingest_samples_stored(ingest));
    counter(out, "sigmad_sections_skipped_total",
            "Unknown or unreadable sections of lines that were accepted.",
            ingest->sections_skipped);
    counter(out, "sigmad_series_rejected_total", "New series refused at a limit.",
            ingest->series_rejected);
    counter(out, "sigmad_service_checks_received_total", "DogStatsD service checks received.",
            ingest->service_checks_received);
}

static void render_anomaly_counts(const struct flush_figures *flush, struct buffer *out)
{
    static const char name[] = "sigmad_anomalies_total";
    family(out, name, "counter", "Anomalies that have started.");
    for (unsigned i = 0; i < SEVERITIES; i++) {
        sample(out, name, "severity", anomaly_severity_name((enum anomaly_severity)i),
               (double)flush->anomalies[i]);
    }
}

static void render_flush(const struct own_figures *figures, struct buffer *out)
{
    const struct flush_figures *flush = &figures->flush;
    render_anomaly_counts(flush, out);
    counter(out, "sigmad_approximations_total",
            "Timers and sets of which not every sample could be kept (metrics.timers = exact).",
            flush->approximations);
    counter(out, "sigmad_clock_steps_total", "Steps of the wall clock that ended a window.",
            flush->clock_steps);
    gauge(out, "sigmad_flush_duration_seconds",
          "Duration of the latest close of a window, up to the published snapshot.",
          flush->duration_seconds);
    gauge(out, "sigmad_flush_lag_seconds", "How long after its boundary the latest window closed.",
          flush->lag_seconds);
    gauge(out, "sigmad_pool_bytes", "Memory taken for sketches, sets and names.",
          (double)flush->pool_bytes);
    counter(out, "sigmad_prometheus_conflicts_total",
            "Series that /metrics leaves out because their name belongs to another type.",
            figures->conflicts);
    by_type(out, "sigmad_series", "gauge", "Series known, by their StatsD type.", flush->series,
            STATSD_TYPES);
    counter(out, "sigmad_series_expired_total", "Series that were forgotten when they were idle.",
            flush->series_expired);
    counter(out, "sigmad_windows_closed_total", "Windows closed.", flush->windows_closed);
    counter(out, "sigmad_windows_extended_total",
            "Slices of a worker that came too late and count in the next window.",
            flush->windows_extended);
}

static double sink_bytes_sent(const struct sink_figures *figures)
{
    return (double)figures->bytes_sent;
}

static double sink_errors(const struct sink_figures *figures)
{
    return (double)figures->errors;
}

static double sink_queue_bytes(const struct sink_figures *figures)
{
    return (double)figures->queue_bytes;
}

static double sink_windows_lost(const struct sink_figures *figures)
{
    return (double)figures->windows_lost;
}

static void render_sinks(const struct own_figures *figures, struct buffer *out)
{
    static const struct {
        const char *name, *type, *help;
        double (*value)(const struct sink_figures *);
    } families[] = {
        {"sigmad_bytes_sent_total", "counter", "Bytes written or sent by an output.",
         sink_bytes_sent},
        {"sigmad_sink_errors_total", "counter", "Failed attempts of an output.", sink_errors},
        {"sigmad_sink_queue_bytes", "gauge", "What waits for an output, estimated.",
         sink_queue_bytes},
        {"sigmad_sink_windows_lost_total", "counter",
         "Windows an output gave up, in part or whole.", sink_windows_lost},
    };
    for (size_t i = 0; figures->sink_count > 0 && i < sizeof(families) / sizeof(*families); i++) {
        family(out, families[i].name, families[i].type, families[i].help);
        for (size_t j = 0; j < figures->sink_count; j++) {
            sample(out, families[i].name, "sink", figures->sinks[j].name,
                   families[i].value(&figures->sinks[j].figures));
        }
    }
}

static void render_process(const struct process_figures *process, struct buffer *out)
{
    family(out, "process_cpu_seconds_total", "counter",
           "User and system CPU time spent in seconds.");
    sample(out, "process_cpu_seconds_total", NULL, NULL, process->cpu_seconds);
    gauge(out, "process_max_fds", "Largest number of open file descriptors.",
          (double)process->max_fds);
    gauge(out, "process_open_fds", "Open file descriptors.", (double)process->open_fds);
    gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
          (double)process->resident_bytes);
    gauge(out, "process_start_time_seconds", "Start time in seconds since the Unix epoch.",
          process->start_time_seconds);
    gauge(out, "process_threads", "Threads of the process.", (double)process->threads);
    gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
          (double)process->virtual_bytes);
}

/* The line of one anomaly, as far as two may be equal: without its value. */
static void append_anomaly(const struct anomaly_row *row, struct buffer *lines)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    const struct identity *identity = row->identity;
    struct buffer text;
    buffer_init(&text);
    identity_tags(identity, tags);
    char *room = buffer_room(&text, 2 * (size_t)identity->bytes_length);
    if (room) {
        text.length = tags_format_csv(room, tags, identity->tag_count);
    }
    buffer_append_text(lines, "sigmad_anomaly{metric=\"");
    prom_append_value(lines, identity_name(identity), identity->name_length);
    buffer_append_text(lines, "\",tags=\"");
    if (text.length > 0) {
        prom_append_value(lines, text.bytes, text.length);
    }
    buffer_append_text(lines, "\",statistic=\"");
    buffer_append_text(lines, statistic_name(row->statistic));
    buffer_append_text(lines, "\",severity=\"");
    buffer_append_text(lines, anomaly_severity_name(row->severity));
    buffer_append(lines, "\"}", sizeof("\"}")); /* with its NUL, to compare by strcmp() */
    lines->failed |= text.failed;
    buffer_deinit(&text);
}

static int compare_lines(const void *left, const void *right, void *lines)
{
    const char *text = lines;
    return strcmp(text + *(const size_t *)left, text + *(const size_t *)right);
}

/* A metric may be anomalous in the same statistic as ms, h and d, which the labels do not tell
 * apart: equal lines are shown once. */
static void append_distinct(struct buffer *out, char *lines, size_t *starts, size_t count)
{
    qsort_r(starts, count, sizeof(*starts), compare_lines, lines);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(lines + starts[i - 1], lines + starts[i]) != 0) {
            buffer_append_text(out, lines + starts[i]);
            buffer_append(out, " 1\n", 3);
        }
    }
}

static void render_anomalies(const struct snapshot *snapshot, struct buffer *out)
{
    size_t count = snapshot ? snapshot->active_count : 0;
    if (count == 0) {
        return;
    }
    family(out, "sigmad_anomaly", "gauge", "1 while an anomaly lasts.");
    struct buffer lines;
    buffer_init(&lines);
    size_t *starts = malloc(count * sizeof(*starts));
    for (size_t i = 0; starts && i < count; i++) {
        starts[i] = lines.length;
        append_anomaly(&snapshot->active[i], &lines);
    }
    if (!starts || lines.failed) {
        out->failed = true;
    } else {
        append_distinct(out, lines.bytes, starts, count);
    }
    free(starts);
    buffer_deinit(&lines);
}

void own_figures_render(const struct own_figures *figures, struct buffer *out)
{
    render_process(&figures->process, out);
    render_anomalies(figures->snapshot, out);
    family(out, "sigmad_build_info", "gauge", "1; the version of the server is a label.");
    sample(out, "sigmad_build_info", "version", SIGMAD_VERSION, 1);
    render_ingest(&figures->ingest, out);
    render_flush(figures, out);
    render_sinks(figures, out);
}
