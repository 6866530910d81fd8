/* SPDX-License-Identifier: MIT */
#include "server/http/snapshot_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "server/http/json.h"
#include "server/http/tags_json.h"

static double *copy_numbers(const struct config_numbers *numbers)
{
    double *copy = malloc((numbers->count + 1) * sizeof(*copy));
    if (copy && numbers->count > 0) {
        memcpy(copy, numbers->items, numbers->count * sizeof(*copy));
    }
    return copy;
}

bool snapshot_bounds_init(struct snapshot_bounds *bounds, const struct config *config)
{
    bounds->seconds = copy_numbers(&config->prometheus.buckets);
    bounds->plain = copy_numbers(&config->prometheus.buckets_plain);
    bounds->seconds_count = config->prometheus.buckets.count;
    bounds->plain_count = config->prometheus.buckets_plain.count;
    return bounds->seconds && bounds->plain;
}

void snapshot_bounds_deinit(struct snapshot_bounds *bounds)
{
    free(bounds->seconds);
    free(bounds->plain);
}

static void write_identity(struct json *json, const struct identity *identity)
{
    json_put_key(json, "name");
    json_put_string_bytes(json, identity_name(identity), identity->name_length);
    json_put_key(json, "tags");
    tags_json_write(json, identity);
}

static void write_counters(struct json *json, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        const struct counter_row *row = &snapshot->counters[i];
        if (!row->updated && !snapshot->idle_is_zero) {
            continue;
        }
        json_begin_object(json);
        write_identity(json, row->identity);
        json_member_number(json, "count", row->count);
        json_member_number(json, "rate", row->rate);
        json_member_number(json, "total", row->total);
        json_end_object(json);
    }
}

static void write_gauges(struct json *json, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->gauge_count; i++) {
        json_begin_object(json);
        write_identity(json, snapshot->gauges[i].identity);
        json_member_number(json, "value", snapshot->gauges[i].value);
        json_end_object(json);
    }
}

static bool has_bins(const struct timer_row *row)
{
    return row->details && row->details->bin_count > 0;
}

/* Of the window, cumulative as the buckets of Prometheus are. */
static void write_bins(struct json *json, const struct timer_row *row)
{
    double count = 0;
    json_put_key(json, "buckets");
    json_begin_array(json);
    for (size_t i = 0; i < row->details->bin_count; i++) {
        const struct histogram_bin *bin = &row->details->bins[i];
        count += bin->count;
        json_begin_object(json);
        if (isinf(bin->bound)) {
            json_member_string(json, "le", "+Inf");
        } else {
            json_member_number(json, "le", bin->bound);
        }
        json_member_number(json, "count", count);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_percentiles(struct json *json, const struct snapshot *snapshot,
                              const struct timer_row *row)
{
    json_put_key(json, "percentiles");
    json_begin_object(json);
    for (size_t i = 0; row->updated && row->percentiles && i < snapshot->percentile_count; i++) {
        char text[NUMBER_TEXT_MAX];
        size_t length = number_format(text, snapshot->percents[i]);
        json_put_key_bytes(json, text, length);
        json_put_number(json, row->percentiles[i]);
    }
    json_end_object(json);
}

static void write_buckets(struct json *json, const struct snapshot_bounds *bounds,
                          const struct timer_row *row)
{
    bool seconds = row->identity->type == STATSD_TIMER;
    const double *le = seconds ? bounds->seconds : bounds->plain;
    size_t count = seconds ? bounds->seconds_count : bounds->plain_count;
    json_put_key(json, "buckets");
    json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(json);
        json_member_number(json, "le", le[i]);
        json_member_number(json, "count", row->buckets[i]);
        json_end_object(json);
    }
    json_begin_object(json);
    json_member_string(json, "le", "+Inf");
    json_member_number(json, "count", row->total_count);
    json_end_object(json);
    json_end_array(json);
}

static void write_timers(struct json *json, const struct snapshot *snapshot,
                         const struct snapshot_bounds *bounds)
{
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        const struct timer_row *row = &snapshot->timers[i];
        if (!row->updated && !snapshot->idle_is_zero) {
            continue;
        }
        json_begin_object(json);
        write_identity(json, row->identity);
        json_member_string(json, "type", statsd_type_name(row->identity->type));
        json_member_number(json, "count", row->count);
        json_member_number(json, "rate", row->rate);
        json_member_number(json, "sum", row->sum);
        json_member_number(json, "mean", row->mean);
        json_member_number(json, "min", row->min);
        json_member_number(json, "max", row->max);
        json_member_number(json, "stddev", row->stddev);
        write_percentiles(json, snapshot, row);
        if (has_bins(row)) {
            write_bins(json, row);
        } else if (row->buckets) {
            write_buckets(json, bounds, row);
        }
        json_end_object(json);
    }
}

