/* SPDX-License-Identifier: MIT
 *
 * The flush, from the slices of a worker to bytes: what merging, deriving, rendering and writing a
 * window of many series cost a series, beside F, a memcpy() of the same line, measured in the same
 * run. All times are CPU time, the kernel included: of the thread for single functions, of the
 * whole process for the flush to files. Every figure is the median of five rounds.
 *
 *   bench_flush [SERIES [PART]]    a table on standard error, JSON on standard output
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/core/require.h"
#include "server/detect/trend.h"
#include "server/flush/derive.h"
#include "server/flush/merge.h"
#include "server/flush/published.h"
#include "server/history/history.h"
#include "server/http/exposition.h"
#include "server/metrics/shard_group.h"
#include "server/sink/csv.h"
#include "server/sink/csv_rows.h"

#define ROUNDS 5
#define SERIES_DEFAULT 1000000
#define TIMER_SAMPLES 20

/* Windows before the measured ones, so that every method judges. */
#define METHOD_WINDOWS 100

/* An hour of windows of 10 s. */
#define HISTORY_WINDOWS 360

/* At eight million samples a second a million counters get 80 each in ten seconds. */
#define COUNTS 200
#define COUNTS_MANY 10000

#define SECOND_NS UINT64_C(1000000000)
#define RENDER_BYTES ((size_t)256 * 1024)
#define FIGURES_MAX 96

/* Of the event loop: server/http/waiting.c. */
#define TURN_WORK 4096

/* A window's measured length is never quite the interval, and rates have all their digits. */
#define WINDOW_NS (10 * SECOND_NS + 123457)

struct figure {
    const char *name;
    const char *unit;
    double value;
    double per_line; /* of F, 0 where that says nothing */
};

static struct figure figures[FIGURES_MAX];
static size_t figure_count;

static double clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static double cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

static void note(const char *name, const char *unit, double value, double floor)
{
    REQUIRE(figure_count < FIGURES_MAX);
    figures[figure_count++] = (struct figure){name, unit, value, floor > 0 ? value / floor : 0};
}

/* The same with a name that is made for it, and kept to the end. */
static void note_made(const char *name, const char *unit, double value)
{
    char *kept = strdup(name);
    REQUIRE(kept);
    note(kept, unit, value, 0);
}

/* A registry with one worker, whose samples the benchmark puts into the slices itself. */
struct bench {
    struct config *config;
    struct pool *pool;
    struct pool_cache *cache;
    struct registry *registry;
    struct detector *detector;
    struct graveyard graveyard;
    struct published published;
    struct shard shard;
    size_t series;
    uint64_t now_ns, sequence, windows;
};

static struct config *load_config(const char *directory, size_t series, const char *method)
{
    char limit[64];
    char folder[256];
    char anomaly[64];
    snprintf(anomaly, sizeof(anomaly), "anomaly.method=%s", method);
    snprintf(limit, sizeof(limit), "limits.max_series=%zu", series + 1000);
    snprintf(folder, sizeof(folder), "csv.directory=%s", directory);
    const char *overrides[] = {limit,
                               folder,
                               anomaly,
                               "anomaly.max_memory=8GiB",
                               "limits.memory=8GiB",
                               "csv.rotate_size=0"};
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = 6};
    struct config *config = config_load(&sources, stderr, NULL);
    REQUIRE(config);
    return config;
}

static void bench_init_with(struct bench *bench, const char *directory, size_t series,
                            const char *method)
{
    *bench = (struct bench){.series = series, .now_ns = 1000 * SECOND_NS};
    bench->config = load_config(directory, series, method);
    bench->pool = pool_new(bench->config->limits.memory_bytes);
    bench->cache = pool_cache_new(bench->pool);
    bench->registry = registry_new(bench->config, bench->pool);
    bench->detector = detector_new(bench->config);
    REQUIRE(bench->pool && bench->cache && bench->registry && bench->detector);
    graveyard_init(&bench->graveyard, bench->registry, bench->cache);
    published_init(&bench->published);
    REQUIRE(shard_init(&bench->shard, bench->config, bench->registry, bench->pool));
}

static void bench_init(struct bench *bench, const char *directory, size_t series)
{
    bench_init_with(bench, directory, series, "sigma");
}

