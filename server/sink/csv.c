/* SPDX-License-Identifier: MIT */
#include "server/sink/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/core/require.h"
#include "server/sink/csv_io.h"
#include "server/sink/csv_writer.h"

#define SECOND_NS 1000000000ULL

/* What a row is taken to come to before any was written. */
#define ROW_BYTES_GUESS 64

/* How much longer than its deadline stop() waits for the thread to come back from the kernel. */
#define STOP_GRACE_NS SECOND_NS

static struct csv_sink *sink_of(struct sink *sink)
{
    return (struct csv_sink *)sink;
}

static struct csv_settings settings_of(const struct config *config)
{
    return (struct csv_settings){
        .mode = config->csv.mode,
        .rotate_size_bytes = config->csv.rotate_size_bytes,
        .rotate_age_ms = config->csv.rotate_age_ms,
        .retain_ms = config->csv.retain_ms,
        .max_disk_bytes = config->csv.max_disk_bytes,
        .compress = config->csv.compress,
        .sync = config->csv.sync == SYNC_FLUSH,
    };
}

static void submit(struct sink *base, const struct snapshot *snapshot)
{
    struct csv_sink *sink = sink_of(base);
    uint64_t room_bytes = csv_queue_memory(snapshot);
    uint64_t now_ns = clock_monotonic_ns(sink->clock);
    struct snapshot *given_up;
    pthread_mutex_lock(&sink->lock);
    while ((given_up = csv_queue_give_up(&sink->queue, room_bytes, now_ns))) {
        sink->windows_lost++;
        pthread_mutex_unlock(&sink->lock);
        snapshot_unref(given_up);
        pthread_mutex_lock(&sink->lock);
    }
    csv_queue_put(&sink->queue, snapshot, now_ns);
    sink->arrived = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

static double queue_bytes(const struct csv_sink *sink)
{
    double bytes = 0;
    for (size_t i = 0; i < sink->queue.count; i++) {
        const struct csv_window *window = &sink->queue.windows[i];
        for (int kind = 0; kind < CSV_KINDS; kind++) {
            if (window->files & 1U << kind) {
                bytes += sink->row_bytes[kind] *
                         (double)csv_rows_count((enum csv_kind)kind, window->snapshot);
            }
        }
    }
    return bytes;
}

static void figures(struct sink *base, struct sink_figures *figures)
{
    struct csv_sink *sink = sink_of(base);
    *figures = (struct sink_figures){0};
    pthread_mutex_lock(&sink->lock);
    figures->done_window = csv_queue_done_window(&sink->queue);
    figures->errors = sink->errors;
    figures->windows_lost = sink->windows_lost;
    figures->bytes_sent = sink->bytes_sent;
    figures->queue_bytes = (uint64_t)queue_bytes(sink);
    figures->failing = sink->failing != 0;
    if (sink->failing) {
        memcpy(figures->reason, sink->reasons[__builtin_ctz(sink->failing)],
               sizeof(figures->reason));
    }
    pthread_mutex_unlock(&sink->lock);
}

static void reopen(struct sink *base)
{
    struct csv_sink *sink = sink_of(base);
    pthread_mutex_lock(&sink->lock);
    sink->reopen = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

void csv_sink_configure(struct sink *base, const struct config *config)
{
    struct csv_sink *sink = sink_of(base);
    pthread_mutex_lock(&sink->lock);
    sink->settings_wanted = settings_of(config);
    sink->configure = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
}

/* Frees all but the thread, which has ended or was never started. */
static void free_sink(struct csv_sink *sink)
{
    csv_retain_deinit(&sink->retain);
    for (int i = 0; i < CSV_KINDS; i++) {
        csv_file_deinit(&sink->files[i]);
    }
    buffer_deinit(&sink->header);
    buffer_deinit(&sink->rows);
    pthread_cond_destroy(&sink->changed);
    pthread_mutex_destroy(&sink->lock);
    free(sink->directory);
    free(sink);
}

/* Waits until the thread has ended; false when it has not by the deadline and the grace behind it.
 */
static bool wait_for_end(struct csv_sink *sink)
{
    uint64_t until_ns = sink->stop_at_ns + STOP_GRACE_NS;
    struct timespec until = {.tv_sec = (time_t)(until_ns / SECOND_NS),
                             .tv_nsec = (long)(until_ns % SECOND_NS)};
    int error = 0;
    while (!sink->ended && error == 0) {
        error = pthread_cond_timedwait(&sink->changed, &sink->lock, &until);
    }
    return sink->ended;
}

static bool stop(struct sink *base, uint64_t deadline_ms)
{
    struct csv_sink *sink = sink_of(base);
    pthread_mutex_lock(&sink->lock);
    uint64_t lost_before = sink->windows_lost;
    sink->stopping = true;
    sink->stop_at_ns = clock_monotonic_ns(&clock_system) + deadline_ms * 1000000;
    pthread_cond_broadcast(&sink->changed);
    bool ended = wait_for_end(sink);
    bool whole = sink->windows_lost == lost_before;
    sink->notify = ended ? sink->notify : NULL;
    pthread_mutex_unlock(&sink->lock);
    if (!ended) {
        /* The thread hangs in the kernel and still uses all of this, so it stays until the process
         * ends. */
        log_line(LOG_LEVEL_ERROR, "csv writer does not come back", "directory", sink->directory,
                 NULL);
        pthread_detach(sink->thread);
        return false;
    }
    pthread_join(sink->thread, NULL);
    free_sink(sink);
    return whole;
}

static const struct sink_ops csv_ops = {
    .name = "csv",
    .submit = submit,
    .figures = figures,
    .reopen = reopen,
    .stop = stop,
};

static void init_lock(struct csv_sink *sink)
{
    pthread_condattr_t attributes;
    REQUIRE(pthread_mutex_init(&sink->lock, NULL) == 0);
    REQUIRE(pthread_condattr_init(&attributes) == 0);
    REQUIRE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    REQUIRE(pthread_cond_init(&sink->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

static struct csv_sink *make_sink(const struct config *config, const struct clock *clock)
{
    struct csv_sink *sink = calloc(1, sizeof(*sink));
    char *directory = strdup(config->csv.directory);
    if (!sink || !directory) {
        free(sink);
        free(directory);
        return NULL;
    }
    sink->base.ops = &csv_ops;
    sink->clock = clock;
    sink->directory = directory;
    sink->settings = settings_of(config);
    init_lock(sink);
    csv_retain_init(&sink->retain, directory, clock);
    bool made = true;
    for (int i = 0; i < CSV_KINDS; i++) {
        made = csv_file_init(&sink->files[i], directory, (enum csv_kind)i) && made;
        sink->row_bytes[i] = ROW_BYTES_GUESS;
    }
    if (!made) {
        free_sink(sink);
        return NULL;
    }
    return sink;
}

/* Opens every file. A full disk is no cause to refuse: the windows wait for space. */
static bool open_files(struct csv_sink *sink, const struct config *config, char *reason,
                       size_t reason_size)
{
    int64_t now_ms = clock_wall_ns(sink->clock) / 1000000;
    unsigned files = csv_rows_files(config->histograms.count > 0);
    for (int i = 0; i < CSV_KINDS; i++) {
        struct csv_file *file = &sink->files[i];
        if (!(files & 1U << i)) {
            continue;
        }
        sink->header.length = 0;
        csv_rows_header((enum csv_kind)i, config->flush.percentiles.items,
                        config->flush.percentiles.count, &sink->header);
        if (sink->header.failed) {
            snprintf(reason, reason_size, "out of memory");
            return false;
        }
        if (csv_file_open(file, &sink->settings, &sink->header, now_ms)) {
            continue;
        }
        if (errno != ENOSPC && errno != EDQUOT) {
            snprintf(reason, reason_size, "%s/%s", sink->directory, file->reason);
            return false;
        }
        log_line(LOG_LEVEL_ERROR, "csv file cannot be written", "file", file->path, "error",
                 file->reason, NULL);
    }
    return true;
}

/* Signals are the main thread's; SIGXFSZ must not end the process when a file meets its limit. */
static int start_thread(struct csv_sink *sink)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGPROF); /* profiles are of every thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&sink->thread, NULL, csv_writer_run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        pthread_setname_np(sink->thread, "csv");
    }
    return error;
}

struct sink *csv_sink_new(const struct config *config, const struct clock *clock,
                          sink_notify *notify, void *context, char *reason, size_t reason_size)
{
    const char *directory = config->csv.directory;
    if (!csv_io_make_directory(directory) ||
        faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0) {
        snprintf(reason, reason_size, "%s: %s", directory, strerror(errno));
        return NULL;
    }
    struct csv_sink *sink = make_sink(config, clock);
    if (!sink) {
        snprintf(reason, reason_size, "out of memory");
        return NULL;
    }
    sink->notify = notify;
    sink->context = context;
    if (!open_files(sink, config, reason, reason_size)) {
        free_sink(sink);
        return NULL;
    }
    int error = start_thread(sink);
    if (error != 0) {
        snprintf(reason, reason_size, "thread: %s", strerror(error));
        free_sink(sink);
        return NULL;
    }
    return &sink->base;
}
