/* SPDX-License-Identifier: MIT
 *
 * A line of the console: a command of etsy statsd's, and what stands behind it.
 */
#ifndef SERVER_CONSOLE_COMMAND_H
#define SERVER_CONSOLE_COMMAND_H

#include <stddef.h>

#include "server/flush/removal.h"
#include "server/metrics/identity.h"

enum command_verb {
    COMMAND_UNKNOWN, /* also one with more than REMOVAL_NAMES_MAX words */
    COMMAND_HELP,
    COMMAND_STATS,
    COMMAND_SHOW,   /* the metrics of `kind` */
    COMMAND_DELETE, /* those of `kind` that are named */
    COMMAND_HEALTH,
    COMMAND_CONFIG,
    COMMAND_QUIT,
    COMMAND_HTTP /* no command: the head of a request, as a web page can have a browser send it */
};

struct command {
    enum command_verb verb;
    enum metric_kind kind;
    size_t count;
    char *words[REMOVAL_NAMES_MAX]; /* behind the command, pointing into the line */
};

/* Splits the line, which is changed, at blanks. */
struct command console_command_parse(char *line);

#endif
