/* SPDX-License-Identifier: MIT
 *
 * sigmactl report: a report from a running server, which makes it itself, or from a folder of its
 * CSV logs; and the settings that it recommends, in a copy of a configuration file.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"
#include "server/http/report_json.h"
#include "server/report/write.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/http_fetch.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/report_apply.h"
#include "tools/sigmactl/report_csv.h"

#define TIMEOUT_S 60
#define HOUR_MS (3600 * UINT64_C(1000))
#define DAY_MS (24 * HOUR_MS)

enum form { FORM_MARKDOWN, FORM_HTML, FORM_JSON, FORMS };

struct wanted {
    struct endpoint server;
    const char *csv, *config, *out;
    const char *files[2]; /* for Markdown and for HTML; "-" is standard output */
    bool json, apply;
    uint64_t range_ms;
    double from, to;
    struct config *known; /* of --config, or the defaults */
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sigmactl report: %s: %s\n", what, why);
    return STATUS_FAILED;
}

static bool write_text(const char *path, const char *text, size_t length)
{
    if (strcmp(path, "-") == 0) {
        return fwrite(text, 1, length, stdout) == length;
    }
    FILE *file = fopen(path, "we");
    if (!file) {
        return false;
    }
    bool written = fwrite(text, 1, length, file) == length;
    return fclose(file) == 0 && written;
}

static int put(const char *path, const char *text, size_t length)
{
    return write_text(path, text, length) ? STATUS_OK : fail(path, strerror(errno));
}

/* Where a report may come from: both have it written in a form, into a buffer. */
struct source {
    int (*write)(const struct wanted *wanted, struct report *report, enum form form,
                 struct buffer *out);
    struct report *report; /* of files */
};

static int write_own(const struct wanted *wanted, struct report *report, enum form form,
                     struct buffer *out)
{
    (void)wanted;
    if (form == FORM_JSON) {
        report_json_write(report, out);
    } else {
        report_write(report, form == FORM_HTML ? REPORT_HTML : REPORT_MARKDOWN, out);
    }
    return out->failed ? fail("report", "out of memory") : STATUS_OK;
}

static int fetch(const struct wanted *wanted, struct report *report, enum form form,
                 struct buffer *out)
{
    static const char *const words[FORMS] = {"markdown", "html", "json"};
    char path[96], range[UNITS_TEXT_MAX];
    struct http_reply reply;
    (void)report;
    units_format_duration(range, wanted->range_ms);
    snprintf(path, sizeof(path), "/api/v1/report?format=%s&range=%s", words[form], range);
    if (!http_fetch("report", &wanted->server, path, TIMEOUT_S, &reply)) {
        return STATUS_FAILED;
    }
    buffer_append(out, reply.body, reply.length);
    http_reply_deinit(&reply);
    return STATUS_OK;
}

static int give(const struct wanted *wanted, const struct source *source, enum form form,
                const char *path)
{
    struct buffer out = {0};
    int status = source->write(wanted, source->report, form, &out);
    if (status == STATUS_OK) {
        status = put(path, out.bytes ? out.bytes : "", out.length);
    }
    buffer_deinit(&out);
    return status;
}

static int apply(const struct wanted *wanted, const struct source *source)
{
    struct buffer out = {0};
    int status = source->write(wanted, source->report, FORM_JSON, &out);
    if (status == STATUS_OK) {
        status = report_apply(out.bytes, out.length, wanted->config, wanted->out);
    }
    buffer_deinit(&out);
    return status;
}

/* Markdown on standard output where nothing else is asked for. */
static int write_all(const struct wanted *wanted, const struct source *source)
{
    int status = STATUS_OK;
    bool any = wanted->json || wanted->apply;
    for (enum form form = FORM_MARKDOWN; form <= FORM_HTML && status == STATUS_OK; form++) {
        if (wanted->files[form]) {
            status = give(wanted, source, form, wanted->files[form]);
            any = true;
        }
    }
    if (status == STATUS_OK && wanted->json) {
        status = give(wanted, source, FORM_JSON, "-");
    }
    if (status == STATUS_OK && wanted->apply) {
        status = apply(wanted, source);
    }
    return any || status != STATUS_OK ? status : give(wanted, source, FORM_MARKDOWN, "-");
}

