/* SPDX-License-Identifier: MIT
 *
 * One connection of the console: a command at a time, each answered before the next is begun, so
 * that answers come in order however the lines arrive. It is not read while it waits for the
 * flusher or for its answers to be taken. Main thread.
 */
#ifndef SERVER_CONSOLE_CONVERSATION_H
#define SERVER_CONSOLE_CONVERSATION_H

#include "server/console/console.h"

struct conversation;

#define CONSOLE_LISTENERS_MAX 8
#define CONSOLE_CONNECTIONS_MAX 32
#define CONSOLE_LINE_MAX 8192          /* bytes */
#define CONSOLE_OUTPUT_MAX (64 * 1024) /* bytes that wait to be taken before more are made */
#define CONSOLE_IDLE_SECONDS 300       /* of a peer that neither sends nor takes */

struct console {
    struct console_options options;
    struct evconnlistener *listeners[CONSOLE_LISTENERS_MAX];
    size_t listener_count;
    struct event *tick; /* every second */
    struct conversation *first;
    size_t conversation_count;
    uint64_t lines_received;
    uint64_t line_seen_ns; /* when they were last seen to have become more; at first the start */
    bool unhealthy;        /* said so by `health down` */
};

/* Takes the socket over; closes it without memory. */
void conversation_begin(struct console *console, int fd);

/* Goes on with those that waited for the flusher. */
void conversations_wake(struct console *console);

void conversations_end(struct console *console);

#endif
