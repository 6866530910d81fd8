/* SPDX-License-Identifier: MIT */
#include "server/sink/tcp_client.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Handed over in one turn of the loop: a few tenths of a millisecond. */
#define TURN_BYTES ((size_t)512 * 1024)

/* A question to the resolver; it outlives the client where its answer comes later. */
struct look_up {
    struct tcp_client *client; /* NULL: nobody waits any more */
};

enum phase { PHASE_IDLE, PHASE_LOOK_UP, PHASE_CONNECT, PHASE_SEND, PHASE_CLOSE };

struct tcp_client {
    struct carrier carrier; /* must be first */
    struct event_base *base;
    bool whole_blocks;
    carrier_done *done;
    void *context;

    char *host; /* NULL where `numeric` says it all */
    const char *port;
    struct sockaddr_storage numeric;
    int numeric_length;
    struct evdns_base *dns; /* made when a name is looked up first */
    struct evdns_getaddrinfo_request *request;
    struct look_up *look_up;
    bool cancelled;                /* a question has been, whose answer the resolver still owes */
    struct evutil_addrinfo *found; /* of a name */
    struct evutil_addrinfo *next;  /* to be tried when this one fails */

    enum phase phase;
    int fd;
    struct event *readable, *writable, *timer;
    const struct blocks *bytes;
    size_t start;              /* offset of this attempt */
    const struct block *block; /* from which the next byte comes */
    size_t block_at;
    size_t handed;       /* bytes, to the socket */
    size_t acknowledged; /* when last looked at */
    bool closes;         /* the receiver has been seen to close behind the last byte */
    bool keeps_open;     /* it has been seen not to */
    struct carrier_outcome outcome;
};

static void on_event(evutil_socket_t fd, short what, void *context);
static void on_timer(evutil_socket_t fd, short what, void *context);

static void set_timer(struct tcp_client *client, long ms)
{
    struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(client->timer, &delay);
}

static void free_found(struct tcp_client *client)
{
    if (client->found) {
        evutil_freeaddrinfo(client->found);
    }
    client->found = NULL;
    client->next = NULL;
}

/* Bytes of this attempt that the receiver's TCP has. The end of the stream counts as one more in
 * the kernel's figure. */
static size_t count_acknowledged(const struct tcp_client *client)
{
    int queued = 0;
    if (client->fd < 0 || ioctl(client->fd, SIOCOUTQ, &queued) != 0 || queued < 0) {
        return client->handed;
    }
    size_t waiting = (size_t)queued;
    if (client->phase == PHASE_CLOSE && waiting > 0) {
        waiting--;
    }
    return waiting < client->handed ? client->handed - waiting : 0;
}

/* The end has been acknowledged as well. */
static bool all_acknowledged(const struct tcp_client *client)
{
    int queued = 0;
    return ioctl(client->fd, SIOCOUTQ, &queued) == 0 && queued == 0;
}

/* A connection that is reset carries nothing any more; one that is closed goes on in the kernel. */
static void close_socket(struct tcp_client *client, bool reset)
{
    if (client->readable) {
        event_free(client->readable);
        client->readable = NULL;
    }
    if (client->writable) {
        event_free(client->writable);
        client->writable = NULL;
    }
    if (client->fd >= 0) {
        const struct linger now = {.l_onoff = 1};
        if (reset) {
            setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        close(client->fd);
        client->fd = -1;
    }
}

static void end_attempt(struct tcp_client *client, bool delivered)
{
    struct carrier_outcome outcome = client->outcome;
    outcome.delivered = delivered;
    outcome.sent = delivered ? client->handed : count_acknowledged(client);
    outcome.offset = delivered ? client->bytes->length
                               : blocks_resume(client->bytes, client->start + outcome.sent,
                                               client->whole_blocks);
    outcome.in_doubt = !delivered && outcome.sent > 0;
    close_socket(client, !delivered);
    free_found(client);
    evtimer_del(client->timer);
    client->phase = PHASE_IDLE;
    client->done(client->context, &outcome);
}

static void give_reason(struct tcp_client *client, const char *reason)
{
    snprintf(client->outcome.reason, sizeof(client->outcome.reason), "%s", reason);
}

static void end_failed(struct tcp_client *client, const char *reason)
{
    give_reason(client, reason);
    end_attempt(client, false);
}

static bool watch(struct tcp_client *client)
{
    client->readable = event_new(client->base, client->fd, EV_READ | EV_PERSIST, on_event, client);
    client->writable = event_new(client->base, client->fd, EV_WRITE | EV_PERSIST, on_event, client);
    return client->readable && client->writable && event_add(client->writable, NULL) == 0;
}

/* False, with errno set, when that cannot even be begun. */
static bool begin_connect(struct tcp_client *client, const struct sockaddr *address,
                          socklen_t length)
{
    const int one = 1;
    client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return false;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(client->fd, address, length) != 0 && errno != EINPROGRESS) {
        return false;
    }
    if (!watch(client)) {
        errno = ENOMEM;
        return false;
    }
    client->phase = PHASE_CONNECT;
    set_timer(client, TCP_CONNECT_MS);
    return true;
}

