/* SPDX-License-Identifier: MIT */
#include "server/console/console.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/console/conversation.h"
#include "server/core/log.h"
#include "server/net/tcp.h"

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct console *console = context;
    struct ingest_figures figures;
    uint64_t lines = 0;
    console->options.ingest(console->options.context, &figures);
    for (size_t i = 0; i < TRANSPORTS; i++) {
        lines += figures.lines_received[i];
    }
    if (lines > console->lines_received) {
        console->lines_received = lines;
        console->line_seen_ns = clock_monotonic_ns(console->options.clock);
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int length, void *context)
{
    (void)listener;
    (void)peer;
    (void)length;
    struct console *console = context;
    if (console->conversation_count == CONSOLE_CONNECTIONS_MAX) {
        log_line(LOG_LEVEL_DEBUG, "console connection refused", "reason", "too many", NULL);
        close(fd);
        return;
    }
    conversation_begin(console, fd);
}

static bool listen_on(struct console *console, const char *text, char *reason, size_t reason_size)
{
    struct address address;
    char why[256];
    int fd = -1;
    if (address_resolve(text, SOCK_STREAM, &address, why, sizeof(why))) {
        fd = tcp_listen(&address, why, sizeof(why));
    }
    if (fd < 0) {
        snprintf(reason, reason_size, "console.listen: %s", why);
        return false;
    }
    struct evconnlistener *listener = evconnlistener_new(
        console->options.base, on_accept, console,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 0, fd);
    if (!listener) {
        snprintf(reason, reason_size, "out of memory");
        close(fd);
        return false;
    }
    console->listeners[console->listener_count++] = listener;
    return true;
}

struct console *console_new(const struct console_options *options, char *reason, size_t reason_size)
{
    const struct config_strings *addresses = &options->config->console.listen;
    const struct timeval second = {.tv_sec = 1};
    struct console *console = calloc(1, sizeof(*console));
    snprintf(reason, reason_size, "out of memory");
    if (!console) {
        return NULL;
    }
    console->options = *options;
    console->line_seen_ns = options->started_ns;
    console->tick = event_new(options->base, -1, EV_PERSIST, on_tick, console);
    bool whole = console->tick && event_add(console->tick, &second) == 0;
    for (size_t i = 0; whole && i < addresses->count && i < CONSOLE_LISTENERS_MAX; i++) {
        whole = listen_on(console, addresses->items[i], reason, reason_size);
    }
    if (!whole) {
        console_free(console);
        return NULL;
    }
    return console;
}

void console_addresses(const struct console *console, char *out, size_t out_size)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < console->listener_count && length < out_size; i++) {
        struct sockaddr_storage bound = {0};
        socklen_t size = sizeof(bound);
        char text[ADDRESS_TEXT_MAX] = "?";
        if (getsockname(evconnlistener_get_fd(console->listeners[i]), (struct sockaddr *)&bound,
                        &size) == 0) {
            address_format((const struct sockaddr *)&bound, text);
        }
        length += (size_t)snprintf(out + length, out_size - length, "%s%s", i > 0 ? "," : "", text);
    }
}

void console_wake(struct console *console)
{
    conversations_wake(console);
}

void console_configure(struct console *console, const struct config *config)
{
    console->options.config = config;
}

void console_free(struct console *console)
{
    if (!console) {
        return;
    }
    for (size_t i = 0; i < console->listener_count; i++) {
        evconnlistener_free(console->listeners[i]);
    }
    conversations_end(console);
    if (console->tick) {
        event_free(console->tick);
    }
    free(console);
}
