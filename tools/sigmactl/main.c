/* SPDX-License-Identifier: MIT
 *
 * sigmactl: the command line beside the server. This file only knows the table of commands.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "tools/sigmactl/commands.h"

struct command {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"parse", "standard input to one JSON object a metric, by the server's own parser",
     command_parse},
    {"send", "send metrics given as arguments or as lines on standard input", command_send},
    {"time", "run a command and send how long it took", command_time},
    {"load", "generate load at a rate and print exactly what was sent", command_load},
    {"bench", "time the server's own pipeline in this process", command_bench},
    {"snapshot", "the last closed window of a running server, as JSON or a table",
     command_snapshot},
    {"explain", "what a line parses to, and every name it comes out under", command_explain},
    {"record", "capture datagrams in a file", command_record},
    {"replay", "repeat a recording, to CSV files or to a server", command_replay},
    {"import", "a statsd.ini from an etsy, brubeck or statsd_exporter configuration",
     command_import},
    {"baseline", "hold a run against those before it, for CI", command_baseline},
    {"shadow", "compare what two servers flush of the same traffic", command_shadow},
    {"backtest", "a CSV, or the server's own logs, through the server's own detector",
     command_backtest},
    {"profile", "a CPU or heap profile of a running server, as a flame graph", command_profile},
    {"report", "what changed, what was lost and what to do, from a server or its CSV logs",
     command_report},
    {"trend", "what rises and falls, of a server's history or its CSV logs", command_trend},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
    fprintf(out, "usage: sigmactl COMMAND [ARGUMENT]...\n\ncommands:\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out, "\n"
                 "options:\n"
                 "  --help     this text; sigmactl COMMAND --help tells about one command\n"
                 "  --version  the version\n"
                 "\n"
                 "Exit status: 0 done, 1 it could not be done, 2 bad usage, 3 a check says no.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* Letters to change; none where the word is only cut short. */
static size_t distance(const char *word, const struct command *command)
{
    bool starts = word[0] != '\0' && strncmp(command->name, word, strlen(word)) == 0;
    return starts ? 0 : suggest_distance(word, command->name);
}

static const struct command *nearest_command(const char *word)
{
    const struct command *nearest = &commands[0];
    for (size_t i = 1; i < COMMANDS; i++) {
        if (distance(word, &commands[i]) < distance(word, nearest)) {
            nearest = &commands[i];
        }
    }
    return nearest;
}

static int refuse_command(const char *name)
{
    fprintf(stderr,
            "sigmactl: there is no command `%s`; the nearest one is `%s`, and --help lists all\n",
            name, nearest_command(name)->name);
    return STATUS_USAGE;
}

/* Results that could not be written must not pass for success, whatever the command returned. */
static int finish_output(int status)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || failed) {
        perror("sigmactl: standard output");
        return status == STATUS_OK ? STATUS_FAILED : status;
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return finish_output(STATUS_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("sigmactl %s\n", SIGMAD_VERSION);
        return finish_output(STATUS_OK);
    }
    const struct command *command = find_command(argv[1]);
    return command ? finish_output(command->run(argc - 1, argv + 1)) : refuse_command(argv[1]);
}
