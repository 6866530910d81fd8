/* SPDX-License-Identifier: MIT
 *
 * sigmactl shadow: two servers with the same traffic send what they flush to it, as they would to
 * Graphite, and it tells where they differ.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/number.h"
#include "server/core/buffer.h"
#include "server/core/clock.h"
#include "server/net/address.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/shadow_windows.h"

#define CONNECTIONS_MAX 32
#define READ_BYTES 65536
#define LINE_BYTES_MAX 65536
#define REASON_MAX 256
#define WAIT_MS_MAX 1000

/* The first two descriptors listen, for one side each. */
struct shadow {
    struct shadow_windows windows;
    struct pollfd fds[SHADOW_SIDES + CONNECTIONS_MAX];
    enum shadow_side sides[SHADOW_SIDES + CONNECTIONS_MAX];
    struct buffer rests[SHADOW_SIDES + CONNECTIONS_MAX]; /* the beginning of a line */
    size_t count;
    const char *listens[SHADOW_SIDES];
    const char *ignored; /* prefixes of paths, by comma */
    uint64_t interval_ms, duration_ms, windows_wanted;
    double tolerance;
    uint64_t compared, equal, different, missing;
};

static bool listen_at(struct shadow *shadow, enum shadow_side side)
{
    char reason[REASON_MAX] = "", text[ADDRESS_TEXT_MAX];
    struct address address;
    int on = 1;
    if (!address_resolve(shadow->listens[side], SOCK_STREAM, &address, reason, sizeof(reason))) {
        fprintf(stderr, "sigmactl shadow: %s\n", reason);
        return false;
    }
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&address.storage, address.length) != 0 ||
        listen(fd, 16) != 0) {
        fprintf(stderr, "sigmactl shadow: %s: %s\n", shadow->listens[side], strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    getsockname(fd, (struct sockaddr *)&address.storage, &address.length);
    address_format((const struct sockaddr *)&address.storage, text);
    fprintf(stderr, "sigmactl shadow: the %s server sends to %s\n",
            side == SHADOW_OLD ? "old" : "new", text);
    shadow->fds[shadow->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    shadow->sides[shadow->count++] = side;
    return true;
}

static void accept_one(struct shadow *shadow, size_t listener)
{
    int fd = accept4(shadow->fds[listener].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (shadow->count == SHADOW_SIDES + CONNECTIONS_MAX) {
        fprintf(stderr, "sigmactl shadow: too many connections\n");
        close(fd);
        return;
    }
    shadow->fds[shadow->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    shadow->rests[shadow->count] = (struct buffer){0};
    shadow->sides[shadow->count++] = shadow->sides[listener];
}

static void drop(struct shadow *shadow, size_t i)
{
    close(shadow->fds[i].fd);
    buffer_deinit(&shadow->rests[i]);
    shadow->count--;
    shadow->fds[i] = shadow->fds[shadow->count];
    shadow->sides[i] = shadow->sides[shadow->count];
    shadow->rests[i] = shadow->rests[shadow->count];
}

static bool is_ignored(const struct shadow *shadow, const char *line, size_t length)
{
    for (const char *prefix = shadow->ignored; prefix && *prefix;) {
        size_t bytes = strcspn(prefix, ",");
        if (bytes > 0 && length >= bytes && memcmp(line, prefix, bytes) == 0) {
            return true;
        }
        prefix += bytes + (prefix[bytes] == ',');
    }
    return false;
}

static void take_lines(struct shadow *shadow, size_t i)
{
    struct buffer *rest = &shadow->rests[i];
    size_t at = 0;
    const char *end;
    while ((end = memchr(rest->bytes + at, '\n', rest->length - at))) {
        const char *line = rest->bytes + at;
        size_t length = (size_t)(end - line);
        if (!is_ignored(shadow, line, length)) {
            shadow_windows_add(&shadow->windows, shadow->sides[i], line, length);
        }
        at += length + 1;
    }
    memmove(rest->bytes, rest->bytes + at, rest->length - at);
    rest->length -= at;
}

/* False when the connection is over. */
static bool receive(struct shadow *shadow, size_t i)
{
    struct buffer *rest = &shadow->rests[i];
    char *room = rest->length <= LINE_BYTES_MAX ? buffer_room(rest, READ_BYTES) : NULL;
    ssize_t got = room ? read(shadow->fds[i].fd, room, READ_BYTES) : 0;
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    rest->length += (size_t)got;
    take_lines(shadow, i);
    return true;
}

static void print_value(json_t *value)
{
    char text[NUMBER_TEXT_MAX + 1];
    if (json_is_null(value)) {
        fputs("\t-", stdout);
        return;
    }
    text[number_format(text, json_number_value(value))] = '\0';
    printf("\t%s", text);
}

static void compare(struct shadow *shadow, int64_t number, json_t *paths)
{
    const char *path;
    json_t *pair;
    long long stamp = (long long)((double)number * shadow->windows.interval_s);
    json_object_foreach(paths, path, pair)
    {
        json_t *old = json_array_get(pair, SHADOW_OLD), *new = json_array_get(pair, SHADOW_NEW);
        bool alone = json_is_null(old) || json_is_null(new);
        double difference =
            alone ? 1 : shadow_difference(json_number_value(old), json_number_value(new));
        if (!alone && difference <= shadow->tolerance) {
            shadow->equal++;
            continue;
        }
        *(alone ? &shadow->missing : &shadow->different) += 1;
        printf("%lld\t%s", stamp, path);
        print_value(old);
        print_value(new);
        printf(alone ? "\t-\n" : "\t%.3g\n", difference);
    }
    shadow->compared++;
}

static void compare_ready(struct shadow *shadow)
{
    int64_t number;
    json_t *paths;
    while (shadow->compared < shadow->windows_wanted &&
           shadow_windows_next(&shadow->windows, &number, &paths)) {
        compare(shadow, number, paths);
        json_decref(paths);
    }
    fflush(stdout);
}

static void watch(struct shadow *shadow)
{
    uint64_t ends = clock_monotonic_ns(&clock_system) + shadow->duration_ms * 1000000;
    while (shadow->compared < shadow->windows_wanted && clock_monotonic_ns(&clock_system) < ends) {
        if (poll(shadow->fds, shadow->count, WAIT_MS_MAX) <= 0) {
            continue;
        }
        /* From the end, since a connection that is over gives its place to the last one. */
        for (size_t i = shadow->count; i-- > 0;) {
            if (shadow->fds[i].revents != 0 && i < SHADOW_SIDES) {
                accept_one(shadow, i);
            } else if (shadow->fds[i].revents != 0 && !receive(shadow, i)) {
                drop(shadow, i);
            }
        }
        compare_ready(shadow);
    }
}

static int verdict(const struct shadow *shadow)
{
    uint64_t lost = shadow->windows.refused + shadow->windows.unreadable;
    uint64_t apart = shadow->different + shadow->missing;
    bool whole = shadow->compared == shadow->windows_wanted && shadow->equal + apart > 0;
    bool same = whole && apart + lost == 0;
    printf("windows %" PRIu64 "\nequal %" PRIu64 "\ndifferent %" PRIu64 "\nmissing %" PRIu64 "\n",
           shadow->compared, shadow->equal, shadow->different, shadow->missing);
    if (lost > 0) {
        printf("refused %" PRIu64 "\nunreadable %" PRIu64 "\n", shadow->windows.refused,
               shadow->windows.unreadable);
    }
    printf("verdict: %s\n", same    ? "the servers agree"
                            : whole ? "the servers differ"
                                    : "not enough was flushed to tell");
    return same ? STATUS_OK : STATUS_FAILED;
}

static int run(struct shadow *shadow)
{
    int status = STATUS_FAILED;
    if (!shadow_windows_init(&shadow->windows, (double)shadow->interval_ms / 1000)) {
        fprintf(stderr, "sigmactl shadow: out of memory\n");
        return status;
    }
    if (listen_at(shadow, SHADOW_OLD) && listen_at(shadow, SHADOW_NEW)) {
        watch(shadow);
        status = verdict(shadow);
    }
    while (shadow->count > 0) {
        drop(shadow, shadow->count - 1);
    }
    shadow_windows_deinit(&shadow->windows);
    return status;
}

static struct shadow watched = {
    .listens = {"127.0.0.1:2003", "127.0.0.1:2103"},
    .interval_ms = 10000,
    .duration_ms = 600000,
    .windows_wanted = 6,
    .tolerance = 1e-9,
};

int command_shadow(int argc, char **argv)
{
    const struct option_entry entries[] = {
        {"old-graphite", "HOST:PORT",
         "where the old server sends plaintext to as its Graphite (default 127.0.0.1:2003)",
         OPTION_TEXT, &watched.listens[SHADOW_OLD], 0, 0},
        {"new-graphite", "HOST:PORT", "the same for sigmad (default 127.0.0.1:2103)", OPTION_TEXT,
         &watched.listens[SHADOW_NEW], 0, 0},
        {"interval", "TIME", "length of a window, of both (default 10s)", OPTION_DURATION,
         &watched.interval_ms, 1000, 86400e3},
        {"windows", "N", "ends after N windows (default 6)", OPTION_COUNT, &watched.windows_wanted,
         1, 1e6},
        {"duration", "TIME", "gives up after that (default 10m)", OPTION_DURATION,
         &watched.duration_ms, 1, 7 * 86400e3},
        {"tolerance", "X", "relative difference that is none (default 1e-9)", OPTION_NUMBER,
         &watched.tolerance, 0, 1},
        {"ignore", "PREFIXES",
         "paths that begin so, by comma: stats.statsd.,statsd. are etsy's own", OPTION_TEXT,
         &watched.ignored, 0, 0},
    };
    const struct options options = {
        .command = "shadow",
        .operands = "",
        .summary =
            "Compares what two servers flush that receive the same traffic: the old one repeats "
            "its\n"
            "datagrams to sigmad, and both send here what they would to Graphite, in plaintext, "
            "with\n"
            "windows of one length that end with the clock. Prints stamp, path, old, new and "
            "relative\n"
            "difference where they differ, by tab, then a verdict. Exit status 0 when they agree.",
        .example = "sigmactl shadow --interval 10s --windows 30 --tolerance 0.01",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    return run(&watched);
}
