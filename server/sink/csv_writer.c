/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_writer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/core/log.h"

#define MS_NS 1000000ULL
#define SECOND_NS (1000 * MS_NS)

/* Rows are rendered and written in pieces of this size: a piece is still in the processor's cache
 * when it is written, and the largest window takes no more memory. */
#define ROWS_BYTES_MAX (256 * 1024)

#define PAUSE_MIN_NS (250 * MS_NS)
#define PAUSE_MAX_NS (5 * SECOND_NS)
#define PAUSE_STOPPING_NS (50 * MS_NS)

/* The folder is looked through this often, and whenever a 64th of max_disk has been written. */
#define LOOK_PAUSE_NS (60 * SECOND_NS)
#define LOOK_BYTES_MIN (64 * 1024)

/* After a step of tidying the thread rests as long as the step took, but no longer than this. */
#define REST_MAX_NS (20 * MS_NS)

/* A step of tidying is due after so many writes even when more wait, or max_disk could not be kept.
 */
#define WRITES_IN_ROW_MAX (4 * CSV_KINDS)

/* Lost windows are logged at once, then as a sum at most this often. */
#define LOST_LOG_PAUSE_NS (10 * SECOND_NS)

static uint64_t now_ns(const struct csv_sink *sink)
{
    return clock_monotonic_ns(sink->clock);
}

/* Waits for a change or until `pause_ns` have passed; the lock is held before and after. */
static void wait_for(struct csv_sink *sink, uint64_t pause_ns)
{
    uint64_t until_ns = clock_monotonic_ns(&clock_system) + pause_ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / SECOND_NS),
                             .tv_nsec = (long)(until_ns % SECOND_NS)};
    pthread_cond_timedwait(&sink->changed, &sink->lock, &until);
}

static size_t render(struct csv_sink *sink, enum csv_kind kind, const struct snapshot *snapshot,
                     size_t from)
{
    sink->rows.length = 0;
    return csv_rows_render(kind, snapshot, from, ROWS_BYTES_MAX, &sink->rows);
}

/* How many bytes the file must have room for: of all rows where it may be too small for them, else
 * at least those of the first piece. sink->rows then holds the rows before *rendered, unless all
 * had to be measured and there are several pieces: 0. */
static uint64_t measure(struct csv_sink *sink, enum csv_kind kind, const struct snapshot *snapshot,
                        size_t *rendered)
{
    size_t count = csv_rows_count(kind, snapshot);
    size_t next = render(sink, kind, snapshot, 0);
    uint64_t bytes = sink->rows.length;
    uint64_t expected = (uint64_t)(sink->row_bytes[kind] * (double)count);
    *rendered = next;
    if (csv_file_is_too_small(&sink->files[kind], &sink->settings, expected)) {
        while (next < count && !sink->rows.failed) {
            next = render(sink, kind, snapshot, next);
            bytes += sink->rows.length;
            *rendered = 0;
        }
    }
    return bytes;
}

/* Appends all rows, of which sink->rows holds those before `rendered`; *bytes is what they came to.
 */
static bool append_rows(struct csv_sink *sink, enum csv_kind kind, const struct snapshot *snapshot,
                        size_t rendered, uint64_t *bytes)
{
    size_t count = csv_rows_count(kind, snapshot);
    size_t next = rendered > 0 ? rendered : render(sink, kind, snapshot, 0);
    *bytes = 0;
    for (;;) {
        *bytes += sink->rows.length;
        if (sink->rows.failed ||
            (sink->rows.length > 0 &&
             !csv_file_append(&sink->files[kind], sink->rows.bytes, sink->rows.length))) {
            return false;
        }
        if (next >= count) {
            return true;
        }
        next = render(sink, kind, snapshot, next);
    }
}

/* Appends the window to the file that it belongs into. One that turns out too large for it is taken
 * back and begun again with its true size. */
