/* SPDX-License-Identifier: MIT
 *
 * The server's own figures: what came in, what became of it, and the named reason for each loss.
 * Lines received = accepted + rejected, samples received = stored + rejected + late, at every
 * moment they are read. Plain values; who counts and how they are read together is said in ingest.h
 * and flusher.h.
 */
#ifndef SERVER_METRICS_FIGURES_H
#define SERVER_METRICS_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/statsd.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"
#include "server/metrics/stages.h"

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_UNIX, /* datagrams */
    TRANSPORT_UNIX_STREAM,
    TRANSPORT_STDIN,
    TRANSPORTS
};
const char *transport_name(enum transport transport); /* "udp", …, "unix_stream", "stdin" */
bool transport_is_stream(enum transport transport);

/* How a connection, or standard input, came to its end. */
enum connection_end {
    CONNECTION_CLOSED,    /* by the sender */
    CONNECTION_ERROR,     /* reset, or it cannot be read */
    CONNECTION_IDLE,      /* server.stream_idle */
    CONNECTION_BAD_FRAME, /* a length that no frame has */
    CONNECTION_LIMIT,     /* server.stream_connections: refused as soon as it was accepted */
    CONNECTION_STOP,      /* the server stops */
    CONNECTION_ENDS
};
const char *connection_end_name(enum connection_end end); /* "closed", …, "stop" */

/* Why a sample that was received is not stored: the parser's reasons (for one bad sample of a line
 * that holds good ones), then the server's. */
enum loss_reason {
    LOSS_RATE_BELOW_MINIMUM = STATSD_REASONS, /* metrics.min_sample_rate */
    LOSS_NAME_TOO_LONG,                       /* limits.max_name */
    LOSS_TOO_MANY_TAGS,                       /* limits.max_tags */
    LOSS_TAGS_TOO_LONG,                       /* limits.max_tag_bytes */
    LOSS_SERIES_LIMIT, /* limits.max_series: a new name while the limit is reached */
    LOSS_MEMORY_LIMIT, /* limits.memory */
    LOSS_NO_NAME_LEFT, /* profile etsy: cleaning left nothing of the name */
    LOSS_OUT_OF_RANGE, /* so large that sums or squares could leave the range of a double */
    LOSS_REASONS
};
const char *loss_reason_name(unsigned reason); /* of either enum, a word fit for a label */

/* Index of samples_received for a refused sample whose type could not be read. */
#define SAMPLE_TYPE_UNKNOWN STATSD_TYPES
const char *sample_type_name(unsigned type); /* "c", …, "s", "unknown" */

/* All fields are uint64_t totals since start, so that the struct can be copied and added word by
 * word. */
struct ingest_figures {
    uint64_t datagrams_received[TRANSPORTS];
    uint64_t bytes_received[TRANSPORTS];
    uint64_t lines_received[TRANSPORTS];
    uint64_t lines_accepted;
    uint64_t lines_rejected[STATSD_REASONS];
    uint64_t samples_received[STATSD_TYPES + 1];
    uint64_t samples_rejected[LOSS_REASONS];
    uint64_t samples_late;
    uint64_t datagrams_dropped;   /* by the kernel */
    uint64_t datagrams_truncated; /* larger than the buffer: the rest of them is lost */
    uint64_t connections_accepted[TRANSPORTS];
    uint64_t connections_ended[CONNECTION_ENDS];
    uint64_t accept_failures; /* no descriptor or memory for a connection, which then waits */
    uint64_t sections_skipped;
    uint64_t events_received;
    uint64_t service_checks_received;
    uint64_t events_lost[EVENT_LOSSES]; /* of both, by a worker */
    uint64_t series_rejected;           /* new names refused, each time one was */
    uint64_t counter_decrements;        /* negative counter samples */
};

/* into += from, field by field. */
void ingest_figures_add(struct ingest_figures *into, const struct ingest_figures *from);

uint64_t ingest_lines_rejected(const struct ingest_figures *figures);
uint64_t ingest_samples_received(const struct ingest_figures *figures);
uint64_t ingest_samples_rejected(const struct ingest_figures *figures);
uint64_t
ingest_samples_stored(const struct ingest_figures *figures); /* received - rejected - late */

struct flush_figures {
    uint64_t windows_closed;
    uint64_t windows_extended; /* a worker's slice came too late and counts in the next window */
    uint64_t clock_steps;
    double duration_seconds;    /* of the latest close: from the boundary's slices to the published
                                   snapshot */
    double lag_seconds;         /* how long after its boundary the latest window was closed */
    struct flush_stages stages; /* of the latest close */
    uint64_t series[STATSD_TYPES];
    uint64_t series_expired;
    uint64_t approximations; /* timers and sets that had to give up what metrics.timers = exact
                                keeps */
    uint64_t anomalies[SEVERITIES]; /* started */
    uint64_t anomaly_state_bytes;   /* what the states of anomaly.method = auto take */
    uint64_t anomaly_substitutes; /* statistics of the latest window that sigma judged in its place
                                   */
    uint64_t history_windows, history_bytes;
    uint64_t history_dropped; /* windows that left it before their time, for lack of memory */
    uint64_t events_lost[EVENT_LOSSES]; /* where the slices of a window came together */
    uint64_t pool_bytes, pool_bytes_max;
};

#endif
