/* SPDX-License-Identifier: MIT
 *
 * sigmactl load: a bounded load generator that says exactly what it sent, so that a test can hold
 * the server's files against it.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "proto/text.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/load_plan.h"
#include "tools/sigmactl/load_run.h"
#include "tools/sigmactl/load_types.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/pack.h"

#define DEFAULT_DURATION_MS 10000

/* A datagram holds at most what is due in this time, so that a slow pace is not sent in lumps. */
#define GATHER_SECONDS 0.1

struct load {
    struct load_shape shape;
    struct load_run_options run;
    const char *types;
    const char *expect_path;
    bool single;
    bool json;
};

/* The prefix becomes part of a name, where these would end it or its line. */
static bool prefix_is_sound(const char *prefix)
{
    size_t length = strlen(prefix);
    return length > 0 && length <= LOAD_PREFIX_MAX && strcspn(prefix, ":|\n") == length &&
           text_is_utf8(prefix, length);
}

/* Works out the bounds that were not given. `rate` < 0 and the other two 0 stand for that. NULL, or
 * what is wrong. */
static const char *settle_bounds(struct load_run_options *run)
{
    if (run->metrics_max == 0 && run->duration_ms == 0) {
        run->duration_ms = DEFAULT_DURATION_MS;
    }
    double seconds = (double)run->duration_ms / 1000;
    if (run->rate < 0) {
        bool both = run->metrics_max > 0 && run->duration_ms > 0;
        run->rate = both ? (double)run->metrics_max / seconds : 0;
    }
    double scheduled = run->rate > 0 && run->duration_ms > 0 ? round(run->rate * seconds) : 0x1p62;
    if (run->metrics_max == 0 || scheduled < (double)run->metrics_max) {
        run->metrics_max = (uint64_t)scheduled;
    }
    return run->metrics_max > 0 ? NULL : "--rate and --duration make not even one metric";
}

static const char *settle(struct load *load)
{
    struct load_shape *shape = &load->shape;
    if (!load_types_parse(load->types, shape->weights)) {
        return "--types must be a list such as c=50,ms=30,g=20 of c, g, ms, h, d, s, each once";
    }
    if (!prefix_is_sound(shape->prefix)) {
        return "--prefix must be 1 to 256 bytes of UTF-8 without : and |";
    }
    if (load->run.gso && load->run.target.transport != ENDPOINT_UDP) {
        return "--gso is for UDP";
    }
    const char *fault = settle_bounds(&load->run);
    double gathered = load->run.rate * GATHER_SECONDS;
    shape->datagram_bytes_max = load->run.datagram_bytes_max;
    shape->datagram_metrics_max = UINT64_MAX;
    shape->uniform = load->run.gso;
    if (load->single || (load->run.rate > 0 && gathered < 2)) {
        shape->datagram_metrics_max = 1;
    } else if (load->run.rate > 0) {
        shape->datagram_metrics_max = (uint64_t)gathered;
    }
    return fault;
}

/* Sums mean something where values add up. */
static bool has_sum(unsigned type)
{
    return type != STATSD_GAUGE && type != STATSD_SET;
}

static json_t *thousandths_to_json(uint64_t thousandths)
{
    return thousandths % 1000 == 0 ? json_integer((json_int_t)(thousandths / 1000))
                                   : json_real((double)thousandths / 1000);
}

