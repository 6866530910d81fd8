/* SPDX-License-Identifier: MIT
 *
 * sigmactl trend: what rises and what falls, from the history of a running server or from its CSV
 * logs.
 */
#include <event2/http.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/glob.h"
#include "config/units.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/http_fetch.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/trend_csv.h"
#include "tools/sigmactl/trend_table.h"

#define TIMEOUT_S 60
#define HOUR_MS (3600 * UINT64_C(1000))
#define RANGE_MS_MAX (7 * 24 * HOUR_MS)
#define LIMIT_MAX 1000

struct wanted {
    struct endpoint server;
    struct trend_csv csv;
    const char *metric, *config;
    uint64_t range_ms; /* 0 = not given */
    uint64_t limit;
    double change; /* percent */
    bool json;
};

static json_t *fail(const char *reason)
{
    fprintf(stderr, "sigmactl trend: %s\n", reason);
    return NULL;
}

/* NULL without memory. */
static char *make_path(const struct wanted *wanted)
{
    struct buffer path = {0};
    char range[UNITS_TEXT_MAX];
    char *metric = evhttp_uriencode(wanted->metric ? wanted->metric : "*", -1, 0);
    units_format_duration(range, wanted->range_ms ? wanted->range_ms : HOUR_MS);
    buffer_append_format(&path, "/api/v1/trends?range=%s&limit=%llu&change=", range,
                         (unsigned long long)wanted->limit);
    buffer_append_number(&path, wanted->change);
    buffer_append_format(&path, "%%25&metric=%s", metric ? metric : "");
    buffer_append(&path, "", 1);
    if (path.failed || !metric) {
        buffer_deinit(&path);
    }
    free(metric);
    return path.bytes;
}

static json_t *ask_server(const struct wanted *wanted)
{
    struct http_reply reply;
    char *path = make_path(wanted);
    if (!path) {
        return fail("out of memory");
    }
    bool answered = http_fetch("trend", &wanted->server, path, TIMEOUT_S, &reply);
    free(path);
    if (!answered) {
        return NULL;
    }
    json_t *document = json_loadb(reply.body, reply.length, JSON_ALLOW_NUL, NULL);
    http_reply_deinit(&reply);
    if (!json_is_array(json_object_get(document, "trends"))) {
        json_decref(document);
        return fail("the answer is no list of trends");
    }
    return document;
}

/* NULL with *status set: a configuration that is none is told where it is read. */
static json_t *read_logs(struct wanted *wanted, int *status)
{
    char reason[CSV_READER_REASON_MAX];
    const struct config_sources sources = {
        .path = wanted->config ? wanted->config : "/dev/null",
        .environment = wanted->config ? environ : NULL,
    };
    struct config *config = config_load(&sources, stderr, NULL);
    if (!config) {
        *status = STATUS_USAGE;
        return NULL;
    }
    wanted->csv.metric = wanted->metric;
    wanted->csv.limit = (size_t)wanted->limit;
    wanted->csv.seconds = (double)wanted->range_ms / 1000;
    wanted->csv.share_min = wanted->change / 100;
    wanted->csv.config = config;
    json_t *document = trend_csv_make(&wanted->csv, reason);
    config_free(config);
    return document ? document : fail(reason);
}

static bool print_json(json_t *document)
{
    struct buffer out = {0};
    json_print(&out, document, 0);
    buffer_append_text(&out, "\n");
    bool made = !out.failed;
    if (made) {
        fwrite(out.bytes, 1, out.length, stdout);
    }
    buffer_deinit(&out);
    return made;
}

static int run(struct wanted *wanted)
{
    int status = STATUS_FAILED;
    json_t *document = wanted->csv.directory ? read_logs(wanted, &status) : ask_server(wanted);
    if (!document) {
        return status;
    }
    bool made = wanted->json ? print_json(document) : trend_table_print(document);
    json_decref(document);
    if (!made) {
        fail("out of memory");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* What cannot go together, or NULL. */
static const char *fault_of(const struct wanted *wanted)
{
    const struct trend_csv *csv = &wanted->csv;
    if (!csv->directory && (isfinite(csv->from) || isfinite(csv->to))) {
        return "--from and --to are for --csv; a server takes --range";
    }
    if (!csv->directory && wanted->config) {
        return "--config is for --csv; a server has its own";
    }
    if (csv->from > csv->to) {
        return "--from lies behind --to";
    }
    return wanted->metric && glob_fault(wanted->metric) ? "--metric is no pattern" : NULL;
}

int command_trend(int argc, char **argv)
{
    struct wanted wanted = {
        .csv = {.from = -(double)INFINITY, .to = (double)INFINITY}, .limit = 100, .change = 10};
    endpoint_parse("127.0.0.1", ENDPOINT_TCP, OPTIONS_HTTP_PORT, &wanted.server);
    const struct option_entry entries[] = {
        {"server", "HOST:PORT", "HTTP of the running server (default 127.0.0.1:9102)",
         OPTION_SERVER, &wanted.server, 0, 0},
        {"csv", "DIR", "from the CSV logs in this folder, instead of a server", OPTION_TEXT,
         &wanted.csv.directory, 0, 0},
        {"range", "TIME", "back from the latest window (default 1h of a server, all of the logs)",
         OPTION_DURATION, &wanted.range_ms, 1, (double)RANGE_MS_MAX},
        {"from", "STAMP", "of the logs, from this window's end on: a date, Unix seconds, -1h",
         OPTION_STAMP, &wanted.csv.from, 0, 0},
        {"to", "STAMP", "and up to this one", OPTION_STAMP, &wanted.csv.to, 0, 0},
        {"metric", "GLOB", "series of these names (default: all)", OPTION_TEXT, &wanted.metric, 0,
         0},
        {"limit", "N", "lines shown, the most grave first (default 100)", OPTION_COUNT,
         &wanted.limit, 1, LIMIT_MAX},
        {"change", "PERCENT", "of its level below which a series is steady (default 10)",
         OPTION_NUMBER, &wanted.change, 0, 10000},
        {"config", "FILE", "the server's configuration, which says what is better of the logs",
         OPTION_TEXT, &wanted.config, 0, 0},
        {"json", NULL, "print JSON", OPTION_FLAG, &wanted.json, 0, 0},
    };
    const struct options options = {
        .command = "trend",
        .operands = "",
        .summary =
            "What rises and falls over a time, and whether that is better or worse: least squares\n"
            "and, not moved by single spikes, the slope of Theil and Sen. What is within chance "
            "or\n"
            "below --change is steady. A server needs [history] keep for it.",
        .example = "sigmactl trend --range 6h --metric 'api.*'\n"
                   "sigmactl trend --csv data --from -1d",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    const char *fault = fault_of(&wanted);
    return fault ? options_refuse(&options, "%s", fault) : run(&wanted);
}