static void bench_deinit(struct bench *bench)
{
    published_deinit(&bench->published);
    graveyard_deinit(&bench->graveyard);
    shard_deinit(&bench->shard);
    detector_free(bench->detector);
    registry_free(bench->registry, bench->cache);
    pool_cache_free(bench->cache);
    pool_free(bench->pool);
    config_free(bench->config);
}

static void store_line(struct bench *bench, const char *line, size_t length)
{
    struct statsd_parser parser;
    struct statsd_item item;
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, line, (uint32_t)length);
    REQUIRE(statsd_parser_read(&parser, &item, 1) == 1 && item.kind == STATSD_SAMPLE);
    REQUIRE(shard_store(&bench->shard, line, &item, bench->now_ns) == 0);
}

/* Names of 35 bytes. */
static void make_names(struct bench *bench, const char *type, const char *tags)
{
    for (size_t i = 0; i < bench->series; i++) {
        char line[128];
        int length = snprintf(line, sizeof(line), "service-%03zu.requests.route.%08zu:1|%s%s",
                              i % 1000, i, type, tags);
        store_line(bench, line, (size_t)length);
    }
}

/* Values of two to four digits, gauges and timers with two decimals; counters get 1 to `counts`. */
static void fill(struct bench *bench, enum metric_kind kind, uint64_t counts)
{
    uint64_t seed = UINT64_C(88172645463325252);
    for (uint32_t i = 0; i < bench->series; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double value = (double)(seed % 9990) + 10;
        if (kind == METRIC_COUNTER) {
            slice_add_counter(bench->shard.open, i, (double)(seed % counts + 1));
        } else if (kind == METRIC_GAUGE) {
            slice_add_gauge(bench->shard.open, i, value / 100, false, bench->now_ns);
        }
        for (unsigned j = 0; kind == METRIC_TIMER && j < TIMER_SAMPLES; j++) {
            REQUIRE(slice_add_timer(bench->shard.open, i, (value + j * 7) / 100, 1, bench->cache));
        }
    }
}

struct stages {
    double merge[ROUNDS], derive[ROUNDS], merge_cpu[ROUNDS], derive_cpu[ROUNDS], sweep[ROUNDS];
};

static void merge(struct bench *bench, struct stages *stages, int round)
{
    bench->now_ns += WINDOW_NS;
    struct slice *slice = shard_swap(&bench->shard, bench->now_ns);
    double begun = thread_ns();
    double cpu = cpu_ns();
    REQUIRE(merge_slices(bench->registry, &slice, 1, bench->cache) == 0);
    stages->merge[round] = thread_ns() - begun;
    stages->merge_cpu[round] = cpu_ns() - cpu;
}

/* The snapshot is the published store's, valid until the second one after it. */
static struct snapshot *derive(struct bench *bench, struct stages *stages, int round, bool close)
{
    struct derive_options options = {
        .config = bench->config,
        .registry = bench->registry,
        .cache = bench->cache,
        .graveyard = &bench->graveyard,
        .detector = bench->detector,
        .close = close,
        .sequence = ++bench->sequence,
        .window = close ? ++bench->windows : bench->windows,
        .now_ns = bench->now_ns,
        .timestamp = (double)(bench->now_ns / SECOND_NS),
        .window_seconds = (double)WINDOW_NS / 1e9,
    };
    REQUIRE(published_reserve(&bench->published));
    double begun = thread_ns();
    double cpu = cpu_ns();
    struct snapshot *snapshot = derive_snapshot(&options);
    stages->derive[round] = thread_ns() - begun;
    stages->derive_cpu[round] = cpu_ns() - cpu;
    REQUIRE(snapshot);
    published_add(&bench->published, snapshot);
    begun = thread_ns();
    graveyard_sweep(&bench->graveyard, published_sweep(&bench->published));
    stages->sweep[round] = thread_ns() - begun;
    return snapshot;
}

static double render_csv(const struct snapshot *snapshot, enum csv_kind kind, struct buffer *out)
{
    size_t count = csv_rows_count(kind, snapshot);
    size_t next = 0;
    double begun = thread_ns();
    while (next < count) {
        out->length = 0;
        next = csv_rows_render(kind, snapshot, next, RENDER_BYTES, out);
    }
    REQUIRE(!out->failed);
    return thread_ns() - begun;
}

/* The text of a whole window and where its lines end. */
struct text {
    struct buffer bytes;
    uint32_t *lengths;
    size_t count;
};

