/* SPDX-License-Identifier: MIT */
#include "server/console/conversation.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/console/command.h"
#include "server/console/dump.h"
#include "server/flush/removal.h"

struct conversation {
    struct conversation *next;
    struct console *console;
    struct bufferevent *stream; /* NULL: the peer is gone, only the removal is waited for */
    bool viewing;               /* waits for the flusher, for this ticket */
    uint64_t ticket;
    bool dumping;
    struct dump dump;
    struct removal *removal; /* the flusher's until it is done; NULL = none */
    bool ending;             /* once everything is written */
};

static void free_conversation(struct conversation *conversation)
{
    struct conversation **link = &conversation->console->first;
    while (*link != conversation) {
        link = &(*link)->next;
    }
    *link = conversation->next;
    conversation->console->conversation_count--;
    if (conversation->stream) {
        bufferevent_free(conversation->stream);
    }
    snapshot_unref(conversation->dump.snapshot);
    removal_free(conversation->removal);
    free(conversation);
}

/* What the flusher works on stays until it is done. */
static void hang_up(struct conversation *conversation)
{
    if (conversation->removal) {
        bufferevent_free(conversation->stream);
        conversation->stream = NULL;
    } else {
        free_conversation(conversation);
    }
}

static struct evbuffer *output(const struct conversation *conversation)
{
    return bufferevent_get_output(conversation->stream);
}

static void say(struct conversation *conversation, const char *text)
{
    evbuffer_add(output(conversation), text, strlen(text));
}

static void say_buffer(struct conversation *conversation, struct buffer *buffer)
{
    evbuffer_add(output(conversation), buffer->bytes, buffer->length);
    if (buffer->failed) {
        say(conversation, "ERROR\n");
    }
    buffer_deinit(buffer);
}

static void answer_stats(struct conversation *conversation)
{
    const struct console_options *options = &conversation->console->options;
    uint64_t now = clock_monotonic_ns(options->clock);
    struct ingest_figures figures;
    options->ingest(options->context, &figures);
    evbuffer_add_printf(
        output(conversation),
        "uptime: %llu\nmessages.last_msg_seen: %llu\nmessages.bad_lines_seen: %llu\n",
        (unsigned long long)((now - options->started_ns) / 1000000000),
        (unsigned long long)((now - conversation->console->line_seen_ns) / 1000000000),
        (unsigned long long)ingest_lines_rejected(&figures));
    for (size_t i = 0; i < options->sink_count; i++) {
        struct sink *sink = options->sinks[i];
        struct sink_figures sent;
        sink->ops->figures(sink, &sent);
        evbuffer_add_printf(output(conversation),
                            "%s.errors: %llu\n%s.windows_lost: %llu\n%s.bytes_sent: %llu\n",
                            sink->ops->name, (unsigned long long)sent.errors, sink->ops->name,
                            (unsigned long long)sent.windows_lost, sink->ops->name,
                            (unsigned long long)sent.bytes_sent);
    }
    say(conversation, "END\n\n");
}

static void answer_health(struct conversation *conversation, const struct command *command)
{
    struct console *console = conversation->console;
    if (command->count > 0 && strcasecmp(command->words[0], "up") == 0) {
        console->unhealthy = false;
    } else if (command->count > 0 && strcasecmp(command->words[0], "down") == 0) {
        console->unhealthy = true;
    }
    say(conversation, console->unhealthy ? "health: down\n" : "health: up\n");
}

static void answer_config(struct conversation *conversation)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out) {
        config_write_effective(conversation->console->options.config, out);
        fclose(out);
    }
    say(conversation, "\n");
    evbuffer_add(output(conversation), text, text ? length : 0);
    say(conversation, "\nEND\n\n");
    free(text);
}

static void begin_removal(struct conversation *conversation, const struct command *command)
{
    if (command->count == 0) {
        say(conversation, "END\n\n");
        return;
    }
    conversation->removal = removal_new(command->kind, command->words, command->count);
    if (conversation->removal) {
        flusher_remove(conversation->console->options.flusher, conversation->removal);
    } else {
        say(conversation, "ERROR\n");
    }
}

static void begin_dump(struct conversation *conversation, const struct command *command)
{
    conversation->dump = (struct dump){.kind = command->kind};
    conversation->viewing = true;
    conversation->ticket = flusher_ask(conversation->console->options.flusher, FLUSHER_VIEW);
}

static void run(struct conversation *conversation, char *line)
{
    struct command command = console_command_parse(line);
    switch (command.verb) {
    case COMMAND_HELP:
        say(conversation, "Commands: stats, counters, timers, gauges, delcounters, deltimers, "
                          "delgauges, health, config, quit\n\n");
        break;
    case COMMAND_STATS:
        answer_stats(conversation);
        break;
    case COMMAND_SHOW:
        begin_dump(conversation, &command);
        break;
    case COMMAND_DELETE:
        begin_removal(conversation, &command);
        break;
    case COMMAND_HEALTH:
        answer_health(conversation, &command);
        break;
    case COMMAND_CONFIG:
        answer_config(conversation);
        break;
    case COMMAND_QUIT:
        conversation->ending = true;
        break;
    case COMMAND_HTTP:
        conversation->ending = true;
        say(conversation, "ERROR\n");
        break;
    default:
        say(conversation, "ERROR\n");
        break;
    }
}

