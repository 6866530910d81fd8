/* SPDX-License-Identifier: MIT
 *
 * sigmactl send: metrics from the arguments, or lines from standard input, to a StatsD server. Each
 * line goes through the server's own parser first, so that a mistake is told here and not lost
 * there.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/statsd.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/pack.h"
#include "tools/sigmactl/socket.h"

#define CONNECT_TIMEOUT_MS 5000
#define SHOWN_BYTES_MAX 120

struct sending {
    struct pack pack;
    struct statsd_parser parser;
    bool unchecked;
    bool from_input;      /* faults are told with their line number */
    bool failed;          /* a line was refused, or too long */
    uint64_t line_number; /* or argument number, from 1 */
};

/* Control characters are shown as '?', because the text goes to a terminal. */
static void tell_fault(struct sending *sending, const char *reason, const char *line, size_t length)
{
    char shown[SHOWN_BYTES_MAX];
    size_t kept = length < sizeof(shown) ? length : sizeof(shown);
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)line[i];
        shown[i] = c < ' ' || c == 0x7f ? '?' : line[i];
    }
    fprintf(stderr, "sigmactl send: %s %llu: %s: %.*s%s\n",
            sending->from_input ? "line" : "argument", (unsigned long long)sending->line_number,
            reason, (int)kept, shown, kept < length ? "..." : "");
    sending->failed = true;
}

/* True where something in the line is worth sending; what is refused beside it is told all the
 * same. */
static bool check_line(struct sending *sending, const char *line, size_t length)
{
    struct statsd_item items[16];
    bool good = false;
    size_t count;
    statsd_parser_feed(&sending->parser, line, (uint32_t)length);
    while ((count = statsd_parser_read(&sending->parser, items, 16)) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (items[i].kind == STATSD_REFUSED) {
                const char *reason = statsd_reason_name((enum statsd_reason)items[i].reason);
                tell_fault(sending, reason, line, length);
            } else {
                good = true;
            }
        }
    }
    return good;
}

/* False with errno when sending failed; a line that is not sent is no failure of this function. */
static bool take_line(struct sending *sending, const char *line, size_t length)
{
    if (length == 0) {
        return true;
    }
    if (length > sending->pack.bytes_max) {
        tell_fault(sending, "longer than a datagram (--bytes)", line, length);
        return true;
    }
    if (!sending->unchecked && !check_line(sending, line, length)) {
        return true;
    }
    return pack_add(&sending->pack, line, length);
}

/* An argument may hold several lines. */
static bool send_arguments(struct sending *sending, int count, char **arguments)
{
    for (int i = 0; i < count; i++) {
        sending->line_number = (uint64_t)i + 1;
        const char *line = arguments[i];
        for (;;) {
            size_t length = strcspn(line, "\n");
            if (!take_line(sending, line, length)) {
                return false;
            }
            if (line[length] == '\0') {
                break;
            }
            line += length + 1;
        }
    }
    return pack_flush(&sending->pack);
}

