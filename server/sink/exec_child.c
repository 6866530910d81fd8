/* SPDX-License-Identifier: MIT
 *
 * The end of a program is an event like any other: its pidfd becomes readable (pidfd_open(2)).
 */
#include "server/sink/exec_child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/core/log.h"

/* Written in one turn of the loop. */
#define TURN_BYTES ((size_t)512 * 1024)

extern char **environ;

struct exec_child {
    struct carrier carrier; /* must be first */
    struct event_base *base;
    carrier_done *done;
    void *context;
    char *name;
    char **arguments;         /* with a NULL at the end */
    char *const *environment; /* NULL = the server's own */
    uint64_t deadline_ms;
    struct event *deadline;

    pid_t pid; /* of the run; 0 = none */
    int input, output, pidfd;
    struct event *on_input, *on_output, *on_exit;
    bool killed;
    const struct blocks *bytes;
    const struct block *block;
    size_t block_at, written;
    char line[EXEC_LINE_BYTES]; /* of the output, as far as it has come */
    size_t line_length;
    unsigned lines, lines_left_out;
};

static void end_pipe(struct event **event, int *fd)
{
    if (*event) {
        event_free(*event);
        *event = NULL;
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void log_output_line(struct exec_child *child)
{
    if (child->line_length > 0 && child->lines < EXEC_LINES_MAX) {
        log_line(LOG_LEVEL_WARNING, "program says", "exec", child->name, "line",
                 log_text("%.*s", (int)child->line_length, child->line), NULL);
        child->lines++;
    } else if (child->line_length > 0) {
        child->lines_left_out++;
    }
    child->line_length = 0;
}

static void take_output(struct exec_child *child, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            log_output_line(child);
        } else if (child->line_length < sizeof(child->line) && text[i] != '\0') {
            child->line[child->line_length++] = text[i];
        }
    }
}

/* Reads what is there, up to a bound. False at the end. */
static bool read_output(struct exec_child *child)
{
    char text[4096];
    for (int i = 0; i < 16; i++) {
        ssize_t got = read(child->output, text, sizeof(text));
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        }
        take_output(child, text, (size_t)got);
    }
    return true;
}

static void output_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct exec_child *child = context;
    if (!read_output(child)) {
        end_pipe(&child->on_output, &child->output);
    }
}

/* A program that does not read on has what it wants, or will say by its status that it has not. */
static void input_event(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct exec_child *child = context;
    size_t turn = 0;
    while (child->block && turn < TURN_BYTES) {
        ssize_t written = write(fd, child->block->bytes + child->block_at,
                                child->block->length - child->block_at);
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (written < 0) {
            break;
        }
        turn += (size_t)written;
        child->written += (size_t)written;
        child->block_at += (size_t)written;
        if (child->block_at == child->block->length) {
            child->block = child->block->next;
            child->block_at = 0;
        }
    }
    if (!child->block || turn < TURN_BYTES) {
        end_pipe(&child->on_input, &child->input);
    }
}

static void clear_run(struct exec_child *child)
{
    end_pipe(&child->on_input, &child->input);
    end_pipe(&child->on_output, &child->output);
    end_pipe(&child->on_exit, &child->pidfd);
    evtimer_del(child->deadline);
    child->pid = 0;
}

static void tell(struct exec_child *child, const struct carrier_outcome *outcome)
{
    clear_run(child);
    child->done(child->context, outcome);
}

static void give_reason(const struct exec_child *child, int status, struct carrier_outcome *outcome)
{
    if (child->killed) {
        snprintf(outcome->reason, sizeof(outcome->reason), "took longer than %llu ms",
                 (unsigned long long)child->deadline_ms);
    } else if (WIFSIGNALED(status)) {
        snprintf(outcome->reason, sizeof(outcome->reason), "ended by signal %d", WTERMSIG(status));
    } else {
        snprintf(outcome->reason, sizeof(outcome->reason), "exits with %d", WEXITSTATUS(status));
    }
}

static void exit_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct exec_child *child = context;
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid) {
        return;
    }
    if (child->output >= 0) {
        read_output(child);
    }
    log_output_line(child);
    if (child->lines_left_out > 0) {
        log_line(LOG_LEVEL_WARNING, "program says more", "exec", child->name, "lines",
                 log_text("%u", child->lines_left_out), NULL);
    }
    struct carrier_outcome outcome = {
        .delivered = WIFEXITED(status) && WEXITSTATUS(status) == 0,
        .offset = child->bytes->length,
        .sent = child->written,
    };
    if (!outcome.delivered) {
        outcome.in_doubt = true;
        give_reason(child, status, &outcome);
    }
    tell(child, &outcome);
}

