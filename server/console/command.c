/* SPDX-License-Identifier: MIT */
#include "server/console/command.h"

#include <string.h>

static const char blanks[] = " \t\r\v\f";

static const struct {
    const char *word;
    enum command_verb verb;
    enum metric_kind kind;
} verbs[] = {
    {"help", COMMAND_HELP, 0},
    {"stats", COMMAND_STATS, 0},
    {"counters", COMMAND_SHOW, METRIC_COUNTER},
    {"gauges", COMMAND_SHOW, METRIC_GAUGE},
    {"timers", COMMAND_SHOW, METRIC_TIMER},
    {"delcounters", COMMAND_DELETE, METRIC_COUNTER},
    {"delgauges", COMMAND_DELETE, METRIC_GAUGE},
    {"deltimers", COMMAND_DELETE, METRIC_TIMER},
    {"health", COMMAND_HEALTH, 0},
    {"config", COMMAND_CONFIG, 0},
    {"quit", COMMAND_QUIT, 0},
};

struct command console_command_parse(char *line)
{
    struct command command = {.verb = COMMAND_UNKNOWN};
    if (strstr(line, " HTTP/1.")) {
        command.verb = COMMAND_HTTP;
        return command;
    }
    char *rest = NULL;
    const char *first = strtok_r(line, blanks, &rest);
    for (size_t i = 0; first && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(first, verbs[i].word) == 0) {
            command.verb = verbs[i].verb;
            command.kind = verbs[i].kind;
        }
    }
    char *word;
    while (first && (word = strtok_r(NULL, blanks, &rest))) {
        if (command.count == REMOVAL_NAMES_MAX) {
            command.verb = COMMAND_UNKNOWN;
            break;
        }
        command.words[command.count++] = word;
    }
    return command;
}
