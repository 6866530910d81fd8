/* SPDX-License-Identifier: MIT */
#include "server/net/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where no descriptor is left the listener waits as long before it tries again. */
static const struct timeval accept_pause = {.tv_usec = 100000};

struct listener {
    struct streams *streams;
    struct event *event;
    struct event *resume;
    struct listener *next;
    int fd;
    enum transport transport;
};

struct streams {
    struct listener *listeners;
    struct stream_owner owner;
};

static bool is_full(struct streams_quota *quota)
{
    if (atomic_fetch_add_explicit(&quota->open, 1, memory_order_relaxed) < quota->open_max) {
        return false;
    }
    atomic_fetch_sub_explicit(&quota->open, 1, memory_order_relaxed);
    return true;
}

/* Counted first: a peer that sees the end finds it in the figures. */
static void turn_away(struct streams_options *options, int fd, enum connection_end end)
{
    options->intake->figures.connections_ended[end]++;
    options->publish(options->context);
    close(fd);
}

static void open_connection(struct listener *listener, int fd)
{
    struct stream_owner *owner = &listener->streams->owner;
    struct streams_options *options = &owner->options;
    options->intake->figures.connections_accepted[listener->transport]++;
    if (is_full(options->quota)) {
        turn_away(options, fd, CONNECTION_LIMIT);
    } else if (!stream_open_connection(owner, fd, listener->transport)) {
        atomic_fetch_sub_explicit(&options->quota->open, 1, memory_order_relaxed);
        turn_away(options, fd, CONNECTION_ERROR);
    }
}

/* Accepts what waits, at most as many as can wait at a time. */
static void accept_waiting(struct listener *listener)
{
    for (int i = 0; i < SOMAXCONN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            open_connection(listener, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            listener->streams->owner.options.intake->figures.accept_failures++;
            event_del(listener->event);
            event_add(listener->resume, &accept_pause);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    (void)fd;
    (void)what;
    accept_waiting(listener);
    listener->streams->owner.options.taken(listener->streams->owner.options.context);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    (void)fd;
    (void)what;
    event_add(listener->event, NULL);
}

struct streams *streams_new(const struct streams_options *options)
{
    struct streams *streams = calloc(1, sizeof(*streams));
    if (streams) {
        streams->owner.options = *options;
        const struct timeval idle = {.tv_sec = (time_t)(options->idle_ms / 1000),
                                     .tv_usec = (suseconds_t)(options->idle_ms % 1000) * 1000};
        streams->owner.idle =
            options->idle_ms > 0 ? event_base_init_common_timeout(options->base, &idle) : NULL;
    }
    return streams;
}

bool streams_listen(struct streams *streams, int fd, enum transport transport)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        return false;
    }
    *listener = (struct listener){
        .streams = streams, .next = streams->listeners, .fd = fd, .transport = transport};
    streams->listeners = listener;
    listener->event =
        event_new(streams->owner.options.base, fd, EV_READ | EV_PERSIST, on_accept, listener);
    listener->resume = event_new(streams->owner.options.base, -1, 0, on_resume, listener);
    return listener->event && listener->resume && event_add(listener->event, NULL) == 0;
}

bool streams_read_input(struct streams *streams, int fd)
{
    return stream_open_input(&streams->owner, fd);
}

void streams_drain(struct streams *streams)
{
    for (struct listener *listener = streams->listeners; listener; listener = listener->next) {
        accept_waiting(listener);
    }
    for (struct stream *at = streams->owner.first, *next; at; at = next) {
        next = at->next;
        stream_drain(at);
    }
}

void streams_finish(struct streams *streams)
{
    streams_drain(streams);
    for (struct listener *listener = streams->listeners; listener; listener = listener->next) {
        event_del(listener->event);
        event_del(listener->resume);
        close(listener->fd);
        listener->fd = -1;
    }
    while (streams->owner.first) {
        stream_end(streams->owner.first, CONNECTION_STOP);
    }
}

static void free_listener(struct listener *listener)
{
    if (listener->event) {
        event_free(listener->event);
    }
    if (listener->resume) {
        event_free(listener->resume);
    }
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    free(listener);
}

void streams_free(struct streams *streams)
{
    if (!streams) {
        return;
    }
    while (streams->owner.first) {
        stream_free(streams->owner.first);
    }
    while (streams->listeners) {
        struct listener *listener = streams->listeners;
        streams->listeners = listener->next;
        free_listener(listener);
    }
    free(streams);
}
