/* SPDX-License-Identifier: MIT */
#include "server/net/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "server/net/tcp.h"

/* Of a file, which is always ready: so much a turn of the loop, and a turn as soon as possible. */
#define FILE_READS 16
static const struct timeval at_once = {.tv_usec = 1};

static struct udp_datagram piece_of(const struct stream_owner *owner, const char *bytes,
                                    uint32_t length)
{
    return (struct udp_datagram){bytes, length, (const struct sockaddr *)&owner->current->peer};
}

static void take_lines(void *context, const char *bytes, uint32_t length)
{
    struct stream_owner *owner = context;
    struct udp_datagram piece = piece_of(owner, bytes, length);
    intake_take_lines(owner->options.intake, &piece, owner->current->transport, owner->now_ns);
    intake_settle(owner->options.intake);
    if (owner->options.relay) {
        relay_add(owner->options.relay, bytes, length);
    }
}

static void take_frame(void *context, const char *bytes, uint32_t length)
{
    struct stream_owner *owner = context;
    owner->options.intake->figures.datagrams_received[owner->current->transport]++;
    take_lines(context, bytes, length);
}

static void refuse(void *context, enum statsd_reason reason, const char *bytes, uint32_t length)
{
    struct stream_owner *owner = context;
    struct udp_datagram piece = piece_of(owner, bytes, length);
    intake_refuse_line(owner->options.intake, reason, &piece, owner->current->transport,
                       owner->now_ns);
}

static struct reassembly_output output_of(struct stream_owner *owner, const struct stream *stream)
{
    owner->current = stream;
    owner->now_ns = clock_monotonic_ns(owner->options.clock);
    return (struct reassembly_output){take_lines, take_frame, refuse, owner};
}

void stream_free(struct stream *stream)
{
    struct stream_owner *owner = stream->owner;
    if (stream->before) {
        stream->before->next = stream->next;
    } else {
        owner->first = stream->next;
    }
    if (stream->next) {
        stream->next->before = stream->before;
    }
    if (stream->event) {
        event_free(stream->event);
    }
    if (stream->transport != TRANSPORT_STDIN) {
        close(stream->fd);
    }
    reassembly_deinit(&stream->reassembly);
    free(stream);
}

void stream_end(struct stream *stream, enum connection_end end)
{
    struct stream_owner *owner = stream->owner;
    struct reassembly_output output = output_of(owner, stream);
    bool input = stream->transport == TRANSPORT_STDIN;
    reassembly_end(&stream->reassembly, end == CONNECTION_CLOSED, owner->bytes, &output);
    owner->options.intake->figures.connections_ended[end]++;
    if (!input) {
        atomic_fetch_sub_explicit(&owner->options.quota->open, 1, memory_order_relaxed);
    }
    owner->options.publish(owner->options.context);
    stream_free(stream);
    if (input) {
        owner->options.finished(owner->options.context);
    }
}

/* What standard input is may be shared with other processes, so that it is not made non-blocking:
 * it is asked before each read instead. */
static bool would_wait(const struct stream *stream)
{
    struct pollfd ready = {.fd = stream->fd, .events = POLLIN};
    return stream->transport == TRANSPORT_STDIN && poll(&ready, 1, 0) == 0;
}

/* Returns whether the connection goes on. */
static bool take(struct stream *stream, size_t kept, size_t length)
{
    static const enum connection_end ends[] = {
        [REASSEMBLY_BAD_FRAME] = CONNECTION_BAD_FRAME, [REASSEMBLY_NO_MEMORY] = CONNECTION_ERROR};
    struct stream_owner *owner = stream->owner;
    struct reassembly_output output = output_of(owner, stream);
    owner->options.intake->figures.bytes_received[stream->transport] += length;
    enum reassembly_status status =
        reassembly_take(&stream->reassembly, owner->bytes, kept + length, &output);
    if (status != REASSEMBLY_OK) {
        stream_end(stream, ends[status]);
    }
    return status == REASSEMBLY_OK;
}

/* Reads once and takes in what came. Returns how many bytes; 0 where none were there or the
 * connection has ended. */
