/* SPDX-License-Identifier: MIT
 *
 * sigmactl bench: the server's own pipeline without its sockets. Datagrams are rendered or read
 * beforehand, then parsed, found, aggregated and flushed in this process. Parsing alone, and one
 * thread where several are asked for, are timed by turns with it in the same run, so that a ratio
 * can be quoted where a machine's speed drifts. Figures are medians over the passes.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/core/clock.h"
#include "tools/sigmactl/bench_corpus.h"
#include "tools/sigmactl/bench_crew.h"
#include "tools/sigmactl/bench_pipeline.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/json_print.h"
#include "tools/sigmactl/load_plan.h"
#include "tools/sigmactl/load_types.h"
#include "tools/sigmactl/options.h"

#define DATAGRAM_BYTES_MAX 65507

struct bench {
    struct load_shape shape;
    const char *types;
    const char *file;
    uint64_t metrics;
    uint64_t flushes;
    uint64_t threads;
    bool json;
};

/* What is timed once a pass. */
enum { TIME_PARSE, TIME_ONE, TIME_ALL, TIME_FLUSH, TIMES };

struct samples {
    double *ns[TIMES]; /* a metric; of TIME_FLUSH a window */
    uint64_t count;
};

struct result {
    uint64_t metrics, datagrams, series, passes;
    double ns[TIMES]; /* medians of the samples */
    uint64_t pool_bytes;
};

struct run {
    const struct bench *bench;
    struct bench_pipeline pipeline;
    struct bench_corpus corpora[BENCH_WORKERS_MAX]; /* the first one for all where it is a file */
    const struct bench_corpus *taken[BENCH_WORKERS_MAX];
    struct bench_crew crew;
    struct samples samples;
    struct result result;
};