static bool append_window(struct csv_sink *sink, enum csv_kind kind,
                          const struct snapshot *snapshot, uint64_t *bytes)
{
    struct csv_file *file = &sink->files[kind];
    int64_t stamp_ms = csv_rows_stamp_ms(snapshot);
    size_t rendered;
    uint64_t room;
    *bytes = measure(sink, kind, snapshot, &rendered);
    do {
        room = *bytes;
        if (sink->header.failed || sink->rows.failed ||
            !csv_file_begin(file, &sink->settings, &sink->header, stamp_ms, room) ||
            !append_rows(sink, kind, snapshot, rendered, bytes)) {
            return false;
        }
        rendered = 0;
    } while (*bytes > room && csv_file_is_too_small(file, &sink->settings, *bytes));
    return csv_file_commit(file, sink->settings.sync);
}

/* Brings one window into one file, as a whole or not at all; *bytes is what it came to. */
static bool write_window(struct csv_sink *sink, enum csv_kind kind, const struct snapshot *snapshot,
                         uint64_t *bytes)
{
    struct csv_file *file = &sink->files[kind];
    sink->header.length = 0;
    csv_rows_header(kind, snapshot->percents, snapshot->percentile_count, &sink->header);
    bool written = append_window(sink, kind, snapshot, bytes);
    if (sink->header.failed || sink->rows.failed) {
        csv_file_rollback(file);
        buffer_deinit(&sink->header);
        buffer_deinit(&sink->rows);
        snprintf(file->reason, sizeof(file->reason), "%s.csv: out of memory", csv_kind_name(kind));
    }
    return written;
}

static void log_outcome(struct csv_sink *sink, enum csv_kind kind, bool written)
{
    const struct csv_file *file = &sink->files[kind];
    if (written) {
        log_line(LOG_LEVEL_INFO, "csv file written again", "file", file->path, NULL);
    } else {
        log_line(LOG_LEVEL_ERROR, "csv file cannot be written", "file", file->path, "error",
                 file->reason, NULL);
    }
}

/* Enters the outcome of an attempt; with the lock. Returns whether the file has begun or ceased to
 * fail, or fails for another reason than before. */
static bool record(struct csv_sink *sink, enum csv_kind kind, const struct snapshot *snapshot,
                   bool written, uint64_t bytes)
{
    unsigned bit = 1U << kind;
    bool failed_before = (sink->failing & bit) != 0;
    struct csv_attempt *attempt = &sink->attempts[kind];
    if (written) {
        size_t count = csv_rows_count(kind, snapshot);
        sink->bytes_sent += bytes;
        sink->row_bytes[kind] = count ? (double)bytes / (double)count : sink->row_bytes[kind];
        sink->failing &= ~bit;
        attempt->pause_ns = 0;
        return failed_before;
    }
    bool same = failed_before && strcmp(sink->reasons[kind], sink->files[kind].reason) == 0;
    sink->errors++;
    sink->failing |= bit;
    sink->blocked |= bit;
    attempt->at_ns = now_ns(sink);
    attempt->pause_ns = attempt->pause_ns ? 2 * attempt->pause_ns : PAUSE_MIN_NS;
    if (attempt->pause_ns > PAUSE_MAX_NS) {
        attempt->pause_ns = PAUSE_MAX_NS;
    }
    memcpy(sink->reasons[kind], sink->files[kind].reason, sizeof(sink->reasons[kind]));
    return !same;
}

/* Writes the next window that a file lacks. False when there is nothing that can be tried now. */
static bool write_next(struct csv_sink *sink)
{
    struct snapshot *snapshot;
    enum csv_kind kind;
    uint64_t bytes;
    if (!csv_queue_next(&sink->queue, CSV_FILES_ALL & ~sink->blocked, &snapshot, &kind)) {
        return false;
    }
    pthread_mutex_unlock(&sink->lock);
    bool written = write_window(sink, kind, snapshot, &bytes);
    pthread_mutex_lock(&sink->lock);
    bool news = record(sink, kind, snapshot, written, bytes);
    struct snapshot *done = csv_queue_settle(&sink->queue, kind, written);
    pthread_mutex_unlock(&sink->lock);
    if (news) {
        log_outcome(sink, kind, written);
    }
    snapshot_unref(done);
    pthread_mutex_lock(&sink->lock);
    return true;
}