/* The configuration of the server whose files these are; the defaults where none is named. */
static struct config *load_config(const struct wanted *wanted)
{
    struct config_sources sources = {.path = wanted->config ? wanted->config : "/dev/null"};
    return config_load(&sources, stderr, NULL);
}

static int report_files(struct wanted *wanted)
{
    struct report report;
    char reason[REPORT_CSV_REASON_MAX];
    struct config *config = load_config(wanted);
    if (!config) {
        return STATUS_USAGE;
    }
    struct report_csv options = {.directory = wanted->csv,
                                 .from = wanted->from,
                                 .to = wanted->to,
                                 .config = config,
                                 .config_known = wanted->config != NULL};
    int status;
    if (report_csv_read(&options, &report, reason)) {
        struct source source = {write_own, &report};
        report_conclude(&report);
        status = write_all(wanted, &source);
        report_deinit(&report);
    } else {
        status = fail("no report", reason);
    }
    config_free(config);
    return status;
}

static int report_server(const struct wanted *wanted)
{
    struct source source = {fetch, NULL};
    return write_all(wanted, &source);
}

static bool is_sound(const struct wanted *wanted, const struct options *options, int *status)
{
    *status = STATUS_OK;
    if (wanted->out && !wanted->apply) {
        *status = options_refuse(options, "-o is for --apply");
    } else if (wanted->from > wanted->to) {
        *status = options_refuse(options, "--from lies behind --to");
    } else if (!wanted->csv && (isfinite(wanted->from) || isfinite(wanted->to))) {
        *status = options_refuse(options, "--from and --to are for --csv; a server takes --range");
    }
    return *status == STATUS_OK;
}

int command_report(int argc, char **argv)
{
    struct wanted wanted = {.range_ms = HOUR_MS, .from = -HUGE_VAL, .to = HUGE_VAL};
    endpoint_parse("127.0.0.1", ENDPOINT_TCP, OPTIONS_HTTP_PORT, &wanted.server);
    const struct option_entry entries[] = {
        {"server", "HOST:PORT", "HTTP of the running server (default 127.0.0.1:9102)",
         OPTION_SERVER, &wanted.server, 0, 0},
        {"range", "TIME", "the latest so much of a running server (default 1h, at most 1d)",
         OPTION_DURATION, &wanted.range_ms, 1, (double)DAY_MS},
        {"csv", "DIR", "from the CSV logs in this folder, instead of a server", OPTION_TEXT,
         &wanted.csv, 0, 0},
        {"from", "STAMP", "of the logs, from this window's end on: a date, Unix seconds, -1h",
         OPTION_STAMP, &wanted.from, 0, 0},
        {"to", "STAMP", "and up to this one", OPTION_STAMP, &wanted.to, 0, 0},
        {"markdown", "FILE", "where Markdown goes; - is standard output, and the default",
         OPTION_TEXT, &wanted.files[FORM_MARKDOWN], 0, 0},
        {"html", "FILE", "where one HTML file with plots goes", OPTION_TEXT,
         &wanted.files[FORM_HTML], 0, 0},
        {"json", NULL, "JSON on standard output", OPTION_FLAG, &wanted.json, 0, 0},
        {"apply", NULL,
         "write the recommended settings into a copy of --config and print\nthe difference; the "
         "file itself stays as it is",
         OPTION_FLAG, &wanted.apply, 0, 0},
        {"config", "FILE", "the server's configuration (with --apply by default statsd.ini)",
         OPTION_TEXT, &wanted.config, 0, 0},
        {"o", "FILE", "where the copy goes; without it the difference is all", OPTION_TEXT,
         &wanted.out, 0, 0},
    };
    const struct options options = {
        .command = "report",
        .operands = "",
        .summary =
            "What changed, what was lost, what is slow and what to do about it, from a running "
            "server or\nfrom its CSV logs.",
        .example = "sigmactl report --html report.html\n"
                   "sigmactl report --csv data --from -1d --markdown report.md\n"
                   "sigmactl report --apply --config statsd.ini -o better.ini",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    if (!options_parse_only(&options, argc, argv, &status) ||
        !is_sound(&wanted, &options, &status)) {
        return status;
    }
    if (wanted.apply && !wanted.config) {
        wanted.config = "statsd.ini";
    }
    return wanted.csv ? report_files(&wanted) : report_server(&wanted);
}