static void text_init(struct text *text, const struct snapshot *snapshot, enum csv_kind kind)
{
    *text = (struct text){0};
    csv_rows_render(kind, snapshot, 0, SIZE_MAX, &text->bytes);
    text->lengths = calloc(csv_rows_count(kind, snapshot), sizeof(*text->lengths));
    REQUIRE(!text->bytes.failed && text->lengths);
    const char *at = text->bytes.bytes;
    const char *end = at + text->bytes.length;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        text->lengths[text->count++] = (uint32_t)(lf + 1 - at);
        at = lf + 1;
    }
}

static void text_deinit(struct text *text)
{
    buffer_deinit(&text->bytes);
    free(text->lengths);
}

/* F: each line copied on its own into a buffer of the size that is rendered into. */
static double copy_lines(const struct text *text, char *out)
{
    const char *from = text->bytes.bytes;
    size_t at = 0;
    double begun = thread_ns();
    for (size_t i = 0; i < text->count; i++) {
        if (at >= RENDER_BYTES) {
            at = 0;
        }
        memcpy(out + at, from, text->lengths[i]);
        __asm__ volatile("" : : "r"(out) : "memory");
        from += text->lengths[i];
        at += text->lengths[i];
    }
    return thread_ns() - begun;
}

static double copy_median(const struct snapshot *snapshot, enum csv_kind kind, double *line_bytes)
{
    struct text text;
    text_init(&text, snapshot, kind);
    char *out = malloc(RENDER_BYTES + 65536);
    REQUIRE(out);
    double rounds[ROUNDS];
    copy_lines(&text, out);
    for (int round = 0; round < ROUNDS; round++) {
        rounds[round] = copy_lines(&text, out) / (double)text.count;
    }
    *line_bytes = (double)text.bytes.length / (double)text.count;
    free(out);
    text_deinit(&text);
    return median(rounds);
}

struct names {
    const char *bytes, *copy, *merge, *derive, *line;
};

static double per_series(double rounds[ROUNDS], size_t series)
{
    return median(rounds) / (double)series;
}

/* Merging, deriving and rendering one kind. */
static void bench_kind(const char *directory, size_t series, enum metric_kind kind,
                       const char *type, const char *tags, uint64_t counts,
                       const struct names *names)
{
    static const enum csv_kind files[METRIC_KINDS] = {CSV_COUNTERS, CSV_GAUGES, CSV_TIMERS,
                                                      CSV_SETS};
    struct bench bench;
    struct stages stages;
    struct buffer out;
    double lines[ROUNDS];
    bench_init(&bench, directory, series);
    buffer_init(&out);
    make_names(&bench, type, tags);
    merge(&bench, &stages, 0);
    struct snapshot *snapshot = derive(&bench, &stages, 0, true);
    for (int round = -1; round < ROUNDS; round++) {
        fill(&bench, kind, counts);
        merge(&bench, &stages, round < 0 ? 0 : round);
        snapshot = derive(&bench, &stages, round < 0 ? 0 : round, true);
        lines[round < 0 ? 0 : round] = render_csv(snapshot, files[kind], &out);
    }
    double line_bytes;
    double floor = copy_median(snapshot, files[kind], &line_bytes);
    note(names->bytes, "bytes", line_bytes, 0);
    note(names->copy, "ns", floor, floor);
    note(names->merge, "ns", per_series(stages.merge, series), floor);
    note(names->derive, "ns", per_series(stages.derive, series), floor);
    note(names->line, "ns", per_series(lines, series), floor);
    buffer_deinit(&out);
    bench_deinit(&bench);
}

/* Closing windows of series of one kind, by one method of detection: the whole of the flusher's own
 * work, and what of it deriving and judging take. */
static void bench_method(const char *directory, size_t series, enum metric_kind kind,
                         const char *type, const char *method)
{
    struct bench bench;
    struct stages stages;
    double whole[ROUNDS];
    char name[64];
    bench_init_with(&bench, directory, series, method);
    make_names(&bench, type, "");
    merge(&bench, &stages, 0);
    derive(&bench, &stages, 0, true);
    for (int window = -METHOD_WINDOWS; window < ROUNDS; window++) {
        int round = window < 0 ? 0 : window;
        fill(&bench, kind, COUNTS);
        merge(&bench, &stages, round);
        derive(&bench, &stages, round, true);
        whole[round] = stages.merge[round] + stages.derive[round] + stages.sweep[round];
    }
    snprintf(name, sizeof(name), "%s by %s, derive and judge", metric_kind_name(kind), method);
    note_made(name, "ns", per_series(stages.derive, series));
    snprintf(name, sizeof(name), "%s by %s, flush of all", metric_kind_name(kind), method);
    note_made(name, "ms", median(whole) / 1e6);
    bench_deinit(&bench);
}

