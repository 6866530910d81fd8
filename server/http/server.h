/* SPDX-License-Identifier: MIT
 *
 * The HTTP server on libevent's evhttp: metrics, JSON, health and administration. It lives on the
 * main thread's event base; all calls come from there. Answers are rendered from snapshots; bodies
 * are shared between requests by reference, never copied. What has to wait for the flusher or a
 * sink (a fresh scrape, POST
 * /-/flush) is kept with a deadline and finished in http_server_wake().
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/core/mapping.h"
#include "server/flush/flusher.h"
#include "server/metrics/figures.h"
#include "server/sink/sink.h"

struct event_base;
struct http_server;
struct profile_module;

struct http_server_options {
    struct event_base *base;
    const struct config *config;
    const struct clock *clock;
    struct flusher *flusher;
    struct sink *const *sinks;
    size_t sink_count;
    uint64_t started_ns;  /* monotonic */
    struct mapper mapper; /* taken over, also where there is a reason; all zero = none */
    const struct profile_module *profiler; /* NULL: [profiling] is off */
    bool totals;                           /* timer rows have their total_sketch */
    uint64_t receive_buffer_bytes;         /* granted to a UDP socket; 0 = there is none */
    /* The ingest totals of all workers, read so that they balance. */
    void (*ingest)(void *context, struct ingest_figures *figures);
    /* False, with the reason, while the server cannot do its work (stopping, a sink that fails). */
    bool (*ready)(void *context, char *reason, size_t reason_size);
    /* Reads the configuration again; false with the reason when it is refused. */
    bool (*reload)(void *context, char *reason, size_t reason_size);
    void *context;
};

/* Binds every address of http.listen. NULL with the reason (address and errno text) when one cannot
 * be. */
struct http_server *http_server_new(const struct http_server_options *options, char *reason,
                                    size_t reason_size);

/* The bound addresses, comma-separated: "127.0.0.1:9102,[::1]:9102". */
void http_server_addresses(const struct http_server *server, char *out, size_t out_size);

/* The flusher or a sink has something new: looks at what waits. */
void http_server_wake(struct http_server *server);

/* A refused line that is logged, for the reports. */
void http_server_tell_refusal(struct http_server *server, const char *sender, const char *line,
                              const char *reason);

void http_server_configure(struct http_server *server, const struct config *config);

/* Has /metrics name everything by other rules, which are taken over. */
void http_server_map(struct http_server *server, struct mapper mapper);

/* Stops accepting, answers what waits with 503, and frees. */
void http_server_free(struct http_server *server);

#endif
