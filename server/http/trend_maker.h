/* SPDX-License-Identifier: MIT
 *
 * Works out the trends that requests ask for, one request at a time, in turns of a few milliseconds
 * with the other events of the loop: a line through every series of the history, and of those that
 * rise or fall most the robust slope. Main thread.
 */
#ifndef SERVER_HTTP_TREND_MAKER_H
#define SERVER_HTTP_TREND_MAKER_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct evhttp_request;
struct http_server;
struct trend_maker;

#define TREND_LIMIT_MAX 1000
#define TREND_METRIC_MAX 512

struct trend_query {
    double seconds;                    /* back from the latest window */
    double share_min;                  /* smaller changes are steady */
    size_t limit;                      /* series told of, the most grave first */
    char metric[TREND_METRIC_MAX + 1]; /* a pattern (config/glob.h) */
};

/* NULL without memory. */
struct trend_maker *trend_maker_new(struct http_server *server, struct event_base *base);

/* Answers the request, now or later. */
void trend_maker_ask(struct trend_maker *maker, struct evhttp_request *request,
                     const struct trend_query *query);

/* The connection of the request is gone. */
void trend_maker_forget(struct trend_maker *maker, const struct evhttp_request *request);

/* Answers all that wait with 503 and the reason. NULL is allowed. */
void trend_maker_refuse_all(struct trend_maker *maker, const char *reason);

/* Nothing may wait any more. NULL is allowed. */
void trend_maker_free(struct trend_maker *maker);

#endif
