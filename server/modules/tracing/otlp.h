/* SPDX-License-Identifier: MIT
 *
 * How windows were closed, as spans in the JSON of OTLP 1.x
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hex, 64-bit numbers as
 * strings): a trace a window, whose root "flush" has a child a stage that ran. A function of its
 * input.
 */
#ifndef SERVER_MODULES_TRACING_OTLP_H
#define SERVER_MODULES_TRACING_OTLP_H

#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/metrics/stages.h"

/* One window. */
struct trace {
    struct flush_stages stages;
    uint64_t counters, gauges, timers, sets; /* series that it had */
    double window_seconds;
    uint8_t trace_id[16];
    uint8_t span_ids[1 + FLUSH_STAGES][8]; /* of the root, then of the stages */
};

/* Of a request. */
struct otlp_resource {
    const char *host_name; /* "" = not known */
};

/* Appends the body of a request. */
void otlp_render(const struct otlp_resource *resource, const struct trace *traces, size_t count,
                 struct buffer *out);

#endif
