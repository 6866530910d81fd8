/* SPDX-License-Identifier: MIT */
#include "server/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/net/holder.h"
#include "server/net/udp.h"

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

static void set_buffers(const int *fds, size_t count, uint64_t wanted)
{
    uint64_t granted = wanted;
    for (size_t i = 0; i < count; i++) {
        granted = udp_set_receive_buffer(fds[i], wanted);
    }
    if (granted < wanted) {
        log_line(LOG_LEVEL_WARNING, "receive buffer smaller than asked for", "asked",
                 log_text("%llu", (unsigned long long)wanted), "granted",
                 log_text("%llu", (unsigned long long)granted), "remedy",
                 log_text("sysctl -w net.core.rmem_max=%llu", (unsigned long long)wanted), NULL);
    }
}

/* Opens one address for all workers and sorts its sockets to them. */
static bool open_address(struct listeners *listeners, size_t which, const char *text,
                         const struct config *config, char *reason, size_t reason_size)
{
    struct address address;
    int fds[64];
    if (!address_resolve(text, SOCK_DGRAM, &address, reason, reason_size)) {
        return false;
    }
    if (!udp_open(&address, fds, listeners->worker_count, reason, reason_size)) {
        holder_append(&address, reason, reason_size);
        return false;
    }
    set_buffers(fds, listeners->worker_count, config->server.receive_buffer_bytes);
    if (config->server.udp_gro) {
        set_gro(fds, listeners->worker_count);
    }
    for (size_t i = 0; i < listeners->worker_count; i++) {
        listeners->fds[i * listeners->address_count + which] = fds[i];
    }
    return true;
}

static void close_all(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->worker_count * listeners->address_count; i++) {
        if (listeners->fds[i] >= 0) {
            close(listeners->fds[i]);
        }
    }
}

bool listeners_open(struct listeners *listeners, const struct config *config, char *reason,
                    size_t reason_size)
{
    const struct config_strings *addresses = &config->server.udp;
    *listeners = (struct listeners){.address_count = addresses->count,
                                    .worker_count = config->server.workers};
    size_t total = listeners->address_count * listeners->worker_count;
    listeners->fds = malloc((total + 1) * sizeof(int));
    if (!listeners->fds) {
        snprintf(reason, reason_size, "out of memory");
        return false;
    }
    memset(listeners->fds, 0xff, (total + 1) * sizeof(int));
    for (size_t i = 0; i < addresses->count; i++) {
        if (!open_address(listeners, i, addresses->items[i], config, reason, reason_size)) {
            close_all(listeners);
            return false;
        }
    }
    return true;
}

const int *listeners_of(const struct listeners *listeners, size_t worker)
{
    return listeners->fds + worker * listeners->address_count;
}

void listeners_addresses(const struct listeners *listeners, char *out, size_t out_size)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < listeners->address_count && length < out_size; i++) {
        struct sockaddr_storage bound;
        socklen_t bound_length = sizeof(bound);
        char text[ADDRESS_TEXT_MAX];
        if (getsockname(listeners->fds[i], (struct sockaddr *)&bound, &bound_length) == 0) {
            address_format((const struct sockaddr *)&bound, text);
            length += (size_t)snprintf(out + length, out_size - length, "%s%s", i ? "," : "", text);
        }
    }
}

void listeners_deinit(struct listeners *listeners)
{
    free(listeners->fds);
    *listeners = (struct listeners){0};
}
