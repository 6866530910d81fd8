/* SPDX-License-Identifier: MIT
 *
 * The command line of sigmad. Exit status: 0 clean stop, 1 could not run, 2 bad usage or
 * configuration.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "server/core/log.h"
#include "server/daemon.h"
#include "server/profiling.h"
#include "server/settings.h"
#include "server/sinks.h"

#define OVERRIDES_MAX 256

/* How long the end waits for standard error to take the last lines. */
#define LOG_STOP_MS 2000

static const char usage[] =
    "usage: sigmad [-c FILE] [--set SECTION.KEY=VALUE]... [--check] [--version] [--help]\n"
    "\n"
    "A StatsD server: aggregates metrics that arrive over UDP, writes CSV, serves Prometheus,\n"
    "and calls out odd windows.\n"
    "\n"
    "  -c, --config FILE        read FILE (default: ./statsd.ini, then /etc/sigmad/statsd.ini)\n"
    "      --set SECTION.KEY=VALUE   set a key, over the environment and the file\n"
    "      --check              check the configuration and exit\n"
    "      --document           print a statsd.ini with every key and its default, and exit\n"
    "      --version            print the version and exit\n"
    "      --help               print this and exit\n"
    "\n"
    "Every key can also be set by the environment: SIGMAD_<SECTION>_<KEY>.\n"
    "Signals: TERM, INT stop (nothing received is lost); HUP reloads and reopens files.\n";

struct command_line {
    struct config_sources sources;
    const char *overrides[OVERRIDES_MAX];
    bool check;
};

enum { OPTION_SET = 256, OPTION_CHECK, OPTION_DOCUMENT, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"document", no_argument, NULL, OPTION_DOCUMENT},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void refuse_usage(const char *why, const char *what)
{
    fprintf(stderr, "sigmad: %s%s\n\n%s", why, what, usage);
    exit(2);
}

static void add_override(struct command_line *line, const char *text)
{
    if (line->sources.override_count == OVERRIDES_MAX) {
        refuse_usage("too many --set", "");
    }
    line->overrides[line->sources.override_count++] = text;
}

static void read_command_line(struct command_line *line, int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            line->sources.path = optarg;
            break;
        case OPTION_SET:
            add_override(line, optarg);
            break;
        case OPTION_CHECK:
            line->check = true;
            break;
        case OPTION_DOCUMENT:
            config_write_documented(stdout);
            exit(0);
        case OPTION_VERSION:
            puts("sigmad " SIGMAD_VERSION);
            exit(0);
        case OPTION_HELP:
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        refuse_usage("unexpected argument ", argv[optind]);
    }
}

static void log_notes(char *notes)
{
    char *rest = notes;
    for (char *note = strtok_r(rest, "\n", &rest); note; note = strtok_r(rest, "\n", &rest)) {
        log_line(LOG_LEVEL_INFO, "configuration", "note", note, NULL);
    }
}

/* What the configuration itself cannot tell, and with it the verdict on the whole. */
static bool check_sinks(const struct config *config, const char *file)
{
    char reason[256];
    bool right = sinks_check(config, reason, sizeof(reason));
    if (right) {
        printf("%s: ok\n", file ? file : "defaults");
    } else {
        fprintf(stderr, "%s: %s\n", file ? file : "defaults", reason);
    }
    return right;
}

int main(int argc, char **argv)
{
    extern char **environ;
    struct command_line line = {.sources = {.environment = environ}};
    line.sources.overrides = line.overrides;
    read_command_line(&line, argc, argv);
    char *notes = NULL;
    size_t length = 0;
    FILE *note_stream = open_memstream(&notes, &length);
    struct mapper mapper;
    struct config *config = settings_load(&line.sources, stderr, note_stream, &mapper);
    if (note_stream) {
        fclose(note_stream);
    }
    if (!config) {
        free(notes);
        return 2;
    }
    log_set_level(config->log.level);
    if (!line.check) {
        profiling_begin(config, argv);
    }
    if (!line.check && !log_start()) {
        fputs("sigmad: the log's thread cannot be started\n", stderr);
        free(notes);
        mapper_close(&mapper);
        config_free(config);
        return 1;
    }
    log_notes(notes);
    free(notes);
    if (line.check) {
        bool right = check_sinks(config, config_find_file(line.sources.path));
        mapper_close(&mapper);
        config_free(config);
        return right ? 0 : 2;
    }
    int status = daemon_run(config, mapper, &line.sources);
    log_stop(LOG_STOP_MS);
    return status;
}