static void bench_methods(const char *directory, size_t series)
{
    static const char *const methods[] = {"off", "sigma", "auto"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        bench_method(directory, series, METRIC_COUNTER, "c", methods[i]);
        bench_method(directory, series, METRIC_GAUGE, "g", methods[i]);
        bench_method(directory, series, METRIC_TIMER, "ms", methods[i]);
    }
}

/* A line through the windows of each series, as /api/v1/trends fits them. Returns the time. */
static double fit_lines(const struct bench *bench, struct history *history, size_t series,
                        size_t *fitted)
{
    static double stamps[HISTORY_WINDOWS], values[HISTORY_WINDOWS];
    const struct counter_row *rows = bench->published.closed->counters;
    struct history_range range = history_find(history, 0, (double)INFINITY, HISTORY_WINDOWS);
    struct trend trend;
    double begun = thread_ns();
    history_stamps(history, &range, stamps, NULL);
    for (size_t i = 0; i < series; i++) {
        history_read(history, &range, rows[i].identity, STATISTIC_RATE, values);
        *fitted += trend_fit(stamps, values, range.count, &trend);
    }
    return thread_ns() - begun;
}

/* Closes an hour of windows of a kind and keeps them; the median time of keeping one. */
static double keep_hour(struct bench *bench, struct history *history, enum metric_kind kind)
{
    struct stages stages;
    double add[ROUNDS];
    for (int window = 1 - HISTORY_WINDOWS; window < ROUNDS; window++) {
        int round = window < 0 ? 0 : window;
        fill(bench, kind, COUNTS);
        merge(bench, &stages, round);
        struct snapshot *snapshot = derive(bench, &stages, round, true);
        double begun = thread_ns();
        history_add(history, snapshot);
        add[round] = thread_ns() - begun;
    }
    return median(add);
}

static struct history *start_history(struct bench *bench, const char *directory, size_t series,
                                     const char *type)
{
    bench_init_with(bench, directory, series, "off");
    bench->config->history.keep_ms = UINT64_C(86400000);
    bench->config->history.memory_bytes = UINT64_C(8) << 30;
    struct history *history = history_new(bench->config);
    REQUIRE(history);
    make_names(bench, type, "");
    return history;
}

static double bytes_each(struct history *history, size_t series)
{
    struct history_figures held;
    history_figures(history, &held);
    return (double)held.bytes / (double)held.windows / (double)series;
}

/* What keeping an hour of windows takes of a flush, and reading all of it. There is a timer to five
 * counters. */
static void bench_history(const char *directory, size_t series)
{
    struct bench bench;
    size_t fitted = 0;
    struct history *history = start_history(&bench, directory, series, "c");
    note("history, a window of counters", "ms", keep_hour(&bench, history, METRIC_COUNTER) / 1e6,
         0);
    note("history, a counter and window", "bytes", bytes_each(history, series), 0);
    note("history, lines through 360 windows of all", "ms",
         fit_lines(&bench, history, series, &fitted) / 1e6, 0);
    REQUIRE(fitted == series);
    history_free(history);
    bench_deinit(&bench);
    size_t timers = series / 5 + 1;
    history = start_history(&bench, directory, timers, "ms");
    note("history, a window of timers, a fifth as many", "ms",
         keep_hour(&bench, history, METRIC_TIMER) / 1e6, 0);
    note("history, a timer and window", "bytes", bytes_each(history, timers), 0);
    history_free(history);
    bench_deinit(&bench);
}

static void wait_for_sink(struct sink *sink, uint64_t window)
{
    struct sink_figures state;
    for (;;) {
        sink->ops->figures(sink, &state);
        REQUIRE(state.errors == 0 && state.windows_lost == 0);
        if (state.done_window >= window) {
            break;
        }
        usleep(2000);
    }
}

