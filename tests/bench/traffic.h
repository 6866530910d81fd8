/* SPDX-License-Identifier: MIT
 *
 * Datagrams for the benchmarks of the receive path, and a process that sends them evenly.
 */
#ifndef TESTS_BENCH_TRAFFIC_H
#define TESTS_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/core/clock.h"
#include "server/core/require.h"
#include "server/net/address.h"
#include "tests/bench/threads.h"

#define TRAFFIC_SERIES 10000
#define TRAFFIC_LINE_BYTES_MAX 64
#define TRAFFIC_PACKED_BYTES 1432

struct traffic_message {
    char *bytes;
    size_t length;
};

struct traffic_messages {
    struct traffic_message *items;
    size_t count;
};

/* Half counters, a third timers, the rest gauges, names of 35 bytes. */
static inline size_t traffic_line(char *out, unsigned number)
{
    static const char *const types[] = {"c", "ms", "c", "g", "c", "ms"};
    return (size_t)snprintf(out, TRAFFIC_LINE_BYTES_MAX,
                            "fleet.service.requests.handled.%04u:%u|%s", number,
                            number * 7919 % 997, types[number % 6]);
}

static inline struct traffic_messages traffic_render(bool packed)
{
    struct traffic_messages messages = {.items =
                                            calloc(TRAFFIC_SERIES, sizeof(struct traffic_message))};
    struct traffic_message *open = NULL;
    REQUIRE(messages.items);
    for (unsigned i = 0; i < TRAFFIC_SERIES; i++) {
        char line[TRAFFIC_LINE_BYTES_MAX];
        size_t length = traffic_line(line, i * 7 % TRAFFIC_SERIES);
        if (!packed || !open || open->length + 1 + length > TRAFFIC_PACKED_BYTES) {
            open = &messages.items[messages.count++];
            open->bytes = malloc(TRAFFIC_PACKED_BYTES);
            REQUIRE(open->bytes);
        } else {
            open->bytes[open->length++] = '\n';
        }
        memcpy(open->bytes + open->length, line, length);
        open->length += length;
    }
    return messages;
}

/* Sends one datagram at a time, each when it is due. */
static inline uint64_t traffic_send_paced(int fd, const struct traffic_messages *messages,
                                          double rate, double seconds)
{
    uint64_t start = clock_monotonic_ns(&clock_system), sent = 0;
    uint64_t wanted = (uint64_t)(rate * seconds);
    while (sent < wanted) {
        uint64_t now = clock_monotonic_ns(&clock_system) - start;
        if ((double)now >= (double)sent / rate * 1e9) {
            const struct traffic_message *message = &messages->items[sent % messages->count];
            sent += send(fd, message->bytes, message->length, 0) == (ssize_t)message->length;
        }
    }
    return sent;
}

/* In a process of its own, so that it shares nothing with the receiver but the socket. */
static inline uint64_t traffic_send(const struct address *to,
                                    const struct traffic_messages *messages, double rate,
                                    double seconds)
{
    int report[2];
    uint64_t sent = 0;
    REQUIRE(pipe(report) == 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int fd = socket(to->storage.ss_family, SOCK_DGRAM, 0);
        threads_pin(1);
        REQUIRE(connect(fd, (const struct sockaddr *)&to->storage, to->length) == 0);
        sent = traffic_send_paced(fd, messages, rate, seconds);
        REQUIRE(write(report[1], &sent, sizeof(sent)) == sizeof(sent));
        _exit(0);
    }
    REQUIRE(read(report[0], &sent, sizeof(sent)) == sizeof(sent));
    REQUIRE(waitpid(child, NULL, 0) == child);
    close(report[0]);
    close(report[1]);
    return sent;
}

#endif