static void deadline_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct exec_child *child = context;
    child->killed = true;
    kill(-child->pid, SIGKILL);
}

/* The program in a group of its own, with no signal blocked or ignored. Returns errno. */
static int spawn(struct exec_child *child, int input, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int error = posix_spawnp(&child->pid, child->arguments[0], &actions, &attributes,
                             child->arguments, child->environment ? child->environment : environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool watch(struct exec_child *child)
{
    const struct timeval limit = {.tv_sec = (time_t)(child->deadline_ms / 1000),
                                  .tv_usec = (suseconds_t)(child->deadline_ms % 1000) * 1000};
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd < 0) {
        return false;
    }
    child->on_input =
        event_new(child->base, child->input, EV_WRITE | EV_PERSIST, input_event, child);
    child->on_output =
        event_new(child->base, child->output, EV_READ | EV_PERSIST, output_event, child);
    child->on_exit = event_new(child->base, child->pidfd, EV_READ | EV_PERSIST, exit_event, child);
    return child->on_input && child->on_output && child->on_exit &&
           event_add(child->on_input, NULL) == 0 && event_add(child->on_output, NULL) == 0 &&
           event_add(child->on_exit, NULL) == 0 && evtimer_add(child->deadline, &limit) == 0;
}

static void kill_run(struct exec_child *child)
{
    if (child->pid > 0) {
        kill(-child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    clear_run(child);
}

/* Pipes, the program, events. Returns errno. */
static int begin(struct exec_child *child)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0) {
        return errno;
    }
    if (pipe2(out, O_CLOEXEC) != 0) {
        int error = errno;
        close(in[0]);
        close(in[1]);
        return error;
    }
    child->input = in[1];
    child->output = out[0];
    fcntl(child->input, F_SETFL, O_NONBLOCK);
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    int error = spawn(child, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    if (error != 0) {
        child->pid = 0;
        return error;
    }
    if (!watch(child)) {
        error = errno != 0 ? errno : ENOMEM;
        kill_run(child);
    }
    return error;
}

static void run_for_window(struct carrier *carrier, const struct blocks *bytes, size_t offset)
{
    struct exec_child *child = (struct exec_child *)carrier;
    (void)offset; /* a window is given once, as a whole */
    child->bytes = bytes;
    child->block = bytes->first;
    child->block_at = 0;
    child->written = 0;
    child->killed = false;
    child->line_length = 0;
    child->lines = 0;
    child->lines_left_out = 0;
    int error = begin(child);
    if (error != 0) {
        struct carrier_outcome outcome = {0};
        snprintf(outcome.reason, sizeof(outcome.reason), "%.80s: %s", child->arguments[0],
                 strerror(error));
        tell(child, &outcome);
    }
}

static void free_child(struct carrier *carrier)
{
    struct exec_child *child = (struct exec_child *)carrier;
    if (child->deadline) {
        kill_run(child);
        event_free(child->deadline);
    }
    for (char **argument = child->arguments; argument && *argument; argument++) {
        free(*argument);
    }
    free(child->arguments);
    free(child->name);
    free(child);
}

static const struct carrier_ops exec_ops = {.send = run_for_window, .free = free_child};

struct carrier *exec_child_new(const struct exec_options *options, struct event_base *base,
                               carrier_done *done, void *context)
{
    struct exec_child *child = calloc(1, sizeof(*child));
    if (!child) {
        return NULL;
    }
    child->carrier.ops = &exec_ops;
    child->base = base;
    child->done = done;
    child->context = context;
    child->deadline_ms = options->deadline_ms;
    child->environment = options->environment;
    child->input = child->output = child->pidfd = -1;
    child->deadline = evtimer_new(base, deadline_event, child);
    child->name = strdup(options->name);
    child->arguments = calloc(options->count + 1, sizeof(char *));
    bool made = child->deadline && child->name && child->arguments;
    for (size_t i = 0; made && i < options->count; i++) {
        child->arguments[i] = strdup(options->arguments[i]);
        made = child->arguments[i] != NULL;
    }
    if (!made) {
        free_child(&child->carrier);
        return NULL;
    }
    return &child->carrier;
}