/* Lets files be tried again whose pause is over. A new window shortens every pause to the first
 * one. */
static void release_blocked(struct csv_sink *sink)
{
    for (int i = 0; sink->blocked && i < CSV_KINDS; i++) {
        const struct csv_attempt *attempt = &sink->attempts[i];
        uint64_t pause_ns = sink->arrived ? PAUSE_MIN_NS : attempt->pause_ns;
        if (now_ns(sink) - attempt->at_ns >= pause_ns) {
            sink->blocked &= ~(1U << i);
        }
    }
    sink->arrived = false;
}

static void reopen_files(struct csv_sink *sink)
{
    /* The next window opens them; but a file that was moved away should be there again at once. */
    for (int i = 0; i < CSV_KINDS; i++) {
        struct csv_file *file = &sink->files[i];
        struct buffer header = file->header;
        file->header = (struct buffer){0};
        csv_file_close(file);
        if (header.length > 0 && !csv_file_open(file, &sink->settings, &header,
                                                clock_wall_ns(sink->clock) / (int64_t)MS_NS)) {
            log_outcome(sink, (enum csv_kind)i, false);
        }
        buffer_deinit(&header);
    }
}

/* Does what other threads asked for. The lock is held from taking over the settings to the return,
 * so that a window submitted behind csv_sink_configure() is never written by the settings of
 * before. */
static void take_requests(struct csv_sink *sink)
{
    if (sink->reopen) {
        sink->reopen = false;
        pthread_mutex_unlock(&sink->lock);
        reopen_files(sink);
        pthread_mutex_lock(&sink->lock);
    }
    if (sink->configure) {
        sink->configure = false;
        sink->settings = sink->settings_wanted;
        csv_retain_want(&sink->retain);
    }
}

/* Gives up windows that have waited too long, or, with `all`, every one. */
static void give_up(struct csv_sink *sink, bool all)
{
    struct snapshot *snapshot;
    while ((snapshot = all ? csv_queue_take(&sink->queue)
                           : csv_queue_give_up(&sink->queue, 0, now_ns(sink)))) {
        sink->windows_lost++;
        pthread_mutex_unlock(&sink->lock);
        snapshot_unref(snapshot);
        pthread_mutex_lock(&sink->lock);
    }
}

static void log_lost(struct csv_sink *sink, bool now)
{
    uint64_t lost = sink->windows_lost - sink->lost_logged;
    if (lost == 0 || (!now && sink->lost_logged > 0 && now_ns(sink) < sink->lost_log_at_ns)) {
        return;
    }
    sink->lost_logged += lost;
    sink->lost_log_at_ns = now_ns(sink) + LOST_LOG_PAUSE_NS;
    pthread_mutex_unlock(&sink->lock);
    log_line(LOG_LEVEL_ERROR, "csv windows lost", "count",
             log_text("%llu", (unsigned long long)lost), NULL);
    pthread_mutex_lock(&sink->lock);
}

/* Tells the owner what has changed since it was told last. */
static void tell(struct csv_sink *sink)
{
    uint64_t window = csv_queue_done_window(&sink->queue);
    if (window == sink->window_told && sink->errors == sink->errors_told) {
        return;
    }
    sink->window_told = window;
    sink->errors_told = sink->errors;
    sink_notify *notify = sink->notify;
    pthread_mutex_unlock(&sink->lock);
    if (notify) {
        notify(sink->context);
    }
    pthread_mutex_lock(&sink->lock);
}

