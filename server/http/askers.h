/* SPDX-License-Identifier: MIT
 *
 * Requests in line for what is made in turns of the event loop, a report or trends, and the turn
 * itself. What each asks for is its owner's: a struct whose first member is a struct asker, from
 * malloc(). Main thread.
 */
#ifndef SERVER_HTTP_ASKERS_H
#define SERVER_HTTP_ASKERS_H

#include <event2/event.h>
#include <stdbool.h>

struct evhttp_request;

struct asker {
    struct asker *next;
    struct evhttp_request *request;
};

struct askers {
    struct asker *first; /* in the order they came */
    struct event *turn;
};

/* `on_turn` is called with the context once for each askers_go_on(). False without memory. */
bool askers_init(struct askers *askers, struct event_base *base, event_callback_fn on_turn,
                 void *context);

/* Nobody may be in line any more. */
void askers_deinit(struct askers *askers);

/* Has the next turn come, with the other events of the loop in between. */
void askers_go_on(struct askers *askers);

/* Takes over an asker; NULL is answered 503, for want of memory. */
void askers_add(struct askers *askers, struct evhttp_request *request, struct asker *asker);

/* The connection of the request is gone. Whether it was the first in line. */
bool askers_forget(struct askers *askers, const struct evhttp_request *request);

/* Answers the first one in line, or all, with 503 and the reason. */
void askers_refuse_first(struct askers *askers, const char *reason);
void askers_refuse_all(struct askers *askers, const char *reason);

#endif
