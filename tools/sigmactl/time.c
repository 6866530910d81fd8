/* SPDX-License-Identifier: MIT
 *
 * sigmactl time: runs a command and sends how long it took as a timer. The command comes first: its
 * exit status is kept, its signals are its own, and that a metric could not be sent is told but
 * changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/statsd.h"
#include "server/core/clock.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/pack.h"
#include "tools/sigmactl/socket.h"

/* What a shell answers. */
#define STATUS_CANNOT_EXECUTE 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL_BASE 128

/* The command has ended and somebody waits for its status: an unreachable server must not hold that
 * up. */
#define CONNECT_TIMEOUT_MS 1000

#define LINE_MAX_BYTES (PACK_BYTES_MAX + 1)

struct timing {
    struct endpoint target;
    const char *name;
    const char *tags; /* `k:v,k2` or NULL */
};

/* Writes `NAME:MS|ms|#TAGS` with a precision of a microsecond and an LF, which UDP receivers take
 * as well; the length, or 0 where it is too long. */
static size_t format_line(const struct timing *timing, uint64_t elapsed_ns,
                          char out[LINE_MAX_BYTES])
{
    uint64_t elapsed_us = (elapsed_ns + 500) / 1000;
    int length = snprintf(out, LINE_MAX_BYTES, "%s:%" PRIu64 ".%03u|ms%s%s\n", timing->name,
                          elapsed_us / 1000, (unsigned)(elapsed_us % 1000),
                          timing->tags ? "|#" : "", timing->tags ? timing->tags : "");
    return length > 0 && length < LINE_MAX_BYTES ? (size_t)length : 0;
}

/* A name with ':' or '|', or tags with '|', would turn the line into something else; the parser
 * tells. */
static bool name_and_tags_are_sound(const struct timing *timing)
{
    static char line[LINE_MAX_BYTES];
    struct statsd_parser parser;
    struct statsd_item items[2];
    size_t length = format_line(timing, 0, line);
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, line, (uint32_t)length);
    return length > 0 && statsd_parser_read(&parser, items, 2) == 1 &&
           items[0].kind == STATSD_SAMPLE && items[0].name.length == strlen(timing->name) &&
           items[0].tags.length == (timing->tags ? strlen(timing->tags) : 0);
}

/* Never returns. What kept the command from running goes to the parent as an errno. */
static void execute(char **command, int report, const struct sigaction saved[2])
{
    sigaction(SIGINT, &saved[0], NULL);
    sigaction(SIGQUIT, &saved[1], NULL);
    execvp(command[0], command);
    int error = errno;
    if (write(report, &error, sizeof(error)) < 0) {
        _exit(STATUS_CANNOT_EXECUTE);
    }
    _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return STATUS_CANNOT_EXECUTE;
        }
    }
    return WIFSIGNALED(status) ? STATUS_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs the command and returns its status; 126 or 127 with the errno in *error when it could not
 * run. While it runs the terminal's interrupt and quit are for the command alone. */
static int run_command(char **command, int *error)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, saved[2];
    int report[2];
    *error = 0;
    if (pipe2(report, O_CLOEXEC) < 0) {
        *error = errno;
        return STATUS_CANNOT_EXECUTE;
    }
    sigaction(SIGINT, &ignore, &saved[0]);
    sigaction(SIGQUIT, &ignore, &saved[1]);
    pid_t child = fork();
    if (child == 0) {
        execute(command, report[1], saved);
    }
    int status = STATUS_CANNOT_EXECUTE;
    if (child < 0) {
        *error = errno;
    }
    close(report[1]);
    if (child > 0) {
        ssize_t count;
        do {
            count = read(report[0], error, sizeof(*error));
        } while (count < 0 && errno == EINTR);
        status = wait_for(child);
    }
    close(report[0]);
    sigaction(SIGINT, &saved[0], NULL);
    sigaction(SIGQUIT, &saved[1], NULL);
    return status;
}

static void send_timer(const struct timing *timing, uint64_t elapsed_ns)
{
    static char line[LINE_MAX_BYTES];
    char reason[SOCKET_REASON_MAX], name[ENDPOINT_TEXT_MAX];
    bool refused = false;
    size_t length = format_line(timing, elapsed_ns, line);
    int descriptor = socket_connect(&timing->target, CONNECT_TIMEOUT_MS, reason);
    if (descriptor >= 0) {
        bool stream = endpoint_is_stream(&timing->target);
        bool sent = socket_send(descriptor, line, length - !stream, &refused);
        int error = sent ? ECONNREFUSED : errno;
        bool failed = !sent || (!stream && socket_was_refused(descriptor));
        close(descriptor);
        if (!failed) {
            return;
        }
        snprintf(reason, sizeof(reason), "%s", strerror(error));
    }
    endpoint_format(&timing->target, name);
    fprintf(stderr, "sigmactl time: the duration was not sent to %s: %s\n", name, reason);
}

static int time_command(const struct timing *timing, char **command)
{
    int error;
    uint64_t start_ns = clock_monotonic_ns(&clock_system);
    int status = run_command(command, &error);
    uint64_t elapsed_ns = clock_monotonic_ns(&clock_system) - start_ns;
    if (error != 0) {
        fprintf(stderr, "sigmactl time: %s: %s\n", command[0], strerror(error));
    } else {
        send_timer(timing, elapsed_ns);
    }
    return status;
}

/* The index of the first `--`, or argc. */
static int find_separator(int argc, char **argv)
{
    int at = 1;
    while (at < argc && strcmp(argv[at], "--") != 0) {
        at++;
    }
    return at;
}

int command_time(int argc, char **argv)
{
    struct timing timing = {.target = {ENDPOINT_UDP, "127.0.0.1", OPTIONS_STATSD_PORT}};
    const struct option_entry entries[] = {
        {"to", "TARGET",
         "HOST:PORT or udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH (datagrams),\n"
         "unix-stream:///PATH (default 127.0.0.1:8125)",
         OPTION_TARGET, &timing.target, 0, 0},
        {"tags", "LIST", "tags of the timer, as in env:prod,region:eu (default none)", OPTION_TEXT,
         &timing.tags, 0, 0},
    };
    const struct options options = {
        .command = "time",
        .operands = "NAME -- COMMAND [ARGUMENT]...",
        .summary = "Runs the command and sends its wall time in ms as the timer NAME. The exit "
                   "status is the\n"
                   "command's own: 128 + N when signal N ended it, 127 when it was not found, 126 "
                   "when it\n"
                   "could not run (nothing is sent then). That sending failed never changes it.",
        .example = "sigmactl time --tags job:backup cron.backup -- rsync -a /home /mnt/backup",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int separator = find_separator(argc, argv);
    int status;
    int first = options_parse(&options, separator, argv, &status);
    if (first < 0) {
        return status;
    }
    if (separator - first != 1 || separator + 1 >= argc) {
        return options_refuse(&options, "write NAME -- COMMAND");
    }
    timing.name = argv[first];
    if (timing.tags && timing.tags[0] == '\0') {
        timing.tags = NULL;
    }
    if (!name_and_tags_are_sound(&timing)) {
        return options_refuse(&options, "`%s`%s%s cannot be a timer", timing.name,
                              timing.tags ? " with the tags " : "", timing.tags ? timing.tags : "");
    }
    return time_command(&timing, argv + separator + 1);
}
