/* SPDX-License-Identifier: MIT
 *
 * sigmactl bench: the server's own pipeline without its sockets. Datagrams are rendered or read
 * beforehand, then parsed, found, aggregated and flushed in this process, on one thread. Parsing
 * alone is timed beside it in the same run, so that a ratio can be quoted where a machine's speed
 * drifts.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "server/core/clock.h"
#include "server/core/hash.h"
#include "server/flush/derive.h"
#include "server/flush/graveyard.h"
#include "server/flush/merge.h"
#include "server/net/intake.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/load_plan.h"
#include "tools/sigmactl/load_types.h"
#include "tools/sigmactl/options.h"

#define CORPUS_BYTES_MAX (64 * 1024 * 1024)
#define DATAGRAM_BYTES_MAX 65507

struct datagram {
    uint32_t offset, length;
};

/* Datagrams back to back, as a worker would receive them. */
struct corpus {
    char *bytes;
    size_t length;
    struct datagram *datagrams;
    size_t count, capacity;
};

struct bench {
    struct load_shape shape;
    const char *types;
    const char *file;
    uint64_t metrics;
    uint64_t flushes;
    bool json;
};

struct result {
    uint64_t metrics, datagrams, series;
    double parse_ns, pipeline_ns; /* a metric */
    double flush_seconds;         /* mean of a merge and a close */
    uint64_t flushes;
    uint64_t pool_bytes;
};

/* The parts of a server that a bench drives. */
struct pipeline {
    struct config *config;
    struct pool *pool;
    struct registry *registry;
    struct intake intake;
    struct pool_cache *cache;
    struct graveyard graveyard;
    uint64_t sequence;
};

static bool add_datagram(struct corpus *corpus, size_t length)
{
    if (corpus->count == corpus->capacity) {
        size_t capacity = corpus->capacity ? corpus->capacity * 2 : 1024;
        struct datagram *grown = realloc(corpus->datagrams, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        corpus->datagrams = grown;
        corpus->capacity = capacity;
    }
    corpus->datagrams[corpus->count++] =
        (struct datagram){(uint32_t)corpus->length, (uint32_t)length};
    corpus->length += length;
    return true;
}

static bool render_corpus(struct corpus *corpus, const struct bench *bench, const char **reason)
{
    struct load_plan *plan = load_plan_new(&bench->shape, reason);
    if (!plan) {
        return false;
    }
    size_t room = bench->shape.datagram_bytes_max + LOAD_SLACK_BYTES;
    *reason = "out of memory";
    corpus->bytes = malloc(CORPUS_BYTES_MAX + room);
    bool made = corpus->bytes != NULL;
    while (made && corpus->length < CORPUS_BYTES_MAX &&
           load_plan_tally(plan)->metrics < bench->metrics) {
        uint64_t left = bench->metrics - load_plan_tally(plan)->metrics;
        made = add_datagram(corpus, load_plan_render(plan, corpus->bytes + corpus->length, left));
    }
    load_plan_free(plan);
    return made;
}

/* Lines of a file are packed as a client would, whole lines up to the datagram's size. */
static bool cut_corpus(struct corpus *corpus, size_t total, size_t bytes_max)
{
    while (corpus->length < total) {
        size_t rest = total - corpus->length;
        size_t length = rest < bytes_max ? rest : bytes_max;
        if (length < rest) {
            const char *end = memrchr(corpus->bytes + corpus->length, '\n', length);
            length = end ? (size_t)(end - corpus->bytes) + 1 - corpus->length : length;
        }
        if (!add_datagram(corpus, length)) {
            return false;
        }
    }
    return corpus->count > 0;
}

static bool read_corpus(struct corpus *corpus, const struct bench *bench, const char **reason)
{
    FILE *file = fopen(bench->file, "rb");
    if (!file) {
        *reason = "the file cannot be opened";
        return false;
    }
    *reason = "the file is empty, or out of memory";
    corpus->bytes = malloc(CORPUS_BYTES_MAX);
    size_t total = corpus->bytes ? fread(corpus->bytes, 1, CORPUS_BYTES_MAX, file) : 0;
    fclose(file);
    return total > 0 && cut_corpus(corpus, total, bench->shape.datagram_bytes_max);
}

static bool make_pipeline(struct pipeline *pipeline)
{
    const char *const overrides[] = {"limits.max_series=20000000", "limits.memory=90%",
                                     "log.bad_lines=0/min"};
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = 3};
    pipeline->config = config_load(&sources, stderr, NULL);
    if (!pipeline->config) {
        return false;
    }
    hash_init();
    pipeline->pool = pool_new(pipeline->config->limits.memory_bytes);
    pipeline->registry = pipeline->pool ? registry_new(pipeline->config, pipeline->pool) : NULL;
    pipeline->cache = pipeline->pool ? pool_cache_new(pipeline->pool) : NULL;
    if (!pipeline->registry || !pipeline->cache) {
        return false;
    }
    graveyard_init(&pipeline->graveyard, pipeline->registry, pipeline->cache);
    return intake_init(&pipeline->intake, pipeline->config, pipeline->registry, pipeline->pool, 1);
}

