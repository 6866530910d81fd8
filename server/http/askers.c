/* SPDX-License-Identifier: MIT */
#include "server/http/askers.h"

#include <event2/http.h>
#include <stdlib.h>

#include "server/http/reply.h"

bool askers_init(struct askers *askers, struct event_base *base, event_callback_fn on_turn,
                 void *context)
{
    askers->first = NULL;
    askers->turn = evtimer_new(base, on_turn, context);
    return askers->turn != NULL;
}

void askers_deinit(struct askers *askers)
{
    event_free(askers->turn);
}

/* A timer lets the loop look at its sockets first, which an active event would not. */
void askers_go_on(struct askers *askers)
{
    const struct timeval now = {0};
    evtimer_add(askers->turn, &now);
}

void askers_add(struct askers *askers, struct evhttp_request *request, struct asker *asker)
{
    struct asker **link = &askers->first;
    if (!asker) {
        reply_text(request, HTTP_SERVUNAVAIL, "no memory");
        return;
    }
    while (*link) {
        link = &(*link)->next;
    }
    asker->next = NULL;
    asker->request = request;
    *link = asker;
    askers_go_on(askers);
}

bool askers_forget(struct askers *askers, const struct evhttp_request *request)
{
    for (struct asker **link = &askers->first; *link; link = &(*link)->next) {
        if ((*link)->request == request) {
            struct asker *gone = *link;
            bool first = gone == askers->first;
            *link = gone->next;
            free(gone);
            return first;
        }
    }
    return false;
}

void askers_refuse_first(struct askers *askers, const char *reason)
{
    struct asker *asker = askers->first;
    askers->first = asker->next;
    reply_text(asker->request, HTTP_SERVUNAVAIL, reason);
    free(asker);
}

void askers_refuse_all(struct askers *askers, const char *reason)
{
    while (askers->first) {
        askers_refuse_first(askers, reason);
    }
}
