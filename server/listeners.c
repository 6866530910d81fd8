/* SPDX-License-Identifier: MIT */
#include "server/listeners.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/activation.h"
#include "server/core/log.h"
#include "server/net/holder.h"
#include "server/net/tcp.h"
#include "server/net/udp.h"

#define WORKERS_MAX 64

/* What is being opened, and where the reason goes when it cannot be. */
struct opening {
    struct listeners *listeners;
    const struct config *config;
    char *reason;
    size_t reason_size;
};

static void set_gro(const int *fds, size_t count)
{
    bool set = true;
    for (size_t i = 0; i < count; i++) {
        set = udp_set_gro(fds[i]) && set;
    }
    if (!set) {
        log_line(LOG_LEVEL_WARNING, "the kernel knows no UDP_GRO", NULL);
    }
}

static void set_buffers(struct listeners *listeners, const int *fds, size_t count, uint64_t wanted)
{
    uint64_t granted = wanted;
    for (size_t i = 0; i < count; i++) {
        granted = udp_set_receive_buffer(fds[i], wanted);
    }
    uint64_t least = listeners->receive_buffer_bytes;
    listeners->receive_buffer_bytes = least == 0 || granted < least ? granted : least;
    if (granted < wanted) {
        log_line(LOG_LEVEL_WARNING, "receive buffer smaller than asked for", "asked",
                 log_text("%llu", (unsigned long long)wanted), "granted",
                 log_text("%llu", (unsigned long long)granted), "remedy",
                 log_text("sysctl -w net.core.rmem_max=%llu", (unsigned long long)wanted), NULL);
    }
}

static bool refuse_memory(struct opening *opening)
{
    snprintf(opening->reason, opening->reason_size, "out of memory");
    return false;
}

static bool append(struct worker_socket **list, size_t *count, struct worker_socket socket)
{
    struct worker_socket *grown = reallocarray(*list, *count + 1, sizeof(**list));
    if (!grown) {
        return false;
    }
    *list = grown;
    grown[(*count)++] = socket;
    return true;
}

static bool give(struct opening *opening, size_t worker, struct worker_socket socket)
{
    struct listeners *listeners = opening->listeners;
    if (append(&listeners->workers[worker].sockets, &listeners->workers[worker].count, socket)) {
        return true;
    }
    close(socket.fd);
    return refuse_memory(opening);
}

static bool note(struct opening *opening, struct worker_socket socket)
{
    struct listeners *listeners = opening->listeners;
    return append(&listeners->listening, &listeners->listening_count, socket) ||
           refuse_memory(opening);
}

/* One socket for one worker, in turn. */
static bool give_to_one(struct opening *opening, struct worker_socket socket)
{
    size_t worker = opening->listeners->listening_count % opening->listeners->worker_count;
    return give(opening, worker, socket) && note(opening, socket);
}

/* One socket that all workers accept from: whoever has the time. */
static bool give_to_all(struct opening *opening, struct worker_socket socket)
{
    for (size_t i = 1; i < opening->listeners->worker_count; i++) {
        struct worker_socket copy = socket;
        copy.fd = fcntl(socket.fd, F_DUPFD_CLOEXEC, 0);
        if (copy.fd < 0 || !give(opening, i, copy)) {
            close(socket.fd);
            return refuse_memory(opening);
        }
    }
    return give(opening, 0, socket) && note(opening, socket);
}

static bool open_udp(struct opening *opening, const char *text)
{
    const struct config *config = opening->config;
    size_t count = opening->listeners->worker_count;
    struct address address;
    int fds[WORKERS_MAX];
    if (!address_resolve(text, SOCK_DGRAM, &address, opening->reason, opening->reason_size)) {
        return false;
    }
    if (!udp_open(&address, fds, count, opening->reason, opening->reason_size)) {
        holder_append(&address, SOCK_DGRAM, opening->reason, opening->reason_size);
        return false;
    }
    set_buffers(opening->listeners, fds, count, config->server.receive_buffer_bytes);
    if (config->server.udp_gro) {
        set_gro(fds, count);
    }
    bool given = true;
    for (size_t i = 0; i < count; i++) {
        given = give(opening, i, (struct worker_socket){fds[i], TRANSPORT_UDP, false}) && given;
    }
    return given && note(opening, (struct worker_socket){fds[0], TRANSPORT_UDP, false});
}

static bool open_tcp(struct opening *opening, const char *text)
{
    struct address address;
    if (!address_resolve(text, SOCK_STREAM, &address, opening->reason, opening->reason_size)) {
        return false;
    }
    int fd = tcp_listen(&address, opening->reason, opening->reason_size);
    if (fd < 0) {
        holder_append(&address, SOCK_STREAM, opening->reason, opening->reason_size);
        return false;
    }
    return give_to_all(opening, (struct worker_socket){fd, TRANSPORT_TCP, false});
}

static bool open_unix(struct opening *opening, const char *path, enum transport transport)
{
    struct listeners *listeners = opening->listeners;
    bool stream = transport == TRANSPORT_UNIX_STREAM;
    const struct unix_socket_options options = {.path = path,
                                                .type = stream ? SOCK_STREAM : SOCK_DGRAM,
                                                .mode = opening->config->server.unix_mode,
                                                .group = opening->config->server.unix_group};
    struct unix_socket_file file;
    char *copy = strdup(path);
    int fd = copy ? unix_socket_open(&options, &file, opening->reason, opening->reason_size) : -1;
    if (fd < 0) {
        free(copy);
        return copy ? false : refuse_memory(opening);
    }
    listeners->files[listeners->file_count].path = copy;
    listeners->files[listeners->file_count++].file = file;
    struct worker_socket socket = {fd, transport, false};
    return stream ? give_to_all(opening, socket) : give_to_one(opening, socket);
}

