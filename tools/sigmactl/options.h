/* SPDX-License-Identifier: MIT
 *
 * The options of a command, as a table from which both parsing (getopt_long) and --help come. What
 * each entry points to holds the default when parsing starts. One thread; no allocation.
 */
#ifndef TOOLS_SIGMACTL_OPTIONS_H
#define TOOLS_SIGMACTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sigmactl/endpoint.h"

#define OPTIONS_MAX 24

#define OPTIONS_STATSD_PORT "8125"
#define OPTIONS_HTTP_PORT "9102"

enum option_kind {
    OPTION_FLAG,     /* bool; takes no argument */
    OPTION_TEXT,     /* const char * */
    OPTION_COUNT,    /* uint64_t: a whole number from minimum to maximum, 1e6 is one */
    OPTION_NUMBER,   /* double, from minimum to maximum */
    OPTION_DURATION, /* uint64_t in ms, from minimum to maximum: 500ms 10s 5m 1h */
    OPTION_STAMP,    /* double, Unix seconds: 1764316800 2026-11-28T07:00:00Z -1h now */
    OPTION_TARGET,   /* struct endpoint: where StatsD lines are sent, any transport */
    OPTION_SERVER,   /* struct endpoint: host:port of the server's HTTP, with or without http:// */
};

struct option_entry {
    const char *name;     /* without its dashes; one letter has the short form -x */
    const char *argument; /* as the help names it; NULL for a flag */
    const char *help;     /* with the default; lines parted by LF */
    enum option_kind kind;
    void *value;
    double minimum, maximum;
};

struct options {
    const char *command;
    const char *operands; /* the part of the usage line behind the options; may be empty */
    const char *summary;  /* one or more lines, without a closing LF */
    const char *example;  /* likewise */
    const struct option_entry *entries;
    size_t count; /* at most OPTIONS_MAX */
};

/* Reads the options before, between and behind the operands, which it moves to the end of argv.
 * Returns the index of the first operand; or, when the command has to end, -1 with its exit status
 * in *status: after --help, which is written to standard output, or a fault, which is told on
 * standard error. */
int options_parse(const struct options *options, int argc, char **argv, int *status);

/* The same for a command without operands, which are refused. False when the command has to end. */
bool options_parse_only(const struct options *options, int argc, char **argv, int *status);

/* The same for a command with exactly one operand, which is returned, of argv; NULL when the
 * command has to end. `noun` names the operand where it is missing or not alone: "file". */
const char *options_parse_operand(const struct options *options, int argc, char **argv,
                                  const char *noun, int *status);

/* Tells a fault of usage on standard error, with a hint at --help, and returns the exit status for
 * it. */
int options_refuse(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
