/* SPDX-License-Identifier: MIT
 *
 * sigmactl replay: repeats a recording (record_file.h), through the server's own pipeline in this
 * process, whose windows are cut by the recorded times, or to a server.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/number.h"
#include "server/core/clock.h"
#include "server/metrics/figures.h"
#include "tools/sigmactl/commands.h"
#include "tools/sigmactl/csv_folder.h"
#include "tools/sigmactl/options.h"
#include "tools/sigmactl/pipeline.h"
#include "tools/sigmactl/record_file.h"
#include "tools/sigmactl/socket.h"

/* The pipeline's clock at the start of the recording: a stamp of 0 would mean never. */
#define START_NS UINT64_C(1000000000)
#define SPEED_MAX 1e6

struct replay {
    const char *csv, *config_path, *speed_text;
    struct endpoint target;
    bool in_process;
    double speed; /* 0 = as fast as it goes */
    uint64_t started_ns;
    int descriptor; /* -1 = nothing is sent */
    bool stream;
    struct record_reader reader;
    struct pipeline pipeline;
    struct csv_folder folder;
    uint64_t datagrams, bytes, windows, refused;
};

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "sigmactl replay: %s: %s\n", what, why);
    return false;
}

/* Waits until the record is due. */
static void keep_pace(const struct replay *replay, uint64_t offset_ns)
{
    if (replay->speed == 0) {
        return;
    }
    uint64_t due = replay->started_ns + (uint64_t)((double)offset_ns / replay->speed);
    struct timespec then = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) == EINTR) {
    }
}

static bool send_datagram(struct replay *replay, const struct record *record)
{
    bool refused = false;
    bool ends = record->length > 0 && record->bytes[record->length - 1] == '\n';
    if (!socket_send(replay->descriptor, record->bytes, record->length, &refused) ||
        (replay->stream && !ends && !socket_send(replay->descriptor, "\n", 1, &refused))) {
        return fail("sending", strerror(errno));
    }
    replay->refused += refused;
    return true;
}

static bool close_window(struct replay *replay, uint64_t now_ns, int64_t wall_ns, bool final)
{
    struct snapshot *snapshot = pipeline_close(&replay->pipeline, now_ns, wall_ns, final);
    if (!snapshot) {
        return fail("a window", "out of memory");
    }
    replay->windows++;
    bool written = !replay->csv || csv_folder_add(&replay->folder, snapshot);
    int error = errno;
    pipeline_release(&replay->pipeline, snapshot);
    return written || fail(replay->csv, strerror(error));
}

/* Windows end at their boundaries, whatever the pace. */
static bool close_due(struct replay *replay, uint64_t now_ns)
{
    const struct window *window = &replay->pipeline.window;
    while (now_ns >= window->ends_ns) {
        if (!close_window(replay, window->ends_ns, window->boundary_wall_ns, false)) {
            return false;
        }
    }
    return true;
}

static bool take(struct replay *replay, const struct record *record)
{
    keep_pace(replay, record->offset_ns);
    replay->datagrams++;
    replay->bytes += record->length;
    if (replay->descriptor >= 0 && !send_datagram(replay, record)) {
        return false;
    }
    if (!replay->in_process) {
        return true;
    }
    uint64_t now = START_NS + record->offset_ns;
    if (!close_due(replay, now)) {
        return false;
    }
    pipeline_take(&replay->pipeline, record->bytes, record->length, now);
    return true;
}

/* The last window is as long as the recording went on in it. */
static bool end(struct replay *replay)
{
    uint64_t now = START_NS + replay->reader.end_ns;
    if (!replay->in_process) {
        return true;
    }
    if (!close_due(replay, now)) {
        return false;
    }
    return now == replay->pipeline.window.started_ns ||
           close_window(replay, now, replay->reader.start_wall_ns + (int64_t)replay->reader.end_ns,
                        true);
}

static bool repeat(struct replay *replay, const char *path)
{
    struct record record;
    enum record_result result;
    replay->started_ns = clock_monotonic_ns(&clock_system);
    while ((result = record_reader_next(&replay->reader, &record)) == RECORD_DATAGRAM) {
        if (!take(replay, &record)) {
            return false;
        }
    }
    if (result == RECORD_DAMAGED) {
        return fail(path, replay->reader.reason);
    }
    if (result == RECORD_CUT) {
        fprintf(stderr,
                "sigmactl replay: %s: the recording was broken off; what is whole of it was "
                "repeated\n",
                path);
    }
    if (replay->reader.dropped > 0) {
        fprintf(stderr, "sigmactl replay: %s: %" PRIu64 " datagrams were dropped while recording\n",
                path, replay->reader.dropped);
    }
    return end(replay);
}

static void print_reason(const char *what, unsigned reason, uint64_t count)
{
    if (count > 0) {
        printf("%s %s %" PRIu64 "\n", what, loss_reason_name(reason), count);
    }
}

static void print_figures(const struct ingest_figures *figures)
{
    printf("lines %" PRIu64 "\n", figures->lines_received[TRANSPORT_UDP]);
    printf("samples %" PRIu64 "\n", ingest_samples_received(figures));
    printf("stored %" PRIu64 "\n", ingest_samples_stored(figures));
    for (unsigned i = 0; i < STATSD_REASONS; i++) {
        print_reason("line_rejected", i, figures->lines_rejected[i]);
    }
    for (unsigned i = 0; i < LOSS_REASONS; i++) {
        print_reason("sample_rejected", i, figures->samples_rejected[i]);
    }
    if (figures->samples_late > 0) {
        printf("samples_late %" PRIu64 "\n", figures->samples_late);
    }
}