static bool open_configured(struct opening *opening, const struct activation *activation)
{
    const struct config *config = opening->config;
    bool opened = true;
    if (!activation_has(activation, TRANSPORT_UDP)) {
        for (size_t i = 0; i < config->server.udp.count && opened; i++) {
            opened = open_udp(opening, config->server.udp.items[i]);
        }
    }
    if (!activation_has(activation, TRANSPORT_TCP)) {
        for (size_t i = 0; i < config->server.tcp.count && opened; i++) {
            opened = open_tcp(opening, config->server.tcp.items[i]);
        }
    }
    if (opened && config->server.unix_path && !activation_has(activation, TRANSPORT_UNIX)) {
        opened = open_unix(opening, config->server.unix_path, TRANSPORT_UNIX);
    }
    if (opened && config->server.unix_stream_path &&
        !activation_has(activation, TRANSPORT_UNIX_STREAM)) {
        opened = open_unix(opening, config->server.unix_stream_path, TRANSPORT_UNIX_STREAM);
    }
    return opened;
}

static bool take_handed_over(struct opening *opening, const struct activation *activation)
{
    for (size_t i = 0; i < activation->count; i++) {
        struct worker_socket socket = {activation->sockets[i].fd, activation->sockets[i].transport,
                                       true};
        if (socket.transport == TRANSPORT_UDP) {
            set_buffers(opening->listeners, &socket.fd, 1,
                        opening->config->server.receive_buffer_bytes);
        }
        if (!(transport_is_stream(socket.transport) ? give_to_all(opening, socket)
                                                    : give_to_one(opening, socket))) {
            return false;
        }
    }
    return true;
}

/* The usual soft limit of 1,024 is for programs that use select(). */
static void raise_descriptors(const struct config *config)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->server.stream_connections_max + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        log_line(LOG_LEVEL_WARNING, "fewer descriptors than server.stream_connections needs",
                 "allowed", log_text("%llu", (unsigned long long)limit.rlim_cur), NULL);
    }
}

static bool listens(const struct listeners *listeners, enum transport transport)
{
    for (size_t i = 0; i < listeners->listening_count; i++) {
        if (listeners->listening[i].transport == transport) {
            return true;
        }
    }
    return false;
}

static void close_all(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->worker_count; i++) {
        for (size_t j = 0; j < listeners->workers[i].count; j++) {
            close(listeners->workers[i].sockets[j].fd);
        }
    }
}

bool listeners_open(struct listeners *listeners, const struct config *config, char *reason,
                    size_t reason_size)
{
    struct opening opening = {listeners, config, reason, reason_size};
    struct activation activation;
    *listeners = (struct listeners){.worker_count = config->server.workers,
                                    .reads_input = config->server.standard_input};
    listeners->workers = calloc(listeners->worker_count, sizeof(*listeners->workers));
    if (!listeners->workers) {
        listeners->worker_count = 0;
        return refuse_memory(&opening);
    }
    if (!activation_take(&activation, reason, reason_size) ||
        !take_handed_over(&opening, &activation) || !open_configured(&opening, &activation)) {
        close_all(listeners);
        return false;
    }
    if (listens(listeners, TRANSPORT_TCP) || listens(listeners, TRANSPORT_UNIX_STREAM)) {
        raise_descriptors(config);
    }
    return true;
}

const struct worker_socket *listeners_of(const struct listeners *listeners, size_t worker,
                                         size_t *count)
{
    *count = listeners->workers[worker].count;
    return listeners->workers[worker].sockets;
}

static void format_bound(const struct sockaddr_storage *bound, char *out, size_t out_size)
{
    char text[ADDRESS_TEXT_MAX];
    if (bound->ss_family == AF_UNIX) {
        snprintf(out, out_size, "%s", ((const struct sockaddr_un *)bound)->sun_path);
    } else {
        address_format((const struct sockaddr *)bound, text);
        snprintf(out, out_size, "%s", text);
    }
}

void listeners_addresses(const struct listeners *listeners, enum transport transport, char *out,
                         size_t out_size)
{
    size_t length = 0;
    snprintf(out, out_size, "off");
    for (size_t i = 0; i < listeners->listening_count && length < out_size; i++) {
        struct sockaddr_storage bound = {0};
        socklen_t bound_length = sizeof(bound);
        char text[sizeof(struct sockaddr_un)];
        if (listeners->listening[i].transport == transport &&
            getsockname(listeners->listening[i].fd, (struct sockaddr *)&bound, &bound_length) ==
                0) {
            format_bound(&bound, text, sizeof(text));
            length +=
                (size_t)snprintf(out + length, out_size - length, "%s%s", length ? "," : "", text);
        }
    }
}

bool listeners_have_udp(const struct listeners *listeners, const struct address *address)
{
    for (size_t i = 0; i < listeners->listening_count; i++) {
        struct sockaddr_storage bound = {0};
        socklen_t length = sizeof(bound);
        if (listeners->listening[i].transport == TRANSPORT_UDP &&
            getsockname(listeners->listening[i].fd, (struct sockaddr *)&bound, &length) == 0 &&
            address_reaches(address, &bound)) {
            return true;
        }
    }
    return false;
}

void listeners_deinit(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->file_count; i++) {
        unix_socket_remove(listeners->files[i].path, &listeners->files[i].file);
        free(listeners->files[i].path);
    }
    for (size_t i = 0; i < listeners->worker_count; i++) {
        free(listeners->workers[i].sockets);
    }
    free(listeners->workers);
    free(listeners->listening);
    *listeners = (struct listeners){0};
}
