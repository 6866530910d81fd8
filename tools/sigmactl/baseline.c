/* SPDX-License-Identifier: MIT
 *
 * sigmactl baseline: takes a run of measurements into a baseline file, or holds one against it.
 * This file reads the options; baseline_job.h does the work.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/glob.h"
#include "config/units.h"
#include "tools/sigmactl/baseline_better.h"
#include "tools/sigmactl/baseline_check.h"
#include "tools/sigmactl/baseline_job.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/glob_list.h"
#include "tools/sigmactl/options.h"

#define WINDOWS_MOST 1e6
#define DAY_MS 86400e3

static const struct baseline_job job_defaults = {
    .server = {ENDPOINT_TCP, "", OPTIONS_HTTP_PORT},
    .from = -(double)INFINITY,
    .to = (double)INFINITY,
    .level = BASELINE_LEVEL,
    .wishes = {.threshold = (double)NAN},
};

/* The end of a sentence that refuses an option, or NULL. */
static const char *find_fault(struct baseline_job *job)
{
    if (job->csv ? job->server.host[0] != '\0' : job->server.host[0] == '\0') {
        return "a run is read from --csv DIR or from --server HOST:PORT, one of them";
    }
    if (job->csv ? job->windows > 0 : isfinite(job->from) || isfinite(job->to)) {
        return "--windows is for --server, --from and --to are for --csv";
    }
    if (job->threshold && (!units_parse_percent(job->threshold, &job->wishes.threshold) ||
                           !(job->wishes.threshold > 0))) {
        return "--threshold is not a percentage such as 5%, above 0";
    }
    if (job->metric && glob_fault(job->metric)) {
        return "--metric is not a glob";
    }
    if (job->rules.statistics && glob_list_fault(job->rules.statistics)) {
        return "--statistics is not a list of globs";
    }
    if (job->wishes.better && baseline_better_fault(job->wishes.better)) {
        return "--better is not GLOB=lower, GLOB=higher or GLOB=none, several by comma";
    }
    return NULL;
}

/* What both subcommands take; `own` follows in the same array. */
static size_t fill_options(struct baseline_job *job, struct option_entry *entries,
                           const struct option_entry *own, size_t own_count)
{
    const struct option_entry shared[] = {
        {"csv", "DIR", "the run, from the server's CSV files", OPTION_TEXT, &job->csv, 0, 0},
        {"from", "TIME", "only windows that end then or later: 2026-11-28T07:00:00Z, -10m",
         OPTION_STAMP, &job->from, 0, 0},
        {"to", "TIME", "only windows that end then or before", OPTION_STAMP, &job->to, 0, 0},
        {"server", "HOST:PORT", "the run, from the next windows of a running server", OPTION_SERVER,
         &job->server, 0, 0},
        {"windows", "N", "so many of them (default 60)", OPTION_COUNT, &job->windows,
         BASELINE_WINDOWS_MIN, WINDOWS_MOST},
        {"skip", "TIME", "leave out so much of the run's beginning (default 0)", OPTION_DURATION,
         &job->skip_ms, 0, 365 * DAY_MS},
        {"metric", "GLOB", "only series of such names", OPTION_TEXT, &job->metric, 0, 0},
        {"statistics", "GLOBS",
         "only such statistics, by comma (default: rates of counters, values of\n"
         "gauges, mean, p50, p95 and p99 of timers, and what is in the file)",
         OPTION_TEXT, &job->rules.statistics, 0, 0},
        {"better", "GLOB=WAY,…",
         "whether lower or higher is better, or none, by name (default: as\n"
         "anomalies take it: timers lower, errors lower, throughput higher)",
         OPTION_TEXT, &job->wishes.better, 0, 0},
        {"threshold", "N%", "change from which on a run is worse (default: the file's, or 5%)",
         OPTION_TEXT, &job->threshold, 0, 0},
    };
    size_t count = sizeof(shared) / sizeof(shared[0]);
    memcpy(entries, shared, sizeof(shared));
    memcpy(entries + count, own, own_count * sizeof(*own));
    return count + own_count;
}

/* Reads options and file; the job is done where *status stays STATUS_OK and true comes back. */
static bool parse(struct baseline_job *job, struct options *options, const struct option_entry *own,
                  size_t own_count, int argc, char **argv, int *status)
{
    struct option_entry entries[OPTIONS_MAX];
    options->count = fill_options(job, entries, own, own_count);
    options->entries = entries;
    job->path = options_parse_operand(options, argc, argv, "baseline file", status);
    const char *fault = job->path ? find_fault(job) : NULL;
    if (fault) {
        *status = options_refuse(options, "%s", fault);
    }
    return job->path && !fault;
}

static int command_update(int argc, char **argv)
{
    struct baseline_job job = job_defaults;
    const struct option_entry own[] = {
        {"reset", NULL, "forget the runs before, of every statistic of this one", OPTION_FLAG,
         &job.reset, 0, 0},
        {"config", "FILE", "whose [anomaly] globs tell new names (default: where sigmad looks)",
         OPTION_TEXT, &job.config_path, 0, 0},
    };
    struct options options = {
        .command = "baseline update",
        .operands = "FILE",
        .summary =
            "Takes a run into a baseline file, which is made where it is missing: mean, noise and\n"
            "windows of each statistic join its history, its target follows the exponentially\n"
            "weighted mean of the runs, and its limits the target, unless a person pinned them.",
        .example = "sigmactl baseline update perf.json --csv data --skip 30s",
    };
    int status;
    return parse(&job, &options, own, sizeof(own) / sizeof(own[0]), argc, argv, &status)
               ? baseline_job_update(&job)
               : status;
}

static int command_check(int argc, char **argv)
{
    struct baseline_job job = job_defaults;
    const struct option_entry own[] = {
        {"level", "P", "chance that noise alone fails a check (default 0.005)", OPTION_NUMBER,
         &job.level, 1e-9, 0.5},
        {"allow-missing", NULL, "statistics of the file that the run has not are no failure",
         OPTION_FLAG, &job.allow_missing, 0, 0},
        {"all", NULL, "show also what is as it was", OPTION_FLAG, &job.all, 0, 0},
        {"json", NULL, "print JSON", OPTION_FLAG, &job.json, 0, 0},
        {"markdown", "FILE", "write the table there as Markdown too", OPTION_TEXT, &job.markdown, 0,
         0},
    };
    struct options options = {
        .command = "baseline check",
        .operands = "FILE",
        .summary =
            "Holds a run against a baseline file and prints what differs. A statistic is worse\n"
            "where it is beyond the threshold and by more than noise explains, within the run and\n"
            "between those of the file. Exit status 0 where none is, 3 where one is, 1 where that\n"
            "cannot be told: the file is damaged, the run empty, or a statistic missing from it.",
        .example = "sigmactl baseline check perf.json --csv data --skip 30s --markdown perf.md",
    };
    int status;
    return parse(&job, &options, own, sizeof(own) / sizeof(own[0]), argc, argv, &status)
               ? baseline_job_check(&job)
               : status;
}

int command_baseline(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "update") == 0) {
        return command_update(argc - 1, argv + 1);
    }
    if (strcmp(word, "check") == 0) {
        return command_check(argc - 1, argv + 1);
    }
    bool asked = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
    fprintf(asked ? stdout : stderr, "usage: sigmactl baseline update FILE [OPTION]...\n"
                                     "       sigmactl baseline check FILE [OPTION]...\n"
                                     "Each with --help tells about itself.\n");
    return asked ? STATUS_OK : STATUS_USAGE;
}