static size_t read_once(struct stream *stream)
{
    struct stream_owner *owner = stream->owner;
    if (would_wait(stream)) {
        return 0;
    }
    size_t kept = reassembly_begin(&stream->reassembly, owner->bytes);
    ssize_t got = read(stream->fd, owner->bytes + kept, STREAM_READ_BYTES);
    if (got > 0) {
        return take(stream, kept, (size_t)got) ? (size_t)got : 0;
    }
    if (got == 0) {
        stream_end(stream, CONNECTION_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        stream_end(stream, CONNECTION_ERROR);
    }
    return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct stream *stream = context;
    const struct streams_options *options = &stream->owner->options;
    (void)fd;
    if (what == EV_TIMEOUT) {
        stream_end(stream, CONNECTION_IDLE);
    } else {
        read_once(stream);
    }
    options->taken(options->context);
}

static void on_file_turn(evutil_socket_t fd, short what, void *context)
{
    struct stream *stream = context;
    const struct streams_options *options = &stream->owner->options;
    size_t got = 1;
    (void)fd;
    (void)what;
    for (int i = 0; i < FILE_READS && got > 0; i++) {
        got = read_once(stream);
        options->taken(options->context);
    }
}

static bool watch(struct stream *stream)
{
    struct stream_owner *owner = stream->owner;
    bool input = stream->transport == TRANSPORT_STDIN;
    stream->event =
        event_new(owner->options.base, stream->fd, EV_READ | EV_PERSIST, on_readable, stream);
    return stream->event && event_add(stream->event, input ? NULL : owner->idle) == 0;
}

/* epoll does not deal with files. */
static bool watch_file(struct stream *stream)
{
    stream->pollable = false;
    stream->event = event_new(stream->owner->options.base, -1, EV_PERSIST, on_file_turn, stream);
    return stream->event && event_add(stream->event, &at_once) == 0;
}

static struct stream *add(struct stream_owner *owner, int fd, enum transport transport)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        return NULL;
    }
    stream->owner = owner;
    stream->fd = fd;
    stream->transport = transport;
    stream->pollable = true;
    reassembly_init(&stream->reassembly, owner->options.line_bytes_max,
                    transport == TRANSPORT_UNIX_STREAM);
    stream->next = owner->first;
    if (stream->next) {
        stream->next->before = stream;
    }
    owner->first = stream;
    return stream;
}

/* Of a Unix socket the server's end has a name, as a rule, and the client's has none. */
static void name_peer(struct stream *stream)
{
    socklen_t length = sizeof(stream->peer);
    struct sockaddr *peer = (struct sockaddr *)&stream->peer;
    if (stream->transport == TRANSPORT_UNIX_STREAM) {
        getsockname(stream->fd, peer, &length);
    } else {
        getpeername(stream->fd, peer, &length);
    }
}

/* /dev/null, which epoll does not take either. */
static bool is_null(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

bool stream_open_connection(struct stream_owner *owner, int fd, enum transport transport)
{
    struct stream *stream = add(owner, fd, transport);
    if (!stream) {
        return false;
    }
    name_peer(stream);
    if (transport == TRANSPORT_TCP) {
        tcp_watch_peer(fd);
    }
    if (!watch(stream)) {
        stream_end(stream, CONNECTION_ERROR);
    }
    return true;
}

bool stream_open_input(struct stream_owner *owner, int fd)
{
    struct stat status;
    struct stream *stream = add(owner, fd, TRANSPORT_STDIN);
    if (!stream) {
        return false;
    }
    owner->options.intake->figures.connections_accepted[TRANSPORT_STDIN]++;
    bool socket_like = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !is_null(&status);
    return socket_like ? watch(stream) : watch_file(stream);
}

/* A sender that never stops would go on for ever, so what has arrived by now is the bound. The end
 * behind it is read too, since what it makes of the last line belongs to what has arrived. */
void stream_drain(struct stream *stream)
{
    int arrived = 0;
    if (!stream->pollable || ioctl(stream->fd, FIONREAD, &arrived) != 0) {
        return;
    }
    size_t budget = (size_t)arrived;
    size_t got;
    while ((got = read_once(stream)) > 0) {
        if (got > budget) {
            return;
        }
        budget -= got;
    }
}
