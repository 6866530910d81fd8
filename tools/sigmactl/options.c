/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/options.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"
#include "proto/number.h"
#include "server/core/clock.h"
#include "server/core/require.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/stamp.h"

#define HELP_COLUMN_MAX 64

static const struct option_entry help_entry = {
    .name = "help", .help = "this text", .kind = OPTION_FLAG};

static bool is_letter(const struct option_entry *entry)
{
    return entry->name[1] == '\0';
}

static const char *dashes(const struct option_entry *entry)
{
    return is_letter(entry) ? "-" : "--";
}

/* The width of `--name ARGUMENT`, and its text where `out` is given. */
static int format_option(const struct option_entry *entry, char *out, size_t size)
{
    return snprintf(out, size, "%s%s%s%s", dashes(entry), entry->name, entry->argument ? " " : "",
                    entry->argument ? entry->argument : "");
}

static void print_option(const struct option_entry *entry, int width)
{
    char label[HELP_COLUMN_MAX];
    format_option(entry, label, sizeof(label));
    const char *line = entry->help;
    do {
        int length = (int)strcspn(line, "\n");
        printf("  %-*s  %.*s\n", width, label, length, line);
        label[0] = '\0';
        line += length;
    } while (*line++ == '\n');
}

static void print_indented(const char *text)
{
    do {
        int length = (int)strcspn(text, "\n");
        printf("  %.*s\n", length, text);
        text += length;
    } while (*text++ == '\n');
}

static void print_help(const struct options *options)
{
    printf("usage: sigmactl %s [OPTION]...%s%s\n\n%s\n\noptions:\n", options->command,
           options->operands[0] ? " " : "", options->operands, options->summary);
    int width = 0;
    for (size_t i = 0; i < options->count; i++) {
        int length = format_option(&options->entries[i], NULL, 0);
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < options->count; i++) {
        print_option(&options->entries[i], width);
    }
    print_option(&help_entry, width);
    printf("\nexample:\n");
    print_indented(options->example);
}

int options_refuse(const struct options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "sigmactl %s: ", options->command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "; see sigmactl %s --help\n", options->command);
    va_end(arguments);
    return STATUS_USAGE;
}

static const char *range_fault(const struct option_entry *entry, double value)
{
    static char fault[128];
    char low[NUMBER_TEXT_MAX], high[NUMBER_TEXT_MAX];
    if (value >= entry->minimum && value <= entry->maximum) {
        return NULL;
    }
    bool duration = entry->kind == OPTION_DURATION;
    if (duration) {
        units_format_duration(low, (uint64_t)entry->minimum);
        units_format_duration(high, (uint64_t)entry->maximum);
    } else {
        number_format(low, entry->minimum);
        number_format(high, entry->maximum);
    }
    snprintf(fault, sizeof(fault), "is not between %s and %s", low, high);
    return fault;
}

static const char *read_number(const struct option_entry *entry, const char *text)
{
    double number;
    if (!number_parse(text, strlen(text), &number)) {
        return "is not a number";
    }
    if (entry->kind == OPTION_COUNT && number != floor(number)) {
        return "is not a whole number";
    }
    const char *fault = range_fault(entry, number);
    if (!fault && entry->kind == OPTION_COUNT) {
        *(uint64_t *)entry->value = (uint64_t)number;
    } else if (!fault) {
        *(double *)entry->value = number;
    }
    return fault;
}

static const char *read_duration(const struct option_entry *entry, const char *text)
{
    uint64_t ms;
    if (!units_parse_duration(text, &ms)) {
        return "is not a duration such as 500ms, 10s, 5m or 1h";
    }
    const char *fault = range_fault(entry, (double)ms);
    if (!fault) {
        *(uint64_t *)entry->value = ms;
    }
    return fault;
}

static const char *read_stamp(const struct option_entry *entry, const char *text)
{
    double now = (double)clock_wall_ns(&clock_system) / 1e9;
    return stamp_parse_relative(text, now, entry->value)
               ? NULL
               : "is no time such as 2026-11-28T07:00:00Z, 1764316800, -1h or now";
}

static const char *read_server(const char *text, struct endpoint *server)
{
    static const char prefix[] = "http://";
    if (strncmp(text, prefix, strlen(prefix)) == 0) {
        text += strlen(prefix);
    }
    return strstr(text, "://") ? "has a scheme other than http"
                               : endpoint_parse(text, ENDPOINT_TCP, OPTIONS_HTTP_PORT, server);
}