/* A slice over, merged, and the window closed. */
static bool flush(struct pipeline *pipeline)
{
    uint64_t now = clock_monotonic_ns(&clock_system);
    struct merge_source source = {&pipeline->intake.shard,
                                  shard_swap(&pipeline->intake.shard, now)};
    merge_slices(pipeline->registry, &source, 1, pipeline->cache);
    struct derive_options options = {
        .config = pipeline->config,
        .registry = pipeline->registry,
        .cache = pipeline->cache,
        .graveyard = &pipeline->graveyard,
        .close = true,
        .sequence = ++pipeline->sequence,
        .window = pipeline->sequence,
        .now_ns = now,
        .window_seconds = 10,
    };
    struct snapshot *snapshot = derive_snapshot(&options);
    if (!snapshot) {
        return false;
    }
    snapshot_unref(snapshot);
    graveyard_sweep(&pipeline->graveyard, UINT64_MAX);
    return true;
}

static void free_pipeline(struct pipeline *pipeline)
{
    intake_deinit(&pipeline->intake);
    graveyard_deinit(&pipeline->graveyard);
    registry_free(pipeline->registry, pipeline->cache);
    pool_cache_free(pipeline->cache);
    pool_free(pipeline->pool);
    config_free(pipeline->config);
}

static uint64_t stored(struct pipeline *pipeline)
{
    intake_settle(&pipeline->intake);
    return ingest_samples_stored(&pipeline->intake.figures);
}

static void take_all(struct pipeline *pipeline, const struct corpus *corpus)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    uint64_t now = clock_monotonic_ns(&clock_system);
    struct udp_datagram batch[UDP_BATCH];
    for (size_t i = 0; i < corpus->count; i++) {
        struct udp_datagram *datagram = &batch[i % UDP_BATCH];
        *datagram = (struct udp_datagram){corpus->bytes + corpus->datagrams[i].offset,
                                          corpus->datagrams[i].length, &nobody};
        intake_take(&pipeline->intake, datagram, TRANSPORT_UDP, now);
        if (i % UDP_BATCH == UDP_BATCH - 1 || i == corpus->count - 1) {
            intake_settle(&pipeline->intake);
        }
    }
}

static double time_parse(const struct corpus *corpus, uint64_t *metrics)
{
    struct statsd_parser parser;
    struct statsd_item items[INTAKE_ITEMS];
    statsd_parser_init(&parser, STATSD_AUTO);
    uint64_t begun = clock_monotonic_ns(&clock_system);
    *metrics = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        size_t count;
        statsd_parser_feed(&parser, corpus->bytes + corpus->datagrams[i].offset,
                           corpus->datagrams[i].length);
        while ((count = statsd_parser_read(&parser, items, INTAKE_ITEMS)) > 0) {
            *metrics += count;
        }
    }
    return (double)(clock_monotonic_ns(&clock_system) - begun);
}

/* The first pass enters every series and is not timed; then passes and flushes by turns. */
static bool run(struct pipeline *pipeline, const struct corpus *corpus, const struct bench *bench,
                struct result *result)
{
    uint64_t items;
    double parse_ns = time_parse(corpus, &items);
    parse_ns = fmin(parse_ns, time_parse(corpus, &items));
    take_all(pipeline, corpus);
    if (!flush(pipeline)) {
        return false;
    }
    uint64_t before = stored(pipeline), taken = 0, flushed = 0;
    uint64_t passes = items > 0 ? bench->metrics / items + 1 : 1;
    passes = passes < bench->flushes ? bench->flushes : passes;
    for (uint64_t pass = 0; pass < passes; pass++) {
        uint64_t begun = clock_monotonic_ns(&clock_system);
        take_all(pipeline, corpus);
        uint64_t full = clock_monotonic_ns(&clock_system);
        if (!flush(pipeline)) {
            return false;
        }
        taken += full - begun;
        flushed += clock_monotonic_ns(&clock_system) - full;
    }
    result->metrics = stored(pipeline) - before;
    result->datagrams = corpus->count * passes;
    result->series = atomic_load(&pipeline->registry->series_count);
    result->parse_ns = items > 0 ? parse_ns / (double)items : 0;
    result->pipeline_ns = result->metrics ? (double)taken / (double)result->metrics : 0;
    result->flush_seconds = (double)flushed / 1e9 / (double)passes;
    result->flushes = passes;
    result->pool_bytes = pool_bytes(pipeline->pool);
    return true;
}

static void print_text(const struct result *result)
{
    printf("%" PRIu64 " metrics of %" PRIu64 " series in %" PRIu64 " datagrams\n", result->metrics,
           result->series, result->datagrams);
    printf("parse                %8.1f ns a metric\n", result->parse_ns);
    printf("parse, find, add     %8.1f ns a metric (%.2f times the parse)\n", result->pipeline_ns,
           result->pipeline_ns / result->parse_ns);
    printf("merge and close      %8.3f ms a window, mean of %" PRIu64 "\n",
           result->flush_seconds * 1000, result->flushes);
    printf("names and sketches   %8.1f bytes a series\n",
           (double)result->pool_bytes / (double)(result->series ? result->series : 1));
}