/* Takes in what the flusher has answered. */
static void look(struct conversation *conversation)
{
    struct flusher *flusher = conversation->console->options.flusher;
    struct removal *removal = conversation->removal;
    if (removal && atomic_load_explicit(&removal->done, memory_order_acquire)) {
        say_buffer(conversation, &removal->answer);
        say(conversation, "END\n\n");
        removal_free(removal);
        conversation->removal = NULL;
    }
    if (conversation->viewing &&
        flusher_answered(flusher, FLUSHER_VIEW, conversation->ticket, NULL)) {
        conversation->viewing = false;
        conversation->dumping = true;
        conversation->dump.snapshot = flusher_latest(flusher);
    }
}

static void go_on_dumping(struct conversation *conversation)
{
    struct buffer piece = {0};
    bool finished = dump_write(&conversation->dump, &piece, CONSOLE_OUTPUT_MAX);
    conversation->ending |= piece.failed;
    say_buffer(conversation, &piece);
    if (finished) {
        say(conversation, "END\n\n");
        snapshot_unref(conversation->dump.snapshot);
        conversation->dump.snapshot = NULL;
        conversation->dumping = false;
    }
}

/* The next command; false while there is none. */
static bool next_command(struct conversation *conversation)
{
    struct evbuffer *input = bufferevent_get_input(conversation->stream);
    size_t length = 0;
    char *line = evbuffer_readln(input, &length, EVBUFFER_EOL_CRLF);
    if (length > CONSOLE_LINE_MAX || (!line && evbuffer_get_length(input) > CONSOLE_LINE_MAX)) {
        say(conversation, "ERROR\n");
        conversation->ending = true;
    } else if (line) {
        run(conversation, line);
    }
    bool taken = line != NULL;
    free(line);
    return taken;
}

static bool waits(const struct conversation *conversation)
{
    return conversation->viewing || conversation->removal;
}

/* Does what can be done, until something has to be waited for. May free the conversation. */
static void proceed(struct conversation *conversation)
{
    bool more = true;
    while (more && !conversation->ending && !waits(conversation) &&
           evbuffer_get_length(output(conversation)) < CONSOLE_OUTPUT_MAX) {
        if (conversation->dumping) {
            go_on_dumping(conversation);
        } else {
            more = next_command(conversation);
        }
    }
    size_t unwritten = evbuffer_get_length(output(conversation));
    if (conversation->ending && unwritten == 0) {
        hang_up(conversation);
    } else if (conversation->ending || waits(conversation) || unwritten >= CONSOLE_OUTPUT_MAX) {
        bufferevent_disable(conversation->stream, EV_READ);
    } else {
        bufferevent_enable(conversation->stream, EV_READ);
    }
}

static void on_read(struct bufferevent *stream, void *context)
{
    (void)stream;
    proceed(context);
}

/* Errors, the peer's end, idleness. Who only closes his sending side still gets his answers. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
    struct conversation *conversation = context;
    bool busy = waits(conversation) || conversation->dumping ||
                evbuffer_get_length(bufferevent_get_output(stream)) > 0;
    if (what & BEV_EVENT_EOF && busy) {
        bufferevent_disable(stream, EV_READ);
    } else {
        hang_up(conversation);
    }
}

void conversation_begin(struct console *console, int fd)
{
    const struct timeval idle = {.tv_sec = CONSOLE_IDLE_SECONDS};
    struct conversation *conversation = calloc(1, sizeof(*conversation));
    struct bufferevent *stream =
        conversation ? bufferevent_socket_new(console->options.base, fd, BEV_OPT_CLOSE_ON_FREE)
                     : NULL;
    if (!stream) {
        free(conversation);
        close(fd);
        return;
    }
    conversation->console = console;
    conversation->stream = stream;
    conversation->next = console->first;
    console->first = conversation;
    console->conversation_count++;
    bufferevent_setcb(stream, on_read, on_read, on_event, conversation);
    bufferevent_setwatermark(stream, EV_READ, 0, CONSOLE_LINE_MAX + 2);
    bufferevent_set_timeouts(stream, &idle, &idle);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

void conversations_wake(struct console *console)
{
    struct conversation *next;
    for (struct conversation *conversation = console->first; conversation; conversation = next) {
        next = conversation->next;
        struct removal *removal = conversation->removal;
        if (conversation->stream && waits(conversation)) {
            look(conversation);
            proceed(conversation);
        } else if (!conversation->stream &&
                   atomic_load_explicit(&removal->done, memory_order_acquire)) {
            free_conversation(conversation);
        }
    }
}

void conversations_end(struct console *console)
{
    while (console->first) {
        free_conversation(console->first);
    }
}