/* NULL, or what is wrong with the argument as the end of a sentence. */
static const char *read_option(const struct option_entry *entry, const char *text)
{
    switch (entry->kind) {
    case OPTION_FLAG:
        *(bool *)entry->value = true;
        return NULL;
    case OPTION_TEXT:
        *(const char **)entry->value = text;
        return NULL;
    case OPTION_COUNT:
    case OPTION_NUMBER:
        return read_number(entry, text);
    case OPTION_DURATION:
        return read_duration(entry, text);
    case OPTION_STAMP:
        return read_stamp(entry, text);
    case OPTION_TARGET:
        return endpoint_parse(text, ENDPOINT_UDP, OPTIONS_STATSD_PORT, entry->value);
    case OPTION_SERVER:
        return read_server(text, entry->value);
    }
    return NULL;
}

/* Values of getopt_long(): an index into the table from FIRST_ENTRY on. */
enum { HELP = 1, FIRST_ENTRY = 256 };

static void fill_long_options(const struct options *options, struct option *table)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_entry *entry = &options->entries[i];
        table[i] = (struct option){.name = entry->name,
                                   .has_arg = entry->argument ? required_argument : no_argument,
                                   .val = FIRST_ENTRY + (int)i};
    }
    table[options->count] = (struct option){.name = help_entry.name, .val = HELP};
    table[options->count + 1] = (struct option){0};
}

/* The entries of one letter, which have a short form, behind h for help. */
static void fill_letters(const struct options *options, char *letters)
{
    size_t length = 0;
    letters[length++] = ':';
    letters[length++] = 'h';
    for (size_t i = 0; i < options->count; i++) {
        const struct option_entry *entry = &options->entries[i];
        if (is_letter(entry)) {
            letters[length++] = entry->name[0];
            letters[length] = ':';
            length += entry->argument != NULL;
        }
    }
    letters[length] = '\0';
}

/* NULL where getopt_long() has found a fault. */
static const struct option_entry *entry_of(const struct options *options, int choice)
{
    if (choice >= FIRST_ENTRY) {
        return &options->entries[choice - FIRST_ENTRY];
    }
    for (size_t i = 0; i < options->count; i++) {
        if (is_letter(&options->entries[i]) && options->entries[i].name[0] == choice) {
            return &options->entries[i];
        }
    }
    return NULL;
}

/* getopt_long() tells a bad option by ':' or '?', its letter or table value by optopt. */
static int refuse_option(const struct options *options, int choice, const char *word)
{
    if (choice == ':') {
        return options_refuse(options, "`%s` needs an argument", word);
    }
    if (optopt >= FIRST_ENTRY || optopt == HELP) {
        return options_refuse(options, "`%s` gives an argument to an option that takes none", word);
    }
    if (optopt != 0) {
        return options_refuse(options, "there is no option `-%c`", optopt);
    }
    return options_refuse(options, "there is no option `%s`", word);
}

int options_parse(const struct options *options, int argc, char **argv, int *status)
{
    struct option table[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 3];
    REQUIRE(options->count <= OPTIONS_MAX);
    fill_long_options(options, table);
    fill_letters(options, letters);
    int choice;
    optind = 0; /* glibc: starts afresh */
    while ((choice = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        if (choice == HELP || choice == 'h') {
            print_help(options);
            *status = STATUS_OK;
            return -1;
        }
        const struct option_entry *entry = entry_of(options, choice);
        if (!entry) {
            *status = refuse_option(options, choice, argv[optind - 1]);
            return -1;
        }
        const char *fault = read_option(entry, optarg);
        if (fault) {
            *status =
                options_refuse(options, "%s%s `%s` %s", dashes(entry), entry->name, optarg, fault);
            return -1;
        }
    }
    return optind;
}

bool options_parse_only(const struct options *options, int argc, char **argv, int *status)
{
    int first = options_parse(options, argc, argv, status);
    if (first < 0) {
        return false;
    }
    if (first < argc) {
        *status = options_refuse(options, "`%s` is one argument too many", argv[first]);
        return false;
    }
    return true;
}

const char *options_parse_operand(const struct options *options, int argc, char **argv,
                                  const char *noun, int *status)
{
    int first = options_parse(options, argc, argv, status);
    if (first < 0) {
        return NULL;
    }
    if (first == argc) {
        *status = options_refuse(options, "which %s?", noun);
        return NULL;
    }
    if (first + 1 < argc) {
        *status = options_refuse(options, "one %s only", noun);
        return NULL;
    }
    return argv[first];
}