/* A window of counters from the slice to the file. */
static void bench_files(const char *directory, size_t series)
{
    struct bench bench;
    struct stages stages;
    char reason[256];
    double total[ROUNDS];
    double file[ROUNDS];
    bench_init(&bench, directory, series);
    struct sink *sink =
        csv_sink_new(bench.config, &clock_system, NULL, NULL, reason, sizeof(reason));
    if (!sink) {
        fprintf(stderr, "%s\n", reason);
        exit(1);
    }
    make_names(&bench, "c", "");
    for (int round = -2; round < ROUNDS; round++) {
        int slot = round < 0 ? 0 : round;
        fill(&bench, METRIC_COUNTER, COUNTS);
        double begun = cpu_ns();
        merge(&bench, &stages, slot);
        struct snapshot *snapshot = derive(&bench, &stages, slot, true);
        double derived = cpu_ns();
        sink->ops->submit(sink, snapshot);
        wait_for_sink(sink, snapshot->window);
        file[slot] = cpu_ns() - derived;
        total[slot] = cpu_ns() - begun;
    }
    REQUIRE(sink->ops->stop(sink, 10000));
    double scale = 1e6;
    note("flush to counters.csv, CPU: merge", "ms", median(stages.merge_cpu) / scale, 0);
    note("flush to counters.csv, CPU: derive and judge", "ms", median(stages.derive_cpu) / scale,
         0);
    note("flush to counters.csv, CPU: render and write", "ms", median(file) / scale, 0);
    note("flush to counters.csv, CPU: whole", "ms", median(total) / scale, 0);
    bench_deinit(&bench);
}

/* What an exposition takes in all, and the longest that the event loop waits for it. */
struct turns {
    double whole[ROUNDS], longest[ROUNDS];
};

static void take_turns(struct exposition *exposition, struct turns *turns, int round)
{
    double begun = thread_ns();
    do {
        double turn = thread_ns();
        exposition_step(exposition, TURN_WORK);
        turns->longest[round] = fmax(turns->longest[round], thread_ns() - turn);
    } while (exposition_is_busy(exposition));
    turns->whole[round] += thread_ns() - begun;
}

static void render(struct exposition *exposition, const struct snapshot *snapshot,
                   enum format format, struct turns *turns, int round)
{
    double begun = thread_ns();
    exposition_begin(exposition, snapshot, format);
    turns->whole[round] = turns->longest[round] = thread_ns() - begun;
    take_turns(exposition, turns, round);
}

static void note_turns(const char *whole, const char *longest, struct turns *turns, size_t series)
{
    note(whole, "ns", per_series(turns->whole, series), 0);
    note(longest, "ms", median(turns->longest) / 1e6, 0);
}

static void bench_exposition(const char *directory, size_t series)
{
    struct bench bench;
    struct stages stages;
    struct turns first, later, openmetrics, protobuf, packing = {0};
    double views[ROUNDS];
    double ratio = 0;
    bench_init(&bench, directory, series);
    make_names(&bench, "c", "");
    merge(&bench, &stages, 0);
    derive(&bench, &stages, 0, true);
    for (int round = 0; round < ROUNDS; round++) {
        struct exposition *exposition = exposition_new(bench.config, false);
        REQUIRE(exposition);
        render(exposition, bench.published.closed, FORMAT_TEXT, &first, round);
        fill(&bench, METRIC_COUNTER, COUNTS);
        merge(&bench, &stages, round);
        struct snapshot *view = derive(&bench, &stages, round, false);
        views[round] = stages.derive[round];
        render(exposition, view, FORMAT_TEXT, &later, round);
        render(exposition, bench.published.closed, FORMAT_OPENMETRICS, &openmetrics, round);
        render(exposition, view, FORMAT_OPENMETRICS, &openmetrics, round);
        render(exposition, bench.published.closed, FORMAT_PROTOBUF, &protobuf, round);
        render(exposition, view, FORMAT_PROTOBUF, &protobuf, round);
        exposition_pack(exposition, FORMAT_TEXT);
        take_turns(exposition, &packing, round);
        const struct gzip_part *packed = exposition_packed(exposition, FORMAT_TEXT);
        REQUIRE(packed);
        ratio = (double)packed->body->length / (double)packed->length;
        exposition_free(exposition);
        derive(&bench, &stages, round, true);
    }
    note("a view derived, a counter", "ns", per_series(views, series), 0);
    note_turns("exposition, a sample of names not seen before",
               "exposition, longest turn, new names", &first, series);
    note_turns("exposition, a sample of known names", "exposition, longest turn, known names",
               &later, series);
    note_turns("exposition, OpenMetrics, a sample", "exposition, longest turn, OpenMetrics",
               &openmetrics, series);
    note_turns("exposition, protobuf, a sample", "exposition, longest turn, protobuf", &protobuf,
               series);
    note_turns("exposition, gzip, a sample", "exposition, longest turn, gzip", &packing, series);
    note("exposition, gzip, of its size", "", ratio, 0);
    bench_deinit(&bench);
}

