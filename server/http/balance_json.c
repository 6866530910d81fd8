/* SPDX-License-Identifier: MIT */
#include "server/http/balance_json.h"

#include "server/http/json.h"

static void write_transports(struct json *json, const char *key, const uint64_t values[TRANSPORTS])
{
    json_put_key(json, key);
    json_begin_object(json);
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        json_member_integer(json, transport_name((enum transport)i), values[i]);
    }
    json_end_object(json);
}

/* Every reason, those without losses too, so that a reader need not know which there are. */
static void write_reasons(struct json *json, const uint64_t *values, unsigned count)
{
    json_put_key(json, "rejected");
    json_begin_object(json);
    for (unsigned i = STATSD_OK + 1; i < count; i++) {
        json_member_integer(json, loss_reason_name(i), values[i]);
    }
    json_end_object(json);
}

static void write_datagrams(struct json *json, const struct ingest_figures *ingest)
{
    json_put_key(json, "datagrams");
    json_begin_object(json);
    write_transports(json, "received", ingest->datagrams_received);
    json_member_integer(json, "dropped_by_kernel", ingest->datagrams_dropped);
    json_member_integer(json, "truncated", ingest->datagrams_truncated);
    json_end_object(json);
}

static void write_connections(struct json *json, const struct ingest_figures *ingest)
{
    json_put_key(json, "connections");
    json_begin_object(json);
    write_transports(json, "accepted", ingest->connections_accepted);
    json_put_key(json, "ended");
    json_begin_object(json);
    for (unsigned i = 0; i < CONNECTION_ENDS; i++) {
        json_member_integer(json, connection_end_name((enum connection_end)i),
                            ingest->connections_ended[i]);
    }
    json_end_object(json);
    json_end_object(json);
}

static void write_lines(struct json *json, const struct ingest_figures *ingest)
{
    json_put_key(json, "lines");
    json_begin_object(json);
    write_transports(json, "received", ingest->lines_received);
    json_member_integer(json, "accepted", ingest->lines_accepted);
    write_reasons(json, ingest->lines_rejected, STATSD_REASONS);
    json_end_object(json);
}

/* Stored is received less every loss, so that what could be wrong there is that it fell below zero.
 */
static bool has_more_losses_than_samples(const struct ingest_figures *ingest)
{
    return ingest_samples_received(ingest) < ingest_samples_rejected(ingest) + ingest->samples_late;
}

static void write_samples(struct json *json, const struct ingest_figures *ingest)
{
    json_put_key(json, "samples");
    json_begin_object(json);
    json_put_key(json, "received");
    json_begin_object(json);
    for (unsigned type = 0; type <= SAMPLE_TYPE_UNKNOWN; type++) {
        json_member_integer(json, sample_type_name(type), ingest->samples_received[type]);
    }
    json_end_object(json);
    json_member_integer(json, "stored",
                        has_more_losses_than_samples(ingest) ? 0 : ingest_samples_stored(ingest));
    write_reasons(json, ingest->samples_rejected, LOSS_REASONS);
    json_member_integer(json, "late", ingest->samples_late);
    json_end_object(json);
}

static void write_sinks(struct json *json, const struct own_figures *figures)
{
    json_put_key(json, "sinks");
    json_begin_object(json);
    for (size_t i = 0; i < figures->sink_count; i++) {
        const struct sink_figures *sink = &figures->sinks[i].figures;
        json_put_key(json, figures->sinks[i].name);
        json_begin_object(json);
        json_member_integer(json, "done_window", sink->done_window);
        json_member_integer(json, "windows_lost", sink->windows_lost);
        json_member_integer(json, "errors", sink->errors);
        json_member_integer(json, "queue_bytes", sink->queue_bytes);
        json_member_integer(json, "bytes_sent", sink->bytes_sent);
        json_member_boolean(json, "failing", sink->failing);
        json_member_string(json, "reason", sink->failing ? sink->reason : "");
        json_end_object(json);
    }
    json_end_object(json);
}

static void write_event_losses(struct json *json, const struct own_figures *figures)
{
    json_put_key(json, "events_lost");
    json_begin_object(json);
    for (unsigned i = EVENT_STORED + 1; i < EVENT_LOSSES; i++) {
        json_member_integer(json, event_loss_name((enum event_loss)i),
                            figures->ingest.events_lost[i] + figures->flush.events_lost[i]);
    }
    json_end_object(json);
}

static bool is_balanced(const struct ingest_figures *ingest)
{
    uint64_t lines = 0;
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        lines += ingest->lines_received[i];
    }
    return lines == ingest->lines_accepted + ingest_lines_rejected(ingest) &&
           !has_more_losses_than_samples(ingest);
}

void balance_json_write(const struct own_figures *figures, struct buffer *out)
{
    const struct ingest_figures *ingest = &figures->ingest;
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_member_boolean(&json, "balanced", is_balanced(ingest));
    write_datagrams(&json, ingest);
    if (figures->dropped_is_lower_bound) {
        json_member_boolean(&json, "datagrams_dropped_is_lower_bound", true);
    }
    write_connections(&json, ingest);
    write_lines(&json, ingest);
    write_samples(&json, ingest);
    json_member_integer(&json, "series_rejected", ingest->series_rejected);
    json_member_integer(&json, "events_received", ingest->events_received);
    json_member_integer(&json, "service_checks_received", ingest->service_checks_received);
    write_event_losses(&json, figures);
    json_member_integer(&json, "windows_closed", figures->flush.windows_closed);
    write_sinks(&json, figures);
    json_end_object(&json);
    buffer_append(out, "\n", 1);
}
