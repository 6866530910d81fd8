/* SPDX-License-Identifier: MIT
 *
 * The open connections of the HTTP server: how many there are, and how long each may take. evhttp
 * knows neither a bound on connections nor on the whole of a request, and it would take bytes that
 * come while a request is being worked on for a fault of its own; this module keeps such bytes in
 * the kernel.
 *
 *   idle ──first byte──► reading ──request whole──► working ──answer sent──► idle (or closed)
 *
 * Idle and reading have deadlines here; working is the handler's (waiting.h); writing an answer
 * ends when nothing could be sent for a while. Main thread.
 */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include <stddef.h>

struct connection;
struct event_base;
struct evhttp;
struct evhttp_request;

#define CONNECTIONS_MAX 256
#define CONNECTION_IDLE_SECONDS 120
#define CONNECTION_READING_SECONDS 10
#define CONNECTION_STALL_SECONDS 30 /* without a byte of an answer sent */

struct connections {
    struct event_base *base;
    struct connection *first;
    size_t count;
    /* Called when a connection goes while a request of it is being worked on; the request is then
     * not to be touched again. */
    void (*gone)(void *context, struct evhttp_request *request);
    void *context;
};

/* Takes every connection that `http` accepts from now on under its care. The other fields are the
 * caller's to set before. */
void connections_watch(struct connections *connections, struct evhttp *http);

/* A request is whole and its handler begins. */
void connections_begin(struct connections *connections, struct evhttp_request *request);

/* Sends as much as the kernel takes of what waits to be sent, for answers given just before the
 * end. */
void connections_flush(struct connections *connections);

/* Frees what is left after evhttp_free(). */
void connections_deinit(struct connections *connections);

#endif