static void write_sets(struct json *json, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->set_count; i++) {
        const struct set_row *row = &snapshot->sets[i];
        if (!row->updated && !snapshot->idle_is_zero) {
            continue;
        }
        json_begin_object(json);
        write_identity(json, row->identity);
        json_member_number(json, "unique", row->unique);
        json_end_object(json);
    }
}

static void write_event(struct json *json, const struct snapshot *snapshot,
                        const struct event_row *row)
{
    static const char *const keys[EVENT_FIELDS] = {
        "name",        "text",         "tags", "host", "priority", "alert_type", "aggregation_key",
        "source_type", "container_id",
    };
    struct tag tags[EVENT_TAGS_MAX];
    struct span raw = row->fields[EVENT_TAGS];
    int count = tags_parse(TAGS_COLON, snapshot->event_bytes + raw.offset, raw.length, tags,
                           EVENT_TAGS_MAX);
    json_begin_object(json);
    json_member_string(json, "kind", event_kind_name((enum event_kind)row->kind));
    json_member_number(json, "time", row->time);
    if (row->kind == EVENT_SERVICE_CHECK) {
        json_member_integer(json, "status", row->status);
    }
    for (size_t i = 0; i < EVENT_FIELDS; i++) {
        struct span field = row->fields[i];
        if (i == EVENT_TAGS) {
            json_put_key(json, keys[i]);
            tags_json_write_tags(json, tags, count > 0 ? (size_t)count : 0);
        } else if (field.length > 0) {
            json_put_key(json, keys[i]);
            json_put_string_bytes(json, snapshot->event_bytes + field.offset, field.length);
        }
    }
    json_end_object(json);
}

void snapshot_json_rows(const struct snapshot *snapshot, const struct snapshot_bounds *bounds,
                        double uptime_seconds, struct buffer *out)
{
    static const struct snapshot none;
    const struct snapshot *rows = snapshot ? snapshot : &none;
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_member_number(&json, "timestamp", rows->timestamp);
    json_member_number(&json, "uptime_seconds", snapshot ? rows->uptime_seconds : uptime_seconds);
    json_member_number(&json, "window_seconds", rows->window_seconds);
    json_put_key(&json, "counters");
    json_begin_array(&json);
    write_counters(&json, rows);
    json_end_array(&json);
    json_put_key(&json, "gauges");
    json_begin_array(&json);
    write_gauges(&json, rows);
    json_end_array(&json);
    json_put_key(&json, "timers");
    json_begin_array(&json);
    write_timers(&json, rows, bounds);
    json_end_array(&json);
    json_put_key(&json, "sets");
    json_begin_array(&json);
    write_sets(&json, rows);
    json_end_array(&json);
    json_put_key(&json, "events");
    json_begin_array(&json);
    for (size_t i = 0; i < rows->event_count; i++) {
        write_event(&json, rows, &rows->events[i]);
    }
    json_end_array(&json);
}