static json_t *types_to_json(const struct load_tally *tally)
{
    json_t *types = json_object();
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        if (tally->samples[type] == 0) {
            continue;
        }
        json_t *entry = json_object();
        json_object_set_new(entry, "samples", json_integer((json_int_t)tally->samples[type]));
        if (has_sum(type)) {
            json_object_set_new(entry, "sum", thousandths_to_json(tally->thousandths[type]));
        }
        json_object_set_new(types, statsd_type_name((enum statsd_type)type), entry);
    }
    return types;
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static bool print_json(const struct load_tally *tally, const struct load_result *result)
{
    json_t *report =
        json_pack("{s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:o}", "metrics", (json_int_t)tally->metrics,
                  "datagrams", (json_int_t)result->datagrams, "bytes", (json_int_t)result->bytes,
                  "seconds", result->seconds, "rate", per_second(tally->metrics, result->seconds),
                  "send_errors", (json_int_t)result->send_errors, "refused",
                  (json_int_t)result->refused, "by_type", types_to_json(tally));
    struct buffer out = {0};
    if (report) {
        json_print(&out, report, 0);
        buffer_append_text(&out, "\n");
    }
    bool printed = report && !out.failed;
    if (printed) {
        fwrite(out.bytes, 1, out.length, stdout);
    }
    buffer_deinit(&out);
    json_decref(report);
    return printed;
}

static void print_text(const struct load_tally *tally, const struct load_result *result)
{
    printf("metrics      %" PRIu64 "\n", tally->metrics);
    printf("datagrams    %" PRIu64 "\n", result->datagrams);
    printf("bytes        %" PRIu64 "\n", result->bytes);
    printf("seconds      %.3f\n", result->seconds);
    printf("rate         %.0f metrics/s\n", per_second(tally->metrics, result->seconds));
    printf("send errors  %" PRIu64 "\n", result->send_errors);
    printf("refused      %" PRIu64 "\n", result->refused);
    printf("\n%-4s %15s %20s\n", "type", "samples", "sum");
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        char sum[NUMBER_TEXT_MAX] = "";
        if (has_sum(type)) {
            snprintf(sum, sizeof(sum), "%" PRIu64 ".%03u", tally->thousandths[type] / 1000,
                     (unsigned)(tally->thousandths[type] % 1000));
        }
        if (tally->samples[type] > 0) {
            printf("%-4s %15" PRIu64 " %20s\n", statsd_type_name((enum statsd_type)type),
                   tally->samples[type], sum);
        }
    }
}

static bool write_expected(const struct load_plan *plan, const char *path)
{
    FILE *out = fopen(path, "we");
    bool written = out && load_plan_write_expected(plan, out);
    int error = errno;
    if (out && fclose(out) != 0 && written) {
        written = false;
        error = errno;
    }
    if (!written) {
        fprintf(stderr, "sigmactl load: %s: %s\n", path, strerror(error));
    }
    return written;
}

/* Only a run that the receiver took whole is a success. */
static int report(const struct load *load, const struct load_plan *plan,
                  const struct load_result *result)
{
    const struct load_tally *tally = load_plan_tally(plan);
    bool fine = true;
    if (load->json) {
        fine = print_json(tally, result);
    } else {
        print_text(tally, result);
    }
    if (load->expect_path && !write_expected(plan, load->expect_path)) {
        fine = false;
    }
    if (result->refused > 0) {
        fprintf(stderr,
                "sigmactl load: %" PRIu64 " datagrams were refused, nothing listened there\n",
                result->refused);
    }
    if (result->late) {
        fprintf(stderr,
                "sigmactl load: the rate could not be kept: %" PRIu64 " of %" PRIu64
                " metrics when the time was over\n",
                tally->metrics, load->run.metrics_max);
    }
    return fine && result->refused == 0 && !result->late ? STATUS_OK : STATUS_FAILED;
}

static struct load loading = {
    .shape = {.prefix = "load", .series = 1000, .seed = 1},
    .run = {.target = {ENDPOINT_UDP, "127.0.0.1", OPTIONS_STATSD_PORT},
            .rate = -1,
            .sockets = 1,
            .datagram_bytes_max = PACK_BYTES_DEFAULT},
    .types = LOAD_TYPES_DEFAULT,
};

