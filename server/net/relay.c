/* SPDX-License-Identifier: MIT */
#include "server/net/relay.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PACKETS_MAX 64
#define PAYLOAD_BYTES_MAX 65507
/* Room for a datagram of any transport behind what waits. */
#define BUFFER_BYTES (4 * 65536)

/* Lines lie one behind the other; a packet is a range of them, and the LF between two packets
 * belongs to neither. The last packet is being filled. */
struct relay_lane {
    int fds[RELAY_TARGETS_MAX];
    size_t fd_count;
    size_t datagram_bytes;
    struct iovec packets[PACKETS_MAX];
    size_t packet_count;
    size_t length;
    struct {
        _Atomic uint64_t datagrams_sent, bytes_sent, datagrams_lost;
        _Atomic int error;
    } figures; /* written by the worker only */
    char bytes[BUFFER_BYTES];
};

/* One writer: no locked instruction is needed. */
static void count(_Atomic uint64_t *figure, uint64_t more)
{
    atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static int connect_target(const struct address *target)
{
    int fd = socket(target->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&target->storage, target->length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct relay_lane *relay_lane_new(const struct address *targets, size_t target_count,
                                  size_t datagram_bytes, char *reason, size_t reason_size)
{
    struct relay_lane *lane = calloc(1, sizeof(*lane));
    if (!lane) {
        snprintf(reason, reason_size, "out of memory");
        return NULL;
    }
    lane->datagram_bytes = datagram_bytes;
    for (; lane->fd_count < target_count; lane->fd_count++) {
        int fd = connect_target(&targets[lane->fd_count]);
        if (fd < 0) {
            char text[ADDRESS_TEXT_MAX];
            address_format((const struct sockaddr *)&targets[lane->fd_count].storage, text);
            snprintf(reason, reason_size, "relay %s: %s", text, strerror(errno));
            relay_lane_free(lane);
            return NULL;
        }
        lane->fds[lane->fd_count] = fd;
    }
    return lane;
}

void relay_lane_free(struct relay_lane *lane)
{
    if (lane) {
        for (size_t i = 0; i < lane->fd_count; i++) {
            close(lane->fds[i]);
        }
        free(lane);
    }
}

static void lose(struct relay_lane *lane, int error)
{
    count(&lane->figures.datagrams_lost, 1);
    atomic_store_explicit(&lane->figures.error, error, memory_order_relaxed);
}

static void count_sent(struct relay_lane *lane, const struct iovec *packets, size_t packet_count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < packet_count; i++) {
        bytes += packets[i].iov_len;
    }
    count(&lane->figures.datagrams_sent, packet_count);
    count(&lane->figures.bytes_sent, bytes);
}

/* That a datagram was refused (ICMP) is told by the call after it, which then sends nothing and is
 * made again. */
static void send_to(struct relay_lane *lane, int fd, size_t packet_count)
{
    struct mmsghdr messages[PACKETS_MAX];
    size_t at = 0, refusals = 0;
    for (size_t i = 0; i < packet_count; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &lane->packets[i], .msg_iovlen = 1}};
    }
    while (at < packet_count) {
        int sent = sendmmsg(fd, messages + at, (unsigned)(packet_count - at), MSG_NOSIGNAL);
        if (sent > 0) {
            count_sent(lane, lane->packets + at, (size_t)sent);
            at += (size_t)sent;
        } else if (errno == ECONNREFUSED && refusals++ <= packet_count) {
            lose(lane, ECONNREFUSED);
        } else if (errno != EINTR) {
            lose(lane, errno);
            at++;
        }
    }
}

void relay_send(struct relay_lane *lane, bool all)
{
    size_t full = all || lane->packet_count == 0 ? lane->packet_count : lane->packet_count - 1;
    if (full == 0) {
        return;
    }
    for (size_t i = 0; i < lane->fd_count; i++) {
        send_to(lane, lane->fds[i], full);
    }
    struct iovec open = full < lane->packet_count ? lane->packets[full] : (struct iovec){0};
    if (open.iov_len > 0) {
        memmove(lane->bytes, open.iov_base, open.iov_len);
        lane->packets[0] = (struct iovec){lane->bytes, open.iov_len};
    }
    lane->packet_count = open.iov_len > 0;
    lane->length = open.iov_len;
}

bool relay_is_waiting(const struct relay_lane *lane)
{
    return lane->packet_count > 0;
}

static bool fits_last(const struct relay_lane *lane, size_t length)
{
    const struct iovec *last = lane->packets + lane->packet_count;
    return lane->packet_count > 0 && last[-1].iov_len + 1 + length <= lane->datagram_bytes;
}

/* The text becomes part of the last packet where it fits, and the beginning of a new one else. */
static void append(struct relay_lane *lane, const char *text, size_t length)
{
    bool fits = fits_last(lane, length);
    if ((!fits && lane->packet_count == PACKETS_MAX) || lane->length + 1 + length > BUFFER_BYTES) {
        relay_send(lane, !fits);
    }
    if (lane->length > 0) {
        lane->bytes[lane->length++] = '\n';
    }
    memcpy(lane->bytes + lane->length, text, length);
    if (fits) {
        lane->packets[lane->packet_count - 1].iov_len += 1 + length;
    } else {
        lane->packets[lane->packet_count++] = (struct iovec){lane->bytes + lane->length, length};
    }
    lane->length += length;
}

static void append_line(struct relay_lane *lane, const char *line, size_t length)
{
    if (length > PAYLOAD_BYTES_MAX) {
        lose(lane, EMSGSIZE);
    } else if (length > 0) {
        append(lane, line, length);
    }
}

void relay_add(struct relay_lane *lane, const char *lines, size_t length)
{
    const char *end = lines + length;
    while (end > lines && end[-1] == '\n') {
        end--;
    }
    size_t whole = (size_t)(end - lines);
    bool fits = lane->packet_count > 0 ? fits_last(lane, whole) : whole <= lane->datagram_bytes;
    if (whole > 0 && fits) {
        append(lane, lines, whole);
        return;
    }
    while (lines < end) {
        const char *feed = memchr(lines, '\n', (size_t)(end - lines));
        append_line(lane, lines, (size_t)((feed ? feed : end) - lines));
        lines = feed ? feed + 1 : end;
    }
}

void relay_read(const struct relay_lane *lane, struct relay_figures *figures)
{
    *figures = (struct relay_figures){
        .datagrams_sent = atomic_load_explicit(&lane->figures.datagrams_sent, memory_order_relaxed),
        .bytes_sent = atomic_load_explicit(&lane->figures.bytes_sent, memory_order_relaxed),
        .datagrams_lost = atomic_load_explicit(&lane->figures.datagrams_lost, memory_order_relaxed),
        .error = atomic_load_explicit(&lane->figures.error, memory_order_relaxed),
    };
}