static void report(const struct replay *replay)
{
    printf("datagrams %" PRIu64 "\nbytes %" PRIu64 "\nseconds %.3f\n", replay->datagrams,
           replay->bytes, (double)replay->reader.end_ns / 1e9);
    if (replay->in_process) {
        printf("windows %" PRIu64 "\n", replay->windows);
        print_figures(&replay->pipeline.intake->figures);
    }
    if (replay->refused > 0) {
        printf("refused %" PRIu64 "\n", replay->refused);
        fprintf(stderr, "sigmactl replay: nothing listened there for some datagrams\n");
    }
}

static bool run_in_process(struct replay *replay, const char *path)
{
    struct config_sources sources = {.path =
                                         replay->config_path ? replay->config_path : "/dev/null"};
    struct config *config = config_load(&sources, stderr, NULL);
    if (!config) {
        return false;
    }
    bool done = pipeline_init(&replay->pipeline, config, START_NS, replay->reader.start_wall_ns) ||
                fail("the pipeline", "out of memory");
    if (done && replay->csv) {
        done = csv_folder_open(&replay->folder, replay->csv, config) ||
               fail(replay->folder.path, strerror(errno));
        done = done && repeat(replay, path);
        done = (csv_folder_close(&replay->folder) || fail(replay->csv, strerror(errno))) && done;
    } else if (done) {
        done = repeat(replay, path);
    }
    if (done) {
        report(replay);
    }
    pipeline_deinit(&replay->pipeline);
    config_free(config);
    return done;
}

static bool run(struct replay *replay, const char *path)
{
    if (replay->in_process) {
        return run_in_process(replay, path);
    }
    bool done = repeat(replay, path);
    if (done) {
        report(replay);
    }
    return done;
}

static bool connect_target(struct replay *replay)
{
    char reason[SOCKET_REASON_MAX], name[ENDPOINT_TEXT_MAX];
    replay->descriptor = -1;
    if (replay->target.host[0] == '\0') {
        return true;
    }
    replay->stream = endpoint_is_stream(&replay->target);
    replay->descriptor = socket_connect(&replay->target, 5000, reason);
    endpoint_format(&replay->target, name);
    return replay->descriptor >= 0 || fail(name, reason);
}

static int start(struct replay *replay, const char *path)
{
    if (!record_reader_open(&replay->reader, path)) {
        fail(path, replay->reader.reason);
        return STATUS_FAILED;
    }
    bool done = connect_target(replay) && run(replay, path);
    if (replay->descriptor >= 0) {
        close(replay->descriptor);
    }
    record_reader_close(&replay->reader);
    return done && replay->refused == 0 ? STATUS_OK : STATUS_FAILED;
}

/* False when the text is no speed. */
static bool read_speed(struct replay *replay)
{
    if (!replay->speed_text) {
        replay->speed = replay->target.host[0] == '\0' ? 0 : 1;
        return true;
    }
    if (strcmp(replay->speed_text, "max") == 0) {
        replay->speed = 0;
        return true;
    }
    return number_parse(replay->speed_text, strlen(replay->speed_text), &replay->speed) &&
           replay->speed > 0 && replay->speed <= SPEED_MAX;
}

static struct replay replaying; /* too large for the stack */

int command_replay(int argc, char **argv)
{
    const struct option_entry entries[] = {
        {"to", "TARGET",
         "sends the datagrams: HOST:PORT or udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH,\n"
         "unix-stream:///PATH; without --csv nothing else is done then",
         OPTION_TARGET, &replaying.target, 0, 0},
        {"speed", "N",
         "times as fast as recorded, or max (default max, with --to 1); what is written\n"
         "to --csv is the same at any speed",
         OPTION_TEXT, &replaying.speed_text, 0, 0},
        {"csv", "DIR", "writes the CSV files that a server would have; none may exist", OPTION_TEXT,
         &replaying.csv, 0, 0},
        {"config", "FILE", "the statsd.ini of that server (default: the defaults)", OPTION_TEXT,
         &replaying.config_path, 0, 0},
    };
    const struct options options = {
        .command = "replay",
        .operands = "FILE",
        .summary =
            "Repeats what sigmactl record has recorded, by the server's own code in this process,\n"
            "with windows that end where they would have ended, or to a server (--to). Prints "
            "what\n"
            "became of it.",
        .example = "sigmactl replay traffic.rec --csv out\n"
                   "sigmactl replay traffic.rec --to 127.0.0.1:8125 --speed 10",
        .entries = entries,
        .count = sizeof(entries) / sizeof(entries[0]),
    };
    int status;
    const char *recording = options_parse_operand(&options, argc, argv, "recording", &status);
    if (!recording) {
        return status;
    }
    if (!read_speed(&replaying)) {
        return options_refuse(&options, "--speed `%s` is neither a number above 0 nor max",
                              replaying.speed_text);
    }
    replaying.in_process = replaying.csv || replaying.target.host[0] == '\0';
    return start(&replaying, recording);
}