static const struct option_entry entries[] = {
    {"to", "TARGET",
     "HOST:PORT or udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH (datagrams),\n"
     "unix-stream:///PATH (default 127.0.0.1:8125)",
     OPTION_TARGET, &loading.run.target, 0, 0},
    {"rate", "N",
     "metrics a second, 0 = as fast as they can be sent (default: --metrics over\n"
     "--duration where both are given, else 0)",
     OPTION_NUMBER, &loading.run.rate, 0, 1e9},
    {"metrics", "N", "ends after N metrics (default: no such bound)", OPTION_COUNT,
     &loading.run.metrics_max, 1, 1e15},
    {"duration", "TIME", "ends after 30s, 5m, ... (default 10s without --metrics)", OPTION_DURATION,
     &loading.run.duration_ms, 1, 7 * 86400e3},
    {"series", "N", "names, shared out over the types by weight (default 1000)", OPTION_COUNT,
     &loading.shape.series, 1, LOAD_SERIES_MAX},
    {"types", "LIST", "types and their weights (default " LOAD_TYPES_DEFAULT ")", OPTION_TEXT,
     &loading.types, 0, 0},
    {"zipf", "S", "the r-th series of a type gets a share of r^-S (default 0: all alike)",
     OPTION_NUMBER, &loading.shape.zipf, 0, 8},
    {"tags", "N", "tags a series (default 0)", OPTION_COUNT, &loading.shape.tags, 0, LOAD_TAGS_MAX},
    {"prefix", "NAME", "names are NAME.TYPE.NUMBER (default load)", OPTION_TEXT,
     &loading.shape.prefix, 0, 0},
    {"bytes", "N", "the most bytes a datagram (default 1432)", OPTION_COUNT,
     &loading.run.datagram_bytes_max, 1, PACK_BYTES_MAX},
    {"single", NULL, "one metric a datagram", OPTION_FLAG, &loading.single, 0, 0},
    {"gso", NULL,
     "hand the kernel up to 64 datagrams a call (UDP_SEGMENT), where sending is what\n"
     "bounds the rate; all lines then have one length, values five characters",
     OPTION_FLAG, &loading.run.gso, 0, 0},
    {"sockets", "N", "source ports that take turns (default 1)", OPTION_COUNT, &loading.run.sockets,
     1, LOAD_SOCKETS_MAX},
    {"seed", "N", "the metrics and their order follow from it (default 1)", OPTION_COUNT,
     &loading.shape.seed, 0, 0x1p53},
    {"json", NULL, "print the result as JSON", OPTION_FLAG, &loading.json, 0, 0},
    {"expect", "FILE",
     "write CSV metric,count: the sum of each counter that was sent, the number of\n"
     "samples of each ms, h and d series",
     OPTION_TEXT, &loading.expect_path, 0, 0},
};

static const struct options options = {
    .command = "load",
    .operands = "",
    .summary =
        "Sends generated metrics and prints what was sent, with exact sums. A datagram that fails\n"
        "for a moment is sent again; refused counts those that the target answered with an ICMP\n"
        "error. Exit status 1 when some were, or the rate could not be kept.",
    .example = "sigmactl load --metrics 1e6 --duration 30s --series 10000 --json\n"
               "sigmactl load --rate 50000 --duration 5m --types c,ms=2,s --sockets 8",
    .entries = entries,
    .count = sizeof(entries) / sizeof(entries[0]),
};

static int generate(struct load *load)
{
    const char *fault = settle(load);
    if (fault) {
        return options_refuse(&options, "%s", fault);
    }
    struct load_plan *plan = load_plan_new(&load->shape, &fault);
    if (!plan) {
        return options_refuse(&options, "%s", fault);
    }
    struct load_result result;
    char reason[SOCKET_REASON_MAX];
    int status = STATUS_FAILED;
    if (load_run(plan, &load->run, &result, reason)) {
        status = report(load, plan, &result);
    } else {
        char name[ENDPOINT_TEXT_MAX];
        endpoint_format(&load->run.target, name);
        fprintf(stderr, "sigmactl load: %s: %s\n", name, reason);
    }
    load_plan_free(plan);
    return status;
}

int command_load(int argc, char **argv)
{
    int status;
    if (!options_parse_only(&options, argc, argv, &status)) {
        return status;
    }
    return generate(&loading);
}
