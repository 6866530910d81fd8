/* SPDX-License-Identifier: MIT */
#include "server/modules/tracing/otlp.h"

#include <stdio.h>

#include "server/http/json.h"

#define SPAN_KIND_INTERNAL 1
#define HEX_BYTES 33

static const char *hex(char out[HEX_BYTES], const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return out;
}

/* Numbers of 64 bits are strings. */
static void put_number(struct json *json, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    json_member_string(json, key, text);
}

static void begin_attribute(struct json *json, const char *key)
{
    json_begin_object(json);
    json_member_string(json, "key", key);
    json_put_key(json, "value");
    json_begin_object(json);
}

static void end_attribute(struct json *json)
{
    json_end_object(json);
    json_end_object(json);
}

static void put_text_attribute(struct json *json, const char *key, const char *value)
{
    begin_attribute(json, key);
    json_member_string(json, "stringValue", value);
    end_attribute(json);
}

static void put_count_attribute(struct json *json, const char *key, uint64_t value)
{
    begin_attribute(json, key);
    put_number(json, "intValue", value);
    end_attribute(json);
}

static void put_attributes(struct json *json, const struct trace *trace)
{
    json_put_key(json, "attributes");
    json_begin_array(json);
    put_count_attribute(json, "sigmad.window", trace->stages.window);
    begin_attribute(json, "sigmad.window_seconds");
    json_member_number(json, "doubleValue", trace->window_seconds);
    end_attribute(json);
    put_count_attribute(json, "sigmad.series.counters", trace->counters);
    put_count_attribute(json, "sigmad.series.gauges", trace->gauges);
    put_count_attribute(json, "sigmad.series.timers", trace->timers);
    put_count_attribute(json, "sigmad.series.sets", trace->sets);
    json_end_array(json);
}

/* Unix time of a monotonic stamp of the same closing. */
static uint64_t unix_ns(const struct trace *trace, uint64_t stamp_ns)
{
    return (uint64_t)trace->stages.wall_ns + (stamp_ns - trace->stages.begun_ns);
}

/* `index` of the span's id; the object is left open. */
static void begin_span(struct json *json, const struct trace *trace, size_t index, const char *name,
                       uint64_t begun_ns, uint64_t ended_ns)
{
    char text[HEX_BYTES];
    json_begin_object(json);
    json_member_string(json, "traceId", hex(text, trace->trace_id, sizeof(trace->trace_id)));
    json_member_string(json, "spanId", hex(text, trace->span_ids[index], 8));
    if (index > 0) {
        json_member_string(json, "parentSpanId", hex(text, trace->span_ids[0], 8));
    }
    json_member_string(json, "name", name);
    json_member_integer(json, "kind", SPAN_KIND_INTERNAL);
    put_number(json, "startTimeUnixNano", unix_ns(trace, begun_ns));
    put_number(json, "endTimeUnixNano", unix_ns(trace, ended_ns));
}

static void put_trace(struct json *json, const struct trace *trace)
{
    const struct flush_stages *stages = &trace->stages;
    begin_span(json, trace, 0, "flush", stages->begun_ns, stages->ended_ns);
    put_attributes(json, trace);
    json_end_object(json);
    for (size_t i = 0; i < FLUSH_STAGES; i++) {
        if (stages->stages[i].ended_ns > 0) {
            begin_span(json, trace, 1 + i, flush_stage_name((enum flush_stage)i),
                       stages->stages[i].begun_ns, stages->stages[i].ended_ns);
            json_end_object(json);
        }
    }
}

static void put_resource(struct json *json, const struct otlp_resource *resource)
{
    json_put_key(json, "resource");
    json_begin_object(json);
    json_put_key(json, "attributes");
    json_begin_array(json);
    put_text_attribute(json, "service.name", "sigmad");
    put_text_attribute(json, "service.version", SIGMAD_VERSION);
    if (resource->host_name[0]) {
        put_text_attribute(json, "host.name", resource->host_name);
    }
    json_end_array(json);
    json_end_object(json);
}

static void put_scope(struct json *json, const struct trace *traces, size_t count)
{
    json_begin_object(json);
    json_put_key(json, "scope");
    json_begin_object(json);
    json_member_string(json, "name", "sigmad.flush");
    json_member_string(json, "version", SIGMAD_VERSION);
    json_end_object(json);
    json_put_key(json, "spans");
    json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        put_trace(json, &traces[i]);
    }
    json_end_array(json);
    json_end_object(json);
}

void otlp_render(const struct otlp_resource *resource, const struct trace *traces, size_t count,
                 struct buffer *out)
{
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_put_key(&json, "resourceSpans");
    json_begin_array(&json);
    json_begin_object(&json);
    put_resource(&json, resource);
    json_put_key(&json, "scopeSpans");
    json_begin_array(&json);
    put_scope(&json, traces, count);
    json_end_array(&json);
    json_end_object(&json);
    json_end_array(&json);
    json_end_object(&json);
}