/* Asks for a look through the folder when there is a cause. */
static void want_look(struct csv_sink *sink)
{
    uint64_t rotations = 0;
    uint64_t share = sink->settings.max_disk_bytes / 64;
    uint64_t bytes_max = share > LOOK_BYTES_MIN ? share : LOOK_BYTES_MIN;
    for (int i = 0; i < CSV_KINDS; i++) {
        rotations += sink->files[i].rotations;
    }
    bool grown =
        sink->settings.max_disk_bytes > 0 && sink->bytes_sent - sink->bytes_seen >= bytes_max;
    if (rotations != sink->rotations_seen || grown || now_ns(sink) >= sink->look_at_ns) {
        sink->rotations_seen = rotations;
        sink->bytes_seen = sink->bytes_sent;
        sink->look_at_ns = now_ns(sink) + LOOK_PAUSE_NS;
        csv_retain_want(&sink->retain);
    }
}

/* Does a step of compressing and deleting and says how long it took. False when there is none to
 * do. */
static bool tidy(struct csv_sink *sink, uint64_t *took_ns)
{
    want_look(sink);
    sink->writes_in_row = 0;
    pthread_mutex_unlock(&sink->lock);
    uint64_t begun_ns = clock_monotonic_ns(&clock_system);
    bool more = csv_retain_step(&sink->retain, &sink->settings);
    *took_ns = clock_monotonic_ns(&clock_system) - begun_ns;
    pthread_mutex_lock(&sink->lock);
    return more;
}

/* How long nothing can be done unless something changes. */
static uint64_t pause_ns(const struct csv_sink *sink)
{
    uint64_t now = now_ns(sink);
    uint64_t until = sink->look_at_ns;
    for (int i = 0; i < CSV_KINDS; i++) {
        const struct csv_attempt *attempt = &sink->attempts[i];
        if ((sink->blocked & 1U << i) && attempt->at_ns + attempt->pause_ns < until) {
            until = attempt->at_ns + attempt->pause_ns;
        }
    }
    return until > now ? until - now : 0;
}

static void stay_until_changed(struct csv_sink *sink)
{
    if (sink->stopping) {
        wait_for(sink, PAUSE_STOPPING_NS);
        sink->blocked = 0;
    } else if (!sink->arrived && !sink->reopen && !sink->configure) {
        wait_for(sink, pause_ns(sink));
    }
}

/* Between two windows: tidies, with a rest after each step that took long, or waits for something
 * to do. */
static void idle(struct csv_sink *sink)
{
    uint64_t took_ns = 0;
    if (sink->stopping || !tidy(sink, &took_ns)) {
        stay_until_changed(sink);
    } else if (took_ns >= MS_NS && !sink->arrived && !sink->stopping) {
        wait_for(sink, took_ns < REST_MAX_NS ? took_ns : REST_MAX_NS);
    }
}

static bool has_ended(const struct csv_sink *sink)
{
    return sink->stopping &&
           (sink->queue.count == 0 || clock_monotonic_ns(&clock_system) >= sink->stop_at_ns);
}

void *csv_writer_run(void *argument)
{
    struct csv_sink *sink = argument;
    pthread_mutex_lock(&sink->lock);
    for (;;) {
        release_blocked(sink);
        give_up(sink, false);
        log_lost(sink, false);
        tell(sink);
        if (has_ended(sink)) {
            break;
        }
        take_requests(sink);
        if (!write_next(sink)) {
            idle(sink);
        } else if (++sink->writes_in_row >= WRITES_IN_ROW_MAX && !sink->stopping) {
            uint64_t took_ns;
            tidy(sink, &took_ns);
        }
    }
    give_up(sink, true);
    log_lost(sink, true);
    tell(sink);
    sink->ended = true;
    pthread_cond_broadcast(&sink->changed);
    pthread_mutex_unlock(&sink->lock);
    return NULL;
}
