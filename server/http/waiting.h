/* SPDX-License-Identifier: MIT
 *
 * Requests that cannot be answered yet: scrapes that want fresher figures, and flushes, which first
 * wait for the window to be closed and then for every sink to have it; both then wait for the
 * exposition to be rendered, which is done here, in turns of a few milliseconds with the other
 * events of the loop. They are looked at when the flusher or a sink says that something is new or a
 * body is ready, and have a deadline, at which they are answered 503
 * with the reason. All wait equally long, so that the first in the list is always the first to be
 * due. Main thread.
 */
#ifndef SERVER_HTTP_WAITING_H
#define SERVER_HTTP_WAITING_H

#include <stdbool.h>
#include <stddef.h>

#include "server/flush/flusher.h"

struct event;
struct event_base;
struct evhttp_request;
struct http_server;
struct waiter;

#define WAITING_DEADLINE_SECONDS 10

struct waiting {
    struct waiter *first;
    struct waiter **last; /* where the next one is linked in */
    struct event *timer;  /* of the first */
    struct event *turn;   /* while something is being rendered */
    struct http_server *server;
};

/* False without memory. */
bool waiting_init(struct waiting *waiting, struct http_server *server, struct event_base *base);

/* Answers all that wait with 503 and the reason. */
void waiting_refuse_all(struct waiting *waiting, const char *reason);

/* Nothing may wait any more. */
void waiting_deinit(struct waiting *waiting);

/* Asks the flusher for `work` and lets the request wait for it; answers at once where memory is
 * out. */
void waiting_add(struct waiting *waiting, struct evhttp_request *request, enum flusher_work work);

/* Lets a scrape wait for nothing but the rendering of the latest snapshot. */
void waiting_add_fresh(struct waiting *waiting, struct evhttp_request *request);

/* Answers what can be answered now. */
void waiting_look(struct waiting *waiting);

/* The connection of the request is gone. */
void waiting_forget(struct waiting *waiting, const struct evhttp_request *request);

#endif