/* Tries the addresses of a name one after the other. */
static void connect_next(struct tcp_client *client)
{
    while (client->next) {
        const struct evutil_addrinfo *address = client->next;
        client->next = address->ai_next;
        if (begin_connect(client, address->ai_addr, address->ai_addrlen)) {
            return;
        }
        give_reason(client, strerror(errno));
        close_socket(client, true);
    }
    end_attempt(client, false);
}

static void connect_failed(struct tcp_client *client, int error)
{
    give_reason(client, strerror(error));
    close_socket(client, true);
    connect_next(client);
}

static void on_found(int error, struct evutil_addrinfo *found, void *context)
{
    struct look_up *look_up = context;
    struct tcp_client *client = look_up->client;
    free(look_up);
    if (!client) {
        if (found) {
            evutil_freeaddrinfo(found);
        }
        return;
    }
    client->request = NULL;
    client->look_up = NULL;
    if (error != 0) {
        end_failed(client, evutil_gai_strerror(error));
        return;
    }
    client->found = found;
    client->next = found;
    connect_next(client);
}

static void begin_look_up(struct tcp_client *client)
{
    const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (!client->dns) {
        client->dns = evdns_base_new(client->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                       EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    struct look_up *look_up = client->dns ? malloc(sizeof(*look_up)) : NULL;
    if (!look_up) {
        end_failed(client, "the resolver cannot be set up");
        return;
    }
    look_up->client = client;
    client->look_up = look_up;
    client->phase = PHASE_LOOK_UP;
    /* NULL where the answer was there at once: then it has been dealt with. */
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(client->dns, client->host, client->port, &hints, on_found, look_up);
    if (request) {
        client->request = request;
    }
}

static void send_window(struct carrier *carrier, const struct blocks *bytes, size_t offset)
{
    struct tcp_client *client = (struct tcp_client *)carrier;
    client->bytes = bytes;
    client->start = offset;
    client->handed = 0;
    client->acknowledged = 0;
    client->outcome = (struct carrier_outcome){0};
    client->block = bytes->first;
    while (client->block && offset >= client->block->length) {
        offset -= client->block->length;
        client->block = client->block->next;
    }
    client->block_at = offset;
    if (client->numeric_length == 0) {
        begin_look_up(client);
    } else if (!begin_connect(client, (const struct sockaddr *)&client->numeric,
                              (socklen_t)client->numeric_length)) {
        end_failed(client, strerror(errno));
    }
}

/* Hands over what the socket takes, up to a turn's share. 0, or errno. */
static int hand_over(struct tcp_client *client)
{
    size_t turn = 0;
    while (client->block && turn < TURN_BYTES) {
        ssize_t sent = send(client->fd, client->block->bytes + client->block_at,
                            client->block->length - client->block_at,
                            MSG_NOSIGNAL | (client->block->next ? MSG_MORE : 0));
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : errno;
        }
        turn += (size_t)sent;
        client->handed += (size_t)sent;
        client->block_at += (size_t)sent;
        if (client->block_at == client->block->length) {
            client->block = client->block->next;
            client->block_at = 0;
        }
    }
    return 0;
}

static void send_more(struct tcp_client *client)
{
    int error = hand_over(client);
    if (error != 0) {
        end_failed(client, strerror(error));
    } else if (!client->block) {
        event_del(client->writable);
        shutdown(client->fd, SHUT_WR);
        client->phase = PHASE_CLOSE;
        set_timer(client, client->keeps_open && !client->closes ? TCP_KEEPER_MS : TCP_CLOSE_MS);
    }
}

static void on_connected(struct tcp_client *client)
{
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    if (error != 0) {
        connect_failed(client, error);
        return;
    }
    client->phase = PHASE_SEND;
    event_add(client->readable, NULL);
    set_timer(client, TCP_STALL_MS);
    send_more(client);
}

/* What a receiver says is of no interest, but that it is at the end is. */
static void on_readable(struct tcp_client *client)
{
    char scratch[4096];
    ssize_t got = recv(client->fd, scratch, sizeof(scratch), 0);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) {
        return;
    }
    if (got < 0) {
        end_failed(client, strerror(errno));
    } else if (client->phase == PHASE_CLOSE) {
        client->closes = true;
        end_attempt(client, true);
    } else {
        end_failed(client, "the receiver has closed the connection");
    }
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct tcp_client *client = context;
    if (client->phase == PHASE_CONNECT) {
        on_connected(client);
    } else if (what & EV_READ) {
        on_readable(client);
    } else if (client->phase == PHASE_SEND) {
        send_more(client);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct tcp_client *client = context;
    if (client->phase == PHASE_CONNECT) {
        connect_failed(client, ETIMEDOUT);
        return;
    }
    if (client->phase == PHASE_CLOSE && all_acknowledged(client)) {
        client->keeps_open = true;
        end_attempt(client, true);
        return;
    }
    size_t acknowledged = count_acknowledged(client);
    if (acknowledged == client->acknowledged && client->outcome.reason[0]) {
        end_attempt(client, false);
        return;
    }
    /* Once more around: a receiver that stands still twice in a row is given up. */
    give_reason(client, acknowledged == client->acknowledged ? "the receiver stands still" : "");
    client->acknowledged = acknowledged;
    set_timer(client, TCP_STALL_MS / 2);
}

/* "host:port" into what connect() takes, or into its parts. False without memory. */
static bool read_address(struct tcp_client *client, const char *address)
{
    client->numeric_length = sizeof(client->numeric);
    if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&client->numeric,
                                   &client->numeric_length) == 0) {
        return true;
    }
    client->numeric_length = 0;
    client->host = strdup(address);
    char *colon = client->host ? strrchr(client->host, ':') : NULL;
    if (colon) {
        *colon = '\0';
        client->port = colon + 1;
    }
    return colon != NULL;
}