static uint64_t now_ns(void)
{
    return clock_monotonic_ns(&clock_system);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, uint64_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Enters all series through the worker first: a plan begins with each of them once, in order, which
 * is no access pattern to time. Then the corpus is what the plan goes on with. */
static const char *prepare_worker(struct run *run, size_t worker)
{
    const char *reason = NULL;
    struct bench_corpus *corpus = &run->corpora[worker];
    struct load_shape shape = run->bench->shape;
    shape.seed += worker;
    struct load_plan *plan = load_plan_new(&shape, &reason);
    if (!plan) {
        return reason;
    }
    bool made = true;
    while (made && load_plan_tally(plan)->metrics < shape.series) {
        uint64_t left = shape.series - load_plan_tally(plan)->metrics;
        made = bench_corpus_render(corpus, plan, shape.datagram_bytes_max, left);
        if (made) {
            bench_pipeline_take(&run->pipeline, worker, corpus);
        }
    }
    made = made && bench_corpus_render(corpus, plan, shape.datagram_bytes_max, run->bench->metrics);
    load_plan_free(plan);
    run->taken[worker] = corpus;
    return made ? NULL : "out of memory";
}

/* All workers take the same. NULL, or why not. */
static const char *prepare_file(struct run *run)
{
    const char *reason = NULL;
    for (size_t i = 0; i < run->bench->threads; i++) {
        run->taken[i] = &run->corpora[0];
    }
    return bench_corpus_read(&run->corpora[0], run->bench->file,
                             run->bench->shape.datagram_bytes_max, &reason)
               ? NULL
               : reason;
}

static const char *prepare(struct run *run)
{
    const char *reason = run->bench->file ? prepare_file(run) : NULL;
    for (size_t i = 0; i < run->bench->threads && !run->bench->file && !reason; i++) {
        reason = prepare_worker(run, i);
    }
    return reason;
}

/* Returns how many items the corpus holds. */
static uint64_t parse_all(const struct bench_corpus *corpus)
{
    struct statsd_parser parser;
    struct statsd_item items[INTAKE_ITEMS];
    uint64_t total = 0;
    statsd_parser_init(&parser, STATSD_AUTO);
    for (size_t i = 0; i < corpus->count; i++) {
        size_t count;
        statsd_parser_feed(&parser, corpus->bytes + corpus->datagrams[i].offset,
                           corpus->datagrams[i].length);
        while ((count = statsd_parser_read(&parser, items, INTAKE_ITEMS)) > 0) {
            total += count;
        }
    }
    return total;
}

/* ns a stored sample of all `active` workers together. 0 where none was stored. */
static double time_take(struct run *run, size_t active)
{
    uint64_t before = bench_pipeline_stored(&run->pipeline);
    uint64_t elapsed = bench_crew_take(&run->crew, active);
    uint64_t stored = bench_pipeline_stored(&run->pipeline) - before;
    run->result.metrics += stored;
    return stored > 0 ? (double)elapsed / (double)stored : 0;
}

static bool time_flush(struct run *run, double *ns)
{
    uint64_t begun = now_ns();
    bool flushed = bench_pipeline_flush(&run->pipeline);
    *ns = (double)(now_ns() - begun);
    return flushed;
}

static bool time_pass(struct run *run, uint64_t pass)
{
    double **ns = run->samples.ns;
    uint64_t begun = now_ns();
    uint64_t items = parse_all(run->taken[0]);
    ns[TIME_PARSE][pass] = (double)(now_ns() - begun) / (double)(items > 0 ? items : 1);
    ns[TIME_ONE][pass] = time_take(run, 1);
    if (!time_flush(run, &ns[TIME_FLUSH][pass])) {
        return false;
    }
    ns[TIME_ALL][pass] = ns[TIME_ONE][pass];
    if (run->bench->threads > 1) {
        ns[TIME_ALL][pass] = time_take(run, run->bench->threads);
        return bench_pipeline_flush(&run->pipeline);
    }
    return true;
}

static bool make_samples(struct samples *samples, uint64_t count)
{
    samples->count = count;
    for (unsigned i = 0; i < TIMES; i++) {
        samples->ns[i] = calloc(count, sizeof(double));
        if (!samples->ns[i]) {
            return false;
        }
    }
    return true;
}

static void summarise(struct run *run)
{
    struct result *result = &run->result;
    for (unsigned i = 0; i < TIMES; i++) {
        result->ns[i] = median(run->samples.ns[i], run->samples.count);
    }
    result->passes = run->samples.count;
    result->series = atomic_load(&run->pipeline.registry->series_count);
    result->pool_bytes = pool_bytes(run->pipeline.pool);
}

/* One pass that is not timed enters whatever the corpora hold that the workers have not met. NULL,
 * or why not. */
static const char *measure(struct run *run)
{
    uint64_t items = parse_all(run->taken[0]);
    uint64_t passes = items > 0 ? run->bench->metrics / items + 1 : 1;
    passes = passes < run->bench->flushes ? run->bench->flushes : passes;
    if (!make_samples(&run->samples, passes)) {
        return "out of memory";
    }
    if (!bench_crew_start(&run->crew, &run->pipeline, run->taken)) {
        return "the threads could not be started";
    }
    bench_crew_take(&run->crew, run->bench->threads);
    bool fine = bench_pipeline_flush(&run->pipeline);
    for (uint64_t pass = 0; pass < passes && fine; pass++) {
        run->result.datagrams += run->taken[0]->count;
        fine = time_pass(run, pass);
    }
    bench_crew_stop(&run->crew);
    summarise(run);
    return fine ? NULL : "out of memory";
}

static void print_text(const struct bench *bench, const struct result *result)
{
    double parse = result->ns[TIME_PARSE], one = result->ns[TIME_ONE], all = result->ns[TIME_ALL];
    printf("%" PRIu64 " metrics of %" PRIu64 " series, medians of %" PRIu64 " passes\n",
           result->metrics, result->series, result->passes);
    printf("parse                %8.1f ns a metric\n", parse);
    printf("parse, find, add     %8.1f ns a metric (%.2f times the parse)\n", one, one / parse);
    if (bench->threads > 1) {
        printf("%2" PRIu64 " threads           %8.1f ns a metric (%.2f times the speed of one)\n",
               bench->threads, all, one / all);
    }
    printf("merge and close      %8.3f ms a window\n", result->ns[TIME_FLUSH] / 1e6);
    printf("names and sketches   %8.1f bytes a series\n",
           (double)result->pool_bytes / (double)(result->series ? result->series : 1));
}

static json_t *as_json(const struct bench *bench, const struct result *result)
{
    double one = result->ns[TIME_ONE], all = result->ns[TIME_ALL];
    return json_pack("{s:I,s:I,s:I,s:f,s:f,s:I,s:f,s:f,s:f,s:I,s:I}", "metrics",
                     (json_int_t)result->metrics, "series", (json_int_t)result->series, "datagrams",
                     (json_int_t)result->datagrams, "parse_ns_per_metric", result->ns[TIME_PARSE],
                     "ns_per_metric", one, "threads", (json_int_t)bench->threads,
                     "threads_ns_per_metric", all, "threads_speedup", all > 0 ? one / all : 0,
                     "flush_seconds", result->ns[TIME_FLUSH] / 1e9, "flushes",
                     (json_int_t)result->passes, "pool_bytes", (json_int_t)result->pool_bytes);
}

static bool print_json(const struct bench *bench, const struct result *result)
{
    json_t *report = as_json(bench, result);
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

static int run_bench(const struct options *options, struct run *run)
{
    if (!bench_pipeline_init(&run->pipeline, run->bench->threads)) {
        fprintf(stderr, "sigmactl bench: out of memory\n");
        return STATUS_FAILED;
    }
    const char *reason = prepare(run);
    if (reason) {
        return options_refuse(options, "%s", reason);
    }
    reason = measure(run);
    if (reason) {
        fprintf(stderr, "sigmactl bench: %s\n", reason);
        return STATUS_FAILED;
    }
    if (run->bench->json) {
        return print_json(run->bench, &run->result) ? STATUS_OK : STATUS_FAILED;
    }
    print_text(run->bench, &run->result);
    return STATUS_OK;
}

static int bench_all(const struct options *options, const struct bench *bench)
{
    static struct run run;
    run.bench = bench;
    int status = run_bench(options, &run);
    bench_pipeline_deinit(&run.pipeline);
    for (size_t i = 0; i < BENCH_WORKERS_MAX; i++) {
        bench_corpus_deinit(&run.corpora[i]);
    }
    for (unsigned i = 0; i < TIMES; i++) {
        free(run.samples.ns[i]);
    }
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
        .threads = 1,
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
        {"flushes", "N", "passes, each closed by a window, at the least (default 5)", OPTION_COUNT,
         &bench.flushes, 1, 1000000},
        {"threads", "N",
         "workers with a shard each on one registry, timed by turns with one of them\n"
         "(default 1)",
         OPTION_COUNT, &bench.threads, 1, BENCH_WORKERS_MAX},
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
                   "sigmactl bench --threads 2 --zipf 1.1\n"
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