static json_t *as_json(const struct result *result)
{
    return json_pack("{s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:I}", "metrics", (json_int_t)result->metrics,
                     "series", (json_int_t)result->series, "datagrams",
                     (json_int_t)result->datagrams, "parse_ns_per_metric", result->parse_ns,
                     "ns_per_metric", result->pipeline_ns, "flush_seconds", result->flush_seconds,
                     "flushes", (json_int_t)result->flushes, "pool_bytes",
                     (json_int_t)result->pool_bytes);
}

static bool print_json(const struct result *result)
{
    json_t *report = as_json(result);
    struct buffer out = {0};
    if (report) {
        json_print(&out, report, 0);
        buffer_append_text(&out, "\n");
    }
    bool printed = report && !out.failed && fwrite(out.bytes, 1, out.length, stdout) == out.length;
    buffer_deinit(&out);
    json_decref(report);
    return printed;
}

static int measure(const struct bench *bench, const struct corpus *corpus)
{
    struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
    struct result result = {0};
    bool fine = pipeline && make_pipeline(pipeline);
    if (fine) {
        fine = run(pipeline, corpus, bench, &result);
        free_pipeline(pipeline);
    }
    free(pipeline);
    if (!fine) {
        fprintf(stderr, "sigmactl bench: out of memory\n");
        return STATUS_FAILED;
    }
    if (bench->json) {
        return print_json(&result) ? STATUS_OK : STATUS_FAILED;
    }
    print_text(&result);
    return STATUS_OK;
}

static int bench_all(const struct options *options, const struct bench *bench)
{
    struct corpus corpus = {0};
    const char *reason = NULL;
    bool made =
        bench->file ? read_corpus(&corpus, bench, &reason) : render_corpus(&corpus, bench, &reason);
    int status = made ? measure(bench, &corpus) : options_refuse(options, "%s", reason);
    free(corpus.bytes);
    free(corpus.datagrams);
    return status;
}

int command_bench(int argc, char **argv)
{
    struct bench bench = {
        .shape = {.prefix = "bench.service.request.path",
                  .series = 10000,
                  .seed = 1,
                  .datagram_bytes_max = 1432,
                  .datagram_metrics_max = UINT64_MAX},
        .types = "c=50,ms=30,g=20",
        .metrics = 5000000,
        .flushes = 5,
    };
    const struct option_entry entries[] = {
        {"file", "FILE", "lines to use instead of generated ones (at most 64 MiB of it)",
         OPTION_TEXT, &bench.file, 0, 0},
        {"metrics", "N", "metrics to put through (default 5e6)", OPTION_COUNT, &bench.metrics, 1,
         1e12},
        {"series", "N", "names, shared out over the types by weight (default 10000)", OPTION_COUNT,
         &bench.shape.series, 1, LOAD_SERIES_MAX},
        {"types", "LIST", "types and their weights (default c=50,ms=30,g=20)", OPTION_TEXT,
         &bench.types, 0, 0},
        {"tags", "N", "tags a series (default 0)", OPTION_COUNT, &bench.shape.tags, 0,
         LOAD_TAGS_MAX},
        {"zipf", "S", "the r-th series of a type gets a share of r^-S (default 0: all alike)",
         OPTION_NUMBER, &bench.shape.zipf, 0, 10},
        {"bytes", "N", "the most bytes a datagram (default 1432)", OPTION_COUNT,
         &bench.shape.datagram_bytes_max, 64, DATAGRAM_BYTES_MAX},
        {"flushes", "N", "windows to close at the least (default 5)", OPTION_COUNT, &bench.flushes,
         1, 1000000},
        {"seed", "N", "the metrics and their order follow from it (default 1)", OPTION_COUNT,
         &bench.shape.seed, 0, 1e18},
        {"json", NULL, "print the result as JSON, ns_per_metric among it", OPTION_FLAG, &bench.json,
         0, 0},
    };
    const struct options options = {
        .command = "bench",
        .operands = "",
        .summary =
            "Times the server's own pipeline in this process, without sockets: parse, find,\n"
            "aggregate, and the close of a window. Parsing alone is timed beside it.",
        .example = "sigmactl bench --series 1e6 --metrics 2e7\n"
                   "sigmactl bench --file captured.txt --json",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    int first = options_parse(&options, argc, argv, &status);
    if (first < 0) {
        return status;
    }
    if (first < argc) {
        return options_refuse(&options, "unexpected argument: %s", argv[first]);
    }
    if (!load_types_parse(bench.types, bench.shape.weights)) {
        return options_refuse(&options, "--types must be a list such as c=50,ms=30,g=20");
    }
    return bench_all(&options, &bench);
}