static bool input_is_waiting(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

/* Standard input in pieces. A line longer than the buffer is told once and skipped to its end. */
struct input {
    char bytes[2 * (PACK_BYTES_MAX + 1)];
    size_t length;
    bool skipping;
};

/* Takes the complete lines of the buffer and moves the rest to its start. */
static bool take_complete_lines(struct sending *sending, struct input *input)
{
    const char *line = input->bytes;
    const char *end = input->bytes + input->length;
    const char *feed;
    while ((feed = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        if (!input->skipping) {
            sending->line_number++;
            if (!take_line(sending, line, (size_t)(feed - line))) {
                return false;
            }
        }
        input->skipping = false;
        line = feed + 1;
    }
    input->length = (size_t)(end - line);
    memmove(input->bytes, line, input->length);
    return true;
}

/* The bytes left are a line without its LF: the last one, or one that does not fit. */
static bool take_rest(struct sending *sending, struct input *input)
{
    bool fine = true;
    if (!input->skipping && input->length > 0) {
        sending->line_number++;
        fine = take_line(sending, input->bytes, input->length);
    }
    input->length = 0;
    return fine;
}

/* Datagrams fill up while input is waiting; what is gathered goes out before a wait for more, so
 * that a slow source is sent as it comes. */
static bool send_input(struct sending *sending)
{
    static struct input input;
    for (;;) {
        if (!input_is_waiting() && !pack_flush(&sending->pack)) {
            return false;
        }
        ssize_t count =
            read(STDIN_FILENO, input.bytes + input.length, sizeof(input.bytes) - input.length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            perror("sigmactl send: standard input");
            sending->failed = true;
        }
        if (count <= 0) {
            return take_rest(sending, &input) && pack_flush(&sending->pack);
        }
        input.length += (size_t)count;
        if (!take_complete_lines(sending, &input)) {
            return false;
        }
        if (input.length == sizeof(input.bytes)) {
            if (!take_rest(sending, &input)) {
                return false;
            }
            input.skipping = true;
        }
    }
}

static int finish(struct sending *sending, const struct endpoint *target, bool sent)
{
    char name[ENDPOINT_TEXT_MAX];
    endpoint_format(target, name);
    if (!sent) {
        fprintf(stderr, "sigmactl send: %s: %s\n", name, strerror(errno));
        return STATUS_FAILED;
    }
    if (!sending->pack.stream &&
        (socket_was_refused(sending->pack.descriptor) || sending->pack.refused)) {
        fprintf(stderr, "sigmactl send: %s: connection refused, nothing listens there\n", name);
        return STATUS_FAILED;
    }
    return sending->failed ? STATUS_FAILED : STATUS_OK;
}

static int run(struct sending *sending, const struct endpoint *target, int count, char **arguments)
{
    char reason[SOCKET_REASON_MAX];
    sending->pack.stream = endpoint_is_stream(target);
    sending->pack.descriptor = socket_connect(target, CONNECT_TIMEOUT_MS, reason);
    if (sending->pack.descriptor < 0) {
        char name[ENDPOINT_TEXT_MAX];
        endpoint_format(target, name);
        fprintf(stderr, "sigmactl send: %s: %s\n", name, reason);
        return STATUS_FAILED;
    }
    statsd_parser_init(&sending->parser, STATSD_AUTO);
    sending->from_input = count == 0;
    if (sending->from_input && isatty(STDIN_FILENO)) {
        fprintf(stderr, "lines from standard input, end with ctrl-d\n");
    }
    bool sent =
        sending->from_input ? send_input(sending) : send_arguments(sending, count, arguments);
    int status = finish(sending, target, sent);
    close(sending->pack.descriptor);
    return status;
}

int command_send(int argc, char **argv)
{
    static struct sending sending;
    struct endpoint target = {ENDPOINT_UDP, "127.0.0.1", OPTIONS_STATSD_PORT};
    uint64_t bytes_max = PACK_BYTES_DEFAULT;
    const struct option_entry entries[] = {
        {"to", "TARGET",
         "HOST:PORT or udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH (datagrams),\n"
         "unix-stream:///PATH (default 127.0.0.1:8125)",
         OPTION_TARGET, &target, 0, 0},
        {"bytes", "N", "the most bytes a datagram (default 1432)", OPTION_COUNT, &bytes_max, 1,
         PACK_BYTES_MAX},
        {"unchecked", NULL, "send lines as they are, without parsing them first", OPTION_FLAG,
         &sending.unchecked, 0, 0},
    };
    const struct options options = {
        .command = "send",
        .operands = "[NAME:VALUE|TYPE]...",
        .summary =
            "Sends metrics: the arguments, or without any the lines of standard input. A line "
            "that\n"
            "the server's parser would refuse is told on standard error and not sent; the exit\n"
            "status is then 1 after the others were sent.",
        .example = "sigmactl send 'page.views:1|c' 'load.time:320|ms|#page:home'\n"
                   "printf 'queue.depth:17|g\\n' | sigmactl send --to tcp://[::1]:8125",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    int first = options_parse(&options, argc, argv, &status);
    if (first < 0) {
        return status;
    }
    sending.pack.bytes_max = (size_t)bytes_max;
    return run(&sending, &target, argc - first, argv + first);
}
