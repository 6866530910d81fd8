/* SPDX-License-Identifier: MIT */
#include "server/http/own_figures.h"

#include "server/http/figure_writer.h"
#include "server/http/lasting_figures.h"
#include "server/http/prom_name.h"

static void counter(struct figure_writer *out, const char *name, const char *help, uint64_t value)
{
    figure_family(out, name, "counter", help);
    figure_sample(out, NULL, NULL, (double)value);
}

static void gauge(struct figure_writer *out, const char *name, const char *help, double value)
{
    figure_family(out, name, "gauge", help);
    figure_sample(out, NULL, NULL, value);
}

static void by_transport(struct figure_writer *out, const char *name, const char *help,
                         const uint64_t values[TRANSPORTS])
{
    figure_family(out, name, "counter", help);
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        figure_sample(out, "transport", transport_name((enum transport)i), (double)values[i]);
    }
}

static void by_reason(struct figure_writer *out, const char *name, const char *help,
                      const uint64_t *values, unsigned count)
{
    figure_family(out, name, "counter", help);
    for (unsigned i = STATSD_OK + 1; i < count; i++) {
        figure_sample(out, "reason", loss_reason_name(i), (double)values[i]);
    }
}

static void by_type(struct figure_writer *out, const char *name, const char *kind, const char *help,
                    const uint64_t *values, unsigned count)
{
    figure_family(out, name, kind, help);
    for (unsigned i = 0; i < count; i++) {
        figure_sample(out, "type", sample_type_name(i), (double)values[i]);
    }
}

/* Nothing where no stream has been served: then there is nothing to say. */
static void render_connections(const struct ingest_figures *ingest, struct figure_writer *out)
{
    uint64_t accepted = 0, ended = 0;
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        accepted += ingest->connections_accepted[i];
    }
    for (unsigned i = 0; i < CONNECTION_ENDS; i++) {
        ended += ingest->connections_ended[i];
    }
    if (accepted + ingest->accept_failures == 0) {
        return;
    }
    counter(out, "sigmad_accept_failures_total",
            "Connections that had to wait for a descriptor or memory.", ingest->accept_failures);
    gauge(out, "sigmad_connections", "Connections that are open.", (double)(accepted - ended));
    by_transport(out, "sigmad_connections_accepted_total", "Connections accepted.",
                 ingest->connections_accepted);
    figure_family(out, "sigmad_connections_ended_total", "counter", "Connections that have ended.");
    for (unsigned i = 0; i < CONNECTION_ENDS; i++) {
        figure_sample(out, "reason", connection_end_name((enum connection_end)i),
                      (double)ingest->connections_ended[i]);
    }
}

static void render_ingest(const struct ingest_figures *ingest, struct figure_writer *out)
{
    render_connections(ingest, out);
    by_transport(out, "sigmad_bytes_received_total", "Bytes received.", ingest->bytes_received);
    /* promtool frowns on a name with "counter" in it, so that it is there only when it has
     * something to say. */
    if (ingest->counter_decrements > 0) {
        counter(out, "sigmad_counter_decrements_total",
                "Negative counter samples, which _total leaves out.", ingest->counter_decrements);
    }
    counter(out, "sigmad_datagrams_dropped_total",
            "Datagrams the kernel dropped because a receive buffer was full.",
            ingest->datagrams_dropped);
    by_transport(out, "sigmad_datagrams_received_total", "Datagrams, or frames of a stream.",
                 ingest->datagrams_received);
    if (ingest->datagrams_truncated > 0) {
        counter(out, "sigmad_datagrams_truncated_total",
                "Datagrams of a Unix socket over 64 KiB, of which the rest was lost.",
                ingest->datagrams_truncated);
    }
    static const char events[] = "sigmad_events_total";
    figure_family(out, events, "counter", "DogStatsD events and service checks received.");
    figure_sample(out, "kind", event_kind_name(EVENT_EVENT), (double)ingest->events_received);
    figure_sample(out, "kind", event_kind_name(EVENT_SERVICE_CHECK),
                  (double)ingest->service_checks_received);
    counter(out, "sigmad_lines_accepted_total", "Lines of which at least one thing was accepted.",
            ingest->lines_accepted);
    by_transport(out, "sigmad_lines_received_total", "Lines received, empty ones left out.",
                 ingest->lines_received);
    by_reason(out, "sigmad_lines_rejected_total", "Lines refused as a whole.",
              ingest->lines_rejected, STATSD_REASONS);
    counter(out, "sigmad_samples_late_total", "Samples stamped with |T outside of the open window.",
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
}

static void render_anomaly_counts(const struct flush_figures *flush, struct figure_writer *out)
{
    static const char name[] = "sigmad_anomalies_total";
    figure_family(out, name, "counter", "Anomalies that have started.");
    for (unsigned i = 0; i < SEVERITIES; i++) {
        figure_sample(out, "severity", anomaly_severity_name((enum anomaly_severity)i),
                      (double)flush->anomalies[i]);
    }
}

static void render_event_losses(const struct own_figures *figures, struct figure_writer *out)
{
    static const char name[] = "sigmad_events_lost_total";
    figure_family(out, name, "counter",
                  "DogStatsD events and service checks received and not stored.");
    for (unsigned i = EVENT_STORED + 1; i < EVENT_LOSSES; i++) {
        figure_sample(out, "reason", event_loss_name((enum event_loss)i),
                      (double)(figures->ingest.events_lost[i] + figures->flush.events_lost[i]));
    }
}

static void render_stages(const struct flush_stages *stages, struct figure_writer *out)
{
    figure_family(out, "sigmad_flush_stage_seconds", "gauge",
                  "Duration of each stage of the latest close of a window.");
    for (int i = 0; i < FLUSH_STAGES; i++) {
        figure_sample(out, "stage", flush_stage_name((enum flush_stage)i),
                      flush_stage_seconds(stages, (enum flush_stage)i));
    }
}

static void render_flush(const struct own_figures *figures, struct figure_writer *out)
{
    const struct flush_figures *flush = &figures->flush;
    render_anomaly_counts(flush, out);
    gauge(out, "sigmad_anomaly_state_bytes", "Memory taken by the states of anomaly.method = auto.",
          (double)flush->anomaly_state_bytes);
    gauge(out, "sigmad_anomaly_substitutes",
          "Statistics of the latest window judged by sigma, for which anomaly.max_memory has no "
          "room.",
          (double)flush->anomaly_substitutes);
    render_event_losses(figures, out);
    gauge(out, "sigmad_history_bytes", "Memory taken by the windows of [history].",
          (double)flush->history_bytes);
    gauge(out, "sigmad_history_windows", "Windows that [history] holds.",
          (double)flush->history_windows);
    counter(out, "sigmad_history_windows_dropped_total",
            "Windows that left [history] before their time, for lack of history.memory.",
            flush->history_dropped);
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
    render_stages(&flush->stages, out);
    gauge(out, "sigmad_pool_bytes", "Memory taken for sketches, sets and names.",
          (double)flush->pool_bytes);
    gauge(out, "sigmad_pool_max_bytes", "What they may take: limits.memory.",
          (double)flush->pool_bytes_max);
    counter(out, "sigmad_prometheus_conflicts_total",
            "Series that /metrics leaves out because their name belongs to another type.",
            figures->conflicts);
    gauge(out, "sigmad_mapping_waiting_series",
          "Series that wait to be named: the rules of the mapping had their time of this second.",
          (double)figures->naming_waiting);
    counter(out, "sigmad_mapping_limited_total",
            "Times a regular expression of the mapping was given up for its cost.",
            figures->naming_limited);
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

static void render_sinks(const struct own_figures *figures, struct figure_writer *out)
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
        figure_family(out, families[i].name, families[i].type, families[i].help);
        for (size_t j = 0; j < figures->sink_count; j++) {
            figure_sample(out, "sink", figures->sinks[j].name,
                          families[i].value(&figures->sinks[j].figures));
        }
    }
}