static void print_table(size_t series)
{
    fprintf(stderr, "%-48s %10s %6s %8s\n", "medians of five rounds", "value", "unit", "/ F");
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure *figure = &figures[i];
        fprintf(stderr, "%-48s %10.2f %6s", figure->name, figure->value, figure->unit);
        if (figure->per_line > 0) {
            fprintf(stderr, " %8.2f", figure->per_line);
        }
        fprintf(stderr, "\n");
    }
    fprintf(stderr, "%zu series\n", series);
}

static void print_json(size_t series)
{
    printf("{\"series\": %zu, \"figures\": [", series);
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure *figure = &figures[i];
        printf("%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.4g", i ? "," : "",
               figure->name, figure->unit, figure->value);
        if (figure->per_line > 0) {
            printf(", \"per_f\": %.4g", figure->per_line);
        }
        printf("}");
    }
    printf("\n]}\n");
}

static void remove_files(const char *directory)
{
    for (int kind = 0; kind < CSV_KINDS; kind++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s.csv", directory, csv_kind_name((enum csv_kind)kind));
        unlink(path);
    }
    rmdir(directory);
}

static bool is_wanted(const char *part, const char *name)
{
    return !part || strcmp(part, name) == 0;
}

int main(int argc, char **argv)
{
    static const struct names counters = {"counter, bytes a line", "F, memcpy of a line, counter",
                                          "counter, merge", "counter, derive and judge",
                                          "counter, CSV line"};
    static const struct names tagged = {"tagged, bytes a line", "F, memcpy of a line, tagged",
                                        "tagged, merge", "tagged, derive and judge",
                                        "tagged, CSV line"};
    static const struct names many = {"many counts, bytes a line",
                                      "F, memcpy of a line, many counts", "many counts, merge",
                                      "many counts, derive and judge", "many counts, CSV line"};
    static const struct names gauges = {"gauge, bytes a line", "F, memcpy of a line, gauge",
                                        "gauge, merge", "gauge, derive and judge",
                                        "gauge, CSV line"};
    static const struct names timers = {"timer, bytes a line", "F, memcpy of a line, timer",
                                        "timer, merge", "timer, derive and judge",
                                        "timer, CSV line"};
    const char *part = argc > 2 ? argv[2] : NULL;
    size_t series = argc > 1 ? strtoul(argv[1], NULL, 10) : SERIES_DEFAULT;
    char directory[] = "/tmp/sigmad-bench-XXXXXX";
    if (series == 0 || !mkdtemp(directory)) {
        fprintf(stderr, "usage: bench_flush [SERIES [kinds|methods|history|files|exposition]]\n");
        return 1;
    }
    if (is_wanted(part, "kinds")) {
        bench_kind(directory, series, METRIC_COUNTER, "c", "", COUNTS, &counters);
        bench_kind(directory, series, METRIC_COUNTER, "c", "|#env:prod,region:eu-west-1", COUNTS,
                   &tagged);
        bench_kind(directory, series, METRIC_COUNTER, "c", "", COUNTS_MANY, &many);
        bench_kind(directory, series, METRIC_GAUGE, "g", "", COUNTS, &gauges);
        bench_kind(directory, series, METRIC_TIMER, "ms", "", COUNTS, &timers);
    }
    if (is_wanted(part, "methods")) {
        bench_methods(directory, part ? series : series / 10 + 1);
    }
    if (is_wanted(part, "history")) {
        bench_history(directory, part ? series : series / 10 + 1);
    }
    if (is_wanted(part, "files")) {
        bench_files(directory, series);
    }
    if (is_wanted(part, "exposition")) {
        bench_exposition(directory, series);
    }
    remove_files(directory);
    print_table(series);
    print_json(series);
    return 0;
}
