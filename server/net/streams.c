/* SPDX-License-Identifier: MIT */
#include "server/net/streams.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "server/net/reassembly.h"
#include "server/net/tcp.h"

#define READ_BYTES 65536

/* Where no descriptor is left the listener waits as long before it tries again. */
static const struct timeval accept_pause = {.tv_usec = 100000};

/* Of a file, which is always ready: so much a turn of the loop, and a turn as soon as possible. */
#define FILE_READS 16
static const struct timeval at_once = {.tv_usec = 1};

struct listener {
    struct streams *streams;
    struct event *event;
    struct event *resume;
    struct listener *next;
    int fd;
    enum transport transport;
};

struct connection {
    struct streams *streams;
    struct connection *next, *before;
    struct event *event;
    struct reassembly reassembly;
    struct sockaddr_storage peer;
    int fd;
    enum transport transport;
    bool pollable; /* false of a file, which is read turn by turn */
};

struct streams {
    struct streams_options options;
    struct listener *listeners;
    struct connection *connections;
    const struct timeval *idle; /* a common timeout of the base; NULL = for ever */
    uint64_t now_ns;
    const struct connection *current; /* whose bytes are being taken in */
    char bytes[REASSEMBLY_REST_BYTES_MAX + READ_BYTES + 64];
};

static struct udp_datagram piece_of(const struct streams *streams, const char *bytes,
                                    uint32_t length)
{
    return (struct udp_datagram){bytes, length, (const struct sockaddr *)&streams->current->peer};
}

static void take_lines(void *context, const char *bytes, uint32_t length)
{
    struct streams *streams = context;
    struct udp_datagram piece = piece_of(streams, bytes, length);
    intake_take_lines(streams->options.intake, &piece, streams->current->transport,
                      streams->now_ns);
    intake_settle(streams->options.intake);
    if (streams->options.relay) {
        relay_add(streams->options.relay, bytes, length);
    }
}

static void take_frame(void *context, const char *bytes, uint32_t length)
{
    struct streams *streams = context;
    streams->options.intake->figures.datagrams_received[streams->current->transport]++;
    take_lines(context, bytes, length);
}

static void refuse(void *context, enum statsd_reason reason, const char *bytes, uint32_t length)
{
    struct streams *streams = context;
    struct udp_datagram piece = piece_of(streams, bytes, length);
    intake_refuse_line(streams->options.intake, reason, &piece, streams->current->transport,
                       streams->now_ns);
}

static struct reassembly_output output_of(struct streams *streams,
                                          const struct connection *connection)
{
    streams->current = connection;
    streams->now_ns = clock_monotonic_ns(streams->options.clock);
    return (struct reassembly_output){take_lines, take_frame, refuse, streams};
}

static void free_connection(struct connection *connection)
{
    struct streams *streams = connection->streams;
    if (connection->before) {
        connection->before->next = connection->next;
    } else {
        streams->connections = connection->next;
    }
    if (connection->next) {
        connection->next->before = connection->before;
    }
    if (connection->event) {
        event_free(connection->event);
    }
    if (connection->transport != TRANSPORT_STDIN) {
        close(connection->fd);
        atomic_fetch_sub_explicit(&streams->options.quota->open, 1, memory_order_relaxed);
    }
    reassembly_deinit(&connection->reassembly);
    free(connection);
}

static void end_connection(struct connection *connection, enum connection_end end)
{
    struct streams *streams = connection->streams;
    struct reassembly_output output = output_of(streams, connection);
    bool input = connection->transport == TRANSPORT_STDIN;
    reassembly_end(&connection->reassembly, end == CONNECTION_CLOSED, streams->bytes, &output);
    streams->options.intake->figures.connections_ended[end]++;
    free_connection(connection);
    if (input) {
        streams->options.finished(streams->options.context);
    }
}

/* What standard input is may be shared with other processes, so that it is not made non-blocking:
 * it is asked before each read instead. */
static bool would_wait(const struct connection *connection)
{
    struct pollfd ready = {.fd = connection->fd, .events = POLLIN};
    return connection->transport == TRANSPORT_STDIN && poll(&ready, 1, 0) == 0;
}

/* Returns whether the connection goes on. */
static bool take(struct connection *connection, size_t kept, size_t length)
{
    static const enum connection_end ends[] = {
        [REASSEMBLY_BAD_FRAME] = CONNECTION_BAD_FRAME, [REASSEMBLY_NO_MEMORY] = CONNECTION_ERROR};
    struct streams *streams = connection->streams;
    struct reassembly_output output = output_of(streams, connection);
    streams->options.intake->figures.bytes_received[connection->transport] += length;
    enum reassembly_status status =
        reassembly_take(&connection->reassembly, streams->bytes, kept + length, &output);
    if (status != REASSEMBLY_OK) {
        end_connection(connection, ends[status]);
    }
    return status == REASSEMBLY_OK;
}

/* Reads once and takes in what came. Returns how many bytes; 0 where none were there or the
 * connection has ended. */