static bool any_notifier(const struct own_figures *figures)
{
    for (size_t i = 0; i < figures->sink_count; i++) {
        if (figures->sinks[i].notifier) {
            return true;
        }
    }
    return false;
}

static void render_told(const struct own_sink *sink, const char *state, uint64_t told,
                        struct figure_writer *out)
{
    struct buffer labels = {0};
    const struct tag tags[] = {
        {"notifier", sink->notifier, strlen("notifier"), (uint16_t)strlen(sink->notifier)},
        {"state", state, strlen("state"), (uint16_t)strlen(state)},
    };
    prom_append_labels(&labels, tags, sizeof(tags) / sizeof(*tags));
    buffer_append(&labels, "", 1);
    if (!labels.failed) {
        figure_labelled(out, labels.bytes, (double)told);
    }
    buffer_deinit(&labels);
}

static void render_notifiers(const struct own_figures *figures, struct figure_writer *out)
{
    if (!any_notifier(figures)) {
        return;
    }
    figure_family(out, "sigmad_notifications_total", "counter", "Alerts that a notifier has told.");
    for (size_t i = 0; i < figures->sink_count; i++) {
        const struct own_sink *sink = &figures->sinks[i];
        if (sink->notifier) {
            render_told(sink, "firing", sink->figures.notifications_told[0], out);
            render_told(sink, "resolved", sink->figures.notifications_told[1], out);
        }
    }
    figure_family(out, "sigmad_notifications_lost_total", "counter",
                  "Alerts that a notifier gave up telling.");
    for (size_t i = 0; i < figures->sink_count; i++) {
        const struct own_sink *sink = &figures->sinks[i];
        if (sink->notifier) {
            figure_sample(out, "notifier", sink->notifier,
                          (double)sink->figures.notifications_lost);
        }
    }
}

static void render_process(const struct process_figures *process, struct figure_writer *out)
{
    figure_family(out, "process_cpu_seconds_total", "counter",
                  "User and system CPU time spent in seconds.");
    figure_sample(out, NULL, NULL, process->cpu_seconds);
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

static void render_allocator(const struct allocator_figures *allocator, struct figure_writer *out)
{
    gauge(out, "sigmad_malloc_free_bytes", "Memory that malloc() holds in no block.",
          (double)allocator->free_bytes);
    gauge(out, "sigmad_malloc_used_bytes",
          "Memory in blocks of malloc(), besides sigmad_pool_bytes.",
          (double)allocator->used_bytes);
}

static void render(const struct own_figures *figures, struct figure_writer *out)
{
    render_process(&figures->process, out);
    render_allocator(&figures->allocator, out);
    lasting_figures_render(figures->snapshot, out);
    figure_family(out, "sigmad_build_info", "gauge", "1; the version of the server is a label.");
    figure_sample(out, "version", SIGMAD_VERSION, 1);
    render_ingest(&figures->ingest, out);
    render_flush(figures, out);
    render_sinks(figures, out);
    render_notifiers(figures, out);
}

void own_figures_render(const struct own_figures *figures, struct buffer *out)
{
    struct figure_writer writer;
    figure_writer_begin(&writer, figures->format, out);
    render(figures, &writer);
    figure_writer_end(&writer);
}