static void write_resources(struct json *json, const struct own_figures *figures)
{
    const struct process_figures *process = &figures->process;
    json_put_key(json, "resources");
    json_begin_object(json);
    json_member_integer(json, "resident_memory_bytes", process->resident_bytes);
    json_member_integer(json, "virtual_memory_bytes", process->virtual_bytes);
    json_member_number(json, "cpu_seconds", process->cpu_seconds);
    json_member_integer(json, "open_fds", process->open_fds);
    json_member_integer(json, "max_fds", process->max_fds);
    json_member_integer(json, "threads", process->threads);
    json_member_number(json, "start_time_seconds", process->start_time_seconds);
    json_member_integer(json, "malloc_used_bytes", figures->allocator.used_bytes);
    json_member_integer(json, "malloc_free_bytes", figures->allocator.free_bytes);
    json_member_integer(json, "pool_bytes", figures->flush.pool_bytes);
    json_member_integer(json, "pool_max_bytes", figures->flush.pool_bytes_max);
    json_member_integer(json, "datagrams_dropped", figures->ingest.datagrams_dropped);
    json_end_object(json);
}

static uint64_t sum_transports(const uint64_t values[TRANSPORTS])
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        sum += values[i];
    }
    return sum;
}

static void write_ingest(struct json *json, const struct ingest_figures *ingest)
{
    json_put_key(json, "ingest");
    json_begin_object(json);
    json_member_integer(json, "datagrams_received", sum_transports(ingest->datagrams_received));
    json_member_integer(json, "datagrams_dropped", ingest->datagrams_dropped);
    json_member_integer(json, "bytes_received", sum_transports(ingest->bytes_received));
    json_member_integer(json, "lines_received", sum_transports(ingest->lines_received));
    json_member_integer(json, "lines_accepted", ingest->lines_accepted);
    json_member_integer(json, "lines_rejected", ingest_lines_rejected(ingest));
    json_member_integer(json, "samples_received", ingest_samples_received(ingest));
    json_member_integer(json, "samples_stored", ingest_samples_stored(ingest));
    json_member_integer(json, "samples_rejected", ingest_samples_rejected(ingest));
    json_member_integer(json, "samples_late", ingest->samples_late);
    json_member_integer(json, "series_rejected", ingest->series_rejected);
    json_end_object(json);
}

static void write_flush(struct json *json, const struct flush_figures *flush)
{
    json_put_key(json, "flush");
    json_begin_object(json);
    json_member_integer(json, "windows_closed", flush->windows_closed);
    json_member_integer(json, "windows_extended", flush->windows_extended);
    json_member_integer(json, "clock_steps", flush->clock_steps);
    json_member_number(json, "duration_seconds", flush->duration_seconds);
    json_member_number(json, "lag_seconds", flush->lag_seconds);
    json_put_key(json, "stage_seconds");
    json_begin_object(json);
    for (int i = 0; i < FLUSH_STAGES; i++) {
        json_member_number(json, flush_stage_name((enum flush_stage)i),
                           flush_stage_seconds(&flush->stages, (enum flush_stage)i));
    }
    json_end_object(json);
    json_member_integer(json, "series_expired", flush->series_expired);
    json_member_integer(json, "approximations", flush->approximations);
    json_member_integer(json, "pool_bytes", flush->pool_bytes);
    json_end_object(json);
}

static void write_series(struct json *json, const struct flush_figures *flush)
{
    json_put_key(json, "series");
    json_begin_object(json);
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        json_member_integer(json, statsd_type_name((enum statsd_type)type), flush->series[type]);
    }
    json_end_object(json);
}

void snapshot_json_figures(const struct own_figures *figures, struct buffer *out)
{
    struct json json = json_writer(out);
    json.separate = true; /* behind the rows */
    write_resources(&json, figures);
    json_put_key(&json, "server");
    json_begin_object(&json);
    json_member_string(&json, "version", SIGMAD_VERSION);
    write_series(&json, &figures->flush);
    write_ingest(&json, &figures->ingest);
    write_flush(&json, &figures->flush);
    json_end_object(&json);
    json_end_object(&json);
    buffer_append(out, "\n", 1);
}