static size_t read_once(struct connection *connection)
{
    struct streams *streams = connection->streams;
    if (would_wait(connection)) {
        return 0;
    }
    size_t kept = reassembly_begin(&connection->reassembly, streams->bytes);
    ssize_t got = read(connection->fd, streams->bytes + kept, READ_BYTES);
    if (got > 0) {
        return take(connection, kept, (size_t)got) ? (size_t)got : 0;
    }
    if (got == 0) {
        end_connection(connection, CONNECTION_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        end_connection(connection, CONNECTION_ERROR);
    }
    return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    const struct streams_options *options = &connection->streams->options;
    (void)fd;
    if (what == EV_TIMEOUT) {
        end_connection(connection, CONNECTION_IDLE);
    } else {
        read_once(connection);
    }
    options->taken(options->context);
}

static void on_file_turn(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    const struct streams_options *options = &connection->streams->options;
    size_t got = 1;
    (void)fd;
    (void)what;
    for (int i = 0; i < FILE_READS && got > 0; i++) {
        got = read_once(connection);
        options->taken(options->context);
    }
}

static bool watch(struct connection *connection)
{
    struct streams *streams = connection->streams;
    bool input = connection->transport == TRANSPORT_STDIN;
    connection->event = event_new(streams->options.base, connection->fd, EV_READ | EV_PERSIST,
                                  on_readable, connection);
    return connection->event && event_add(connection->event, input ? NULL : streams->idle) == 0;
}

/* epoll does not deal with files. */
static bool watch_file(struct connection *connection)
{
    connection->pollable = false;
    connection->event =
        event_new(connection->streams->options.base, -1, EV_PERSIST, on_file_turn, connection);
    return connection->event && event_add(connection->event, &at_once) == 0;
}

static struct connection *add_connection(struct streams *streams, int fd, enum transport transport)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        return NULL;
    }
    connection->streams = streams;
    connection->fd = fd;
    connection->transport = transport;
    connection->pollable = true;
    reassembly_init(&connection->reassembly, streams->options.line_bytes_max,
                    transport == TRANSPORT_UNIX_STREAM);
    connection->next = streams->connections;
    if (connection->next) {
        connection->next->before = connection;
    }
    streams->connections = connection;
    return connection;
}

static bool is_full(struct streams_quota *quota)
{
    if (atomic_fetch_add_explicit(&quota->open, 1, memory_order_relaxed) < quota->open_max) {
        return false;
    }
    atomic_fetch_sub_explicit(&quota->open, 1, memory_order_relaxed);
    return true;
}

/* Of a Unix socket the server's end has a name, as a rule, and the client's has none. */
static void name_peer(struct connection *connection)
{
    socklen_t length = sizeof(connection->peer);
    struct sockaddr *peer = (struct sockaddr *)&connection->peer;
    if (connection->transport == TRANSPORT_UNIX_STREAM) {
        getsockname(connection->fd, peer, &length);
    } else {
        getpeername(connection->fd, peer, &length);
    }
}

static void open_connection(struct listener *listener, int fd)
{
    struct streams *streams = listener->streams;
    struct ingest_figures *figures = &streams->options.intake->figures;
    figures->connections_accepted[listener->transport]++;
    if (is_full(streams->options.quota)) {
        figures->connections_ended[CONNECTION_LIMIT]++;
        close(fd);
        return;
    }
    struct connection *connection = add_connection(streams, fd, listener->transport);
    if (!connection) {
        figures->connections_ended[CONNECTION_ERROR]++;
        atomic_fetch_sub_explicit(&streams->options.quota->open, 1, memory_order_relaxed);
        close(fd);
        return;
    }
    name_peer(connection);
    if (listener->transport == TRANSPORT_TCP) {
        tcp_watch_peer(fd);
    }
    if (!watch(connection)) {
        end_connection(connection, CONNECTION_ERROR);
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
            listener->streams->options.intake->figures.accept_failures++;
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
    listener->streams->options.taken(listener->streams->options.context);
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
        streams->options = *options;
        const struct timeval idle = {.tv_sec = (time_t)(options->idle_ms / 1000),
                                     .tv_usec = (suseconds_t)(options->idle_ms % 1000) * 1000};
        streams->idle =
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
        event_new(streams->options.base, fd, EV_READ | EV_PERSIST, on_accept, listener);
    listener->resume = event_new(streams->options.base, -1, 0, on_resume, listener);
    return listener->event && listener->resume && event_add(listener->event, NULL) == 0;
}

/* /dev/null, which epoll does not take either. */
static bool is_null(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

bool streams_read_input(struct streams *streams, int fd)
{
    struct stat status;
    struct connection *connection = add_connection(streams, fd, TRANSPORT_STDIN);
    if (!connection) {
        return false;
    }
    streams->options.intake->figures.connections_accepted[TRANSPORT_STDIN]++;
    bool socket_like = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !is_null(&status);
    return socket_like ? watch(connection) : watch_file(connection);
}

/* A sender that never stops would go on for ever, so what has arrived by now is the bound. The end
 * behind it is read too, since what it makes of the last line belongs to what has arrived. */
static void drain_connection(struct connection *connection)
{
    int arrived = 0;
    if (!connection->pollable || ioctl(connection->fd, FIONREAD, &arrived) != 0) {
        return;
    }
    size_t budget = (size_t)arrived;
    size_t got;
    while ((got = read_once(connection)) > 0) {
        if (got > budget) {
            return;
        }
        budget -= got;
    }
}

void streams_drain(struct streams *streams)
{
    for (struct listener *listener = streams->listeners; listener; listener = listener->next) {
        accept_waiting(listener);
    }
    for (struct connection *at = streams->connections, *next; at; at = next) {
        next = at->next;
        drain_connection(at);
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
    while (streams->connections) {
        end_connection(streams->connections, CONNECTION_STOP);
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
    while (streams->connections) {
        free_connection(streams->connections);
    }
    while (streams->listeners) {
        struct listener *listener = streams->listeners;
        streams->listeners = listener->next;
        free_listener(listener);
    }
    free(streams);
}
