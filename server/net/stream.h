/* SPDX-License-Identifier: MIT
 *
 * One stream of lines: a connection, or standard input. What is read is taken apart by reassembly.h
 * and given to the intake. Runs on the worker's event base; one thread.
 */
#ifndef SERVER_NET_STREAM_H
#define SERVER_NET_STREAM_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/core/clock.h"
#include "server/net/intake.h"
#include "server/net/reassembly.h"
#include "server/net/relay.h"

#define STREAM_READ_BYTES 65536

/* How many connections there are, over all workers. */
struct streams_quota {
    _Atomic uint64_t open;
    uint64_t open_max;
};

struct streams_options {
    struct event_base *base;
    const struct clock *clock;
    struct intake *intake;
    struct relay_lane *relay;    /* NULL = off */
    struct streams_quota *quota; /* shared */
    uint32_t line_bytes_max;
    uint64_t idle_ms;                /* 0 = for ever */
    void (*publish)(void *context);  /* shows the intake's figures to others */
    void (*taken)(void *context);    /* something was taken in, or a connection has ended */
    void (*finished)(void *context); /* standard input has come to its end */
    void *context;
};

/* What the streams of one worker share. */
struct stream_owner {
    struct streams_options options;
    struct stream *first;
    const struct timeval *idle; /* a common timeout of the base; NULL = for ever */
    uint64_t now_ns;
    const struct stream *current; /* whose bytes are being taken in */
    char bytes[REASSEMBLY_REST_BYTES_MAX + STREAM_READ_BYTES + 64];
};

struct stream {
    struct stream_owner *owner;
    struct stream *next, *before;
    struct event *event;
    struct reassembly reassembly;
    struct sockaddr_storage peer; /* who sends, for the log of refused lines */
    int fd;
    enum transport transport;
    bool pollable; /* false of a file, which is read turn by turn */
};

/* Begins to read a connection, which has its place in the quota and gives it back when it ends.
 * False without memory: then both are still the caller's. */
bool stream_open_connection(struct stream_owner *owner, int fd, enum transport transport);

/* Begins to read standard input, whatever that is: a pipe, a terminal, a file. It is left open.
 * False without memory. */
bool stream_open_input(struct stream_owner *owner, int fd);

/* Takes in what has arrived by now, without a call of `taken`. The stream may have ended then. */
void stream_drain(struct stream *stream);

/* Ends it: what is left is a line if the sender has closed it and cut otherwise. The descriptor is
 * closed last: a peer that sees the end finds it counted and its place free. */
void stream_end(struct stream *stream, enum connection_end end);

/* Frees it without another word; its place in the quota is not given back. */
void stream_free(struct stream *stream);

#endif