static void end_silently(struct tcp_client *client)
{
    if (client->request) {
        client->look_up->client = NULL;
        client->look_up = NULL;
        client->cancelled = true;
        evdns_getaddrinfo_cancel(client->request);
        client->request = NULL;
    }
    close_socket(client, true);
    free_found(client);
    evtimer_del(client->timer);
    client->phase = PHASE_IDLE;
}

static void free_client(struct carrier *carrier)
{
    struct tcp_client *client = (struct tcp_client *)carrier;
    if (client->timer) {
        end_silently(client);
        event_free(client->timer);
    }
    /* With an answer owed the resolver is left to the end of the process, which is near. */
    if (client->dns && !client->cancelled) {
        evdns_base_free(client->dns, 0);
    }
    free(client->host);
    free(client);
}

static const struct carrier_ops tcp_ops = {.send = send_window, .free = free_client};

struct carrier *tcp_client_new(struct event_base *base, const char *address, bool whole_blocks,
                               carrier_done *done, void *context)
{
    struct tcp_client *client = calloc(1, sizeof(*client));
    if (!client) {
        return NULL;
    }
    client->carrier.ops = &tcp_ops;
    client->base = base;
    client->whole_blocks = whole_blocks;
    client->done = done;
    client->context = context;
    client->fd = -1;
    client->timer = evtimer_new(base, on_timer, client);
    if (!client->timer || !read_address(client, address)) {
        free_client(&client->carrier);
        return NULL;
    }
    return &client->carrier;
}
