/* SPDX-License-Identifier: MIT
 *
 * libevent makes a connection in one go: it asks for a bufferevent (connection_open), makes the
 * evhttp_connection and sets its own callbacks, whose argument is that connection. So an event that
 * is made active at once runs right after and finds it there (adopt). Until then a reference keeps
 * the bufferevent, and its argument is NULL if libevent has given it up.
 */
#include "server/http/connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char answer_crowded[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                     "Content-Type: text/plain; charset=utf-8\r\n"
                                     "Content-Length: 21\r\nConnection: close\r\n\r\n"
                                     "too many connections\n";
static const char answer_late[] = "HTTP/1.1 408 Request Timeout\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Length: 29\r\nConnection: close\r\n\r\n"
                                  "the request came not in time\n";

enum phase { PHASE_NEW, PHASE_IDLE, PHASE_READING, PHASE_WORKING };

struct connection {
    struct connections *owner;
    struct connection *next;
    struct connection *previous;
    struct bufferevent *stream; /* libevent's, but for PHASE_NEW */
    struct evhttp_connection *peer;
    struct event *timer;
    struct evbuffer_cb_entry *watch;
    struct evhttp_request *request; /* while PHASE_WORKING */
    enum phase phase;
};

static void enlist(struct connections *connections, struct connection *connection)
{
    connection->next = connections->first;
    if (connections->first) {
        connections->first->previous = connection;
    }
    connections->first = connection;
    connections->count++;
}

static void release(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->next) {
        connection->next->previous = connection->previous;
    }
    *(connection->previous ? &connection->previous->next : &connections->first) = connection->next;
    connections->count--;
    event_free(connection->timer);
    free(connection);
}

static void set_phase(struct connection *connection, enum phase phase, int seconds)
{
    struct timeval deadline = {.tv_sec = seconds};
    connection->phase = phase;
    if (seconds > 0) {
        evtimer_add(connection->timer, &deadline);
    } else {
        evtimer_del(connection->timer);
    }
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *change, void *context)
{
    struct connection *connection = context;
    (void)buffer;
    if (connection->phase == PHASE_IDLE && change->n_added > 0) {
        set_phase(connection, PHASE_READING, CONNECTION_READING_SECONDS);
    }
}

static void on_closed(struct evhttp_connection *peer, void *context)
{
    struct connection *connection = context;
    struct evhttp_request *request = connection->request;
    struct connections *connections = connection->owner;
    (void)peer;
    evbuffer_remove_cb_entry(bufferevent_get_input(connection->stream), connection->watch);
    release(connection);
    if (request) {
        connections->gone(connections->context, request);
    }
}

/* Answers without libevent, as far as the kernel takes it, and ends the connection. `fd` is its
 * socket. */
static void dismiss(struct evhttp_connection *peer, int fd, const char *answer)
{
    ssize_t sent = send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* The connection ends either way. */
    evhttp_connection_free(peer);
}

static void adopt(struct connection *connection)
{
    struct bufferevent *stream = connection->stream;
    void *peer = NULL;
    bufferevent_getcb(stream, NULL, NULL, NULL, &peer);
    int fd = bufferevent_getfd(stream);
    connection->watch =
        peer ? evbuffer_add_cb(bufferevent_get_input(stream), on_input, connection) : NULL;
    if (!connection->watch) {
        release(connection);
        bufferevent_decref(stream);
        return;
    }
    bool crowded = connection->owner->count > CONNECTIONS_MAX;
    int on = 1;
    /* Answers are written whole; nothing is gained by holding back their last segment. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->peer = peer;
    evhttp_connection_set_closecb(peer, on_closed, connection);
    bufferevent_decref(stream);
    if (crowded) {
        dismiss(peer, fd, answer_crowded);
    } else {
        set_phase(connection, PHASE_IDLE, CONNECTION_IDLE_SECONDS);
    }
}

/* A request that is not whole in time is told so, unless libevent is about to say something of its
 * own. */
static void expire(struct connection *connection)
{
    bool silent = evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0;
    if (connection->phase == PHASE_READING && silent) {
        dismiss(connection->peer, bufferevent_getfd(connection->stream), answer_late);
    } else {
        evhttp_connection_free(connection->peer);
    }
}

static void on_timer(int fd, short what, void *context)
{
    struct connection *connection = context;
    (void)fd;
    (void)what;
    if (connection->phase == PHASE_NEW) {
        adopt(connection);
    } else {
        expire(connection);
    }
}

static struct bufferevent *connection_open(struct event_base *base, void *context)
{
    struct connections *connections = context;
    struct timeval stall = {.tv_sec = CONNECTION_STALL_SECONDS};
    struct connection *connection = calloc(1, sizeof(*connection));
    struct event *timer = connection ? evtimer_new(base, on_timer, connection) : NULL;
    struct bufferevent *stream = timer ? bufferevent_socket_new(base, -1, 0) : NULL;
    if (!stream) {
        /* libevent makes a bufferevent of its own, and the connection goes unwatched. */
        if (timer) {
            event_free(timer);
        }
        free(connection);
        return NULL;
    }
    bufferevent_set_timeouts(stream, NULL, &stall);
    bufferevent_incref(stream);
    *connection = (struct connection){.owner = connections, .stream = stream, .timer = timer};
    enlist(connections, connection);
    event_active(timer, EV_TIMEOUT, 1);
    return stream;
}

void connections_watch(struct connections *connections, struct evhttp *http)
{
    evhttp_set_bevcb(http, connection_open, connections);
}

static void on_answered(struct evhttp_request *request, void *context)
{
    struct connection *connection = context;
    (void)request;
    connection->request = NULL;
    /* What was sent ahead is here already and makes no further event of its own. */
    bool ahead = evbuffer_get_length(bufferevent_get_input(connection->stream)) > 0;
    set_phase(connection, ahead ? PHASE_READING : PHASE_IDLE,
              ahead ? CONNECTION_READING_SECONDS : CONNECTION_IDLE_SECONDS);
}

void connections_begin(struct connections *connections, struct evhttp_request *request)
{
    struct evhttp_connection *peer = evhttp_request_get_connection(request);
    struct connection *connection = connections->first;
    /* Without reading there are neither early bytes, which libevent would end the process for, nor
     * the end of the stream, so that whoever closes the sending half gets an answer as well.
     * libevent reads again once the answer is sent. */
    bufferevent_disable(evhttp_connection_get_bufferevent(peer), EV_READ);
    while (connection && connection->peer != peer) {
        connection = connection->next;
    }
    if (connection) {
        connection->request = request;
        set_phase(connection, PHASE_WORKING, 0);
        evhttp_request_set_on_complete_cb(request, on_answered, connection);
    }
}

void connections_flush(struct connections *connections)
{
    for (struct connection *at = connections->first; at; at = at->next) {
        struct evbuffer *output = bufferevent_get_output(at->stream);
        if (at->phase == PHASE_WORKING && evbuffer_get_length(output) > 0) {
            evbuffer_unfreeze(output, 1); /* a bufferevent keeps its output from others' hands */
            evbuffer_write(output, bufferevent_getfd(at->stream));
        }
    }
}

void connections_deinit(struct connections *connections)
{
    while (connections->first) {
        struct connection *connection = connections->first;
        struct bufferevent *stream = connection->stream;
        release(connection);
        bufferevent_decref(stream);
    }
}
