/* SPDX-License-Identifier: MIT */
#include "server/metrics/figures.h"

#include "server/core/require.h"

const char *transport_name(enum transport transport)
{
    static const char *const names[TRANSPORTS] = {"udp", "tcp", "unix", "unix_stream", "stdin"};
    return names[transport];
}

bool transport_is_stream(enum transport transport)
{
    return transport != TRANSPORT_UDP && transport != TRANSPORT_UNIX;
}

const char *connection_end_name(enum connection_end end)
{
    static const char *const names[CONNECTION_ENDS] = {"closed",    "error", "idle",
                                                       "bad_frame", "limit", "stop"};
    return names[end];
}

const char *loss_reason_name(unsigned reason)
{
    static const char *const names[] = {"rate_below_minimum", "name_too_long", "too_many_tags",
                                        "tags_too_long",      "series_limit",  "memory_limit",
                                        "no_name_left",       "out_of_range"};
    REQUIRE(reason < LOSS_REASONS);
    return reason < STATSD_REASONS ? statsd_reason_name((enum statsd_reason)reason)
                                   : names[reason - STATSD_REASONS];
}

const char *sample_type_name(unsigned type)
{
    return type == SAMPLE_TYPE_UNKNOWN ? "unknown" : statsd_type_name((enum statsd_type)type);
}

_Static_assert(sizeof(struct ingest_figures) % sizeof(uint64_t) == 0, "totals only");

void ingest_figures_add(struct ingest_figures *into, const struct ingest_figures *from)
{
    uint64_t *to = (uint64_t *)into;
    const uint64_t *add = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof(*into) / sizeof(uint64_t); i++) {
        to[i] += add[i];
    }
}

static uint64_t sum(const uint64_t *values, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}

uint64_t ingest_lines_rejected(const struct ingest_figures *figures)
{
    return sum(figures->lines_rejected, STATSD_REASONS);
}

uint64_t ingest_samples_received(const struct ingest_figures *figures)
{
    return sum(figures->samples_received, STATSD_TYPES + 1);
}

uint64_t ingest_samples_rejected(const struct ingest_figures *figures)
{
    return sum(figures->samples_rejected, LOSS_REASONS);
}

uint64_t ingest_samples_stored(const struct ingest_figures *figures)
{
    return ingest_samples_received(figures) - ingest_samples_rejected(figures) -
           figures->samples_late;
}
