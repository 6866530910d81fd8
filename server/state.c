/* SPDX-License-Identifier: MIT */
#include "server/state.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/core/clock.h"
#include "server/core/log.h"
#include "server/core/require.h"
#include "server/lock.h"
#include "server/sink/backoff.h"
#include "server/state_file.h"
#include "server/state_text.h"

#define SECOND_NS UINT64_C(1000000000)
/* How much longer than its deadline the stop waits for the thread to come back from the kernel. */
#define STOP_GRACE_NS SECOND_NS

/* What a part has handed over of its section and the thread has not taken yet. */
struct kept {
    char section[STATE_NAME_BYTES];
    struct buffer bytes;
    state_render *render; /* NULL: they are lines already */
};

struct state {
    struct sink sink; /* must be first */
    char *path, *locked;
    sink_notify *notify;
    void *context;
    pthread_t thread;
    int lock_fd; /* the thread's */
    bool has_folder;
    bool set_aside;         /* the file that was there at the start */
    struct state_text text; /* the thread's once there is something to do */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct kept kept[STATE_SECTIONS_MAX / 2];
    size_t kept_count;
    bool stale; /* the file has not what `text` has */
    bool writing, stopping, ended;
    uint64_t submitted_window, retry_ns;
    unsigned failures; /* in a row */
    struct sink_figures figures;
};

static struct state *state_of(struct sink *sink)
{
    return (struct state *)sink;
}

/* With the lock held: something was kept, or the file is stale. */
static bool has_work(const struct state *state)
{
    return state->kept_count > 0 || state->stale;
}

static void settle(struct state *state)
{
    if (!has_work(state) && !state->writing) {
        state->figures.done_window = state->submitted_window;
    }
}

static void submit(struct sink *sink, const struct snapshot *snapshot)
{
    struct state *state = state_of(sink);
    pthread_mutex_lock(&state->lock);
    state->submitted_window = snapshot->window;
    state->retry_ns = 0;
    settle(state);
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    state->notify(state->context);
}

static void figures(struct sink *sink, struct sink_figures *out)
{
    struct state *state = state_of(sink);
    pthread_mutex_lock(&state->lock);
    *out = state->figures;
    pthread_mutex_unlock(&state->lock);
}

/* Frees what was kept without anybody having wanted it. */
static void let_go(struct kept *kept)
{
    if (kept->render) {
        kept->render(&kept->bytes, NULL);
    }
    buffer_deinit(&kept->bytes);
}

/* With the lock held. */
static struct kept *kept_of(struct state *state, const char *section)
{
    for (size_t i = 0; i < state->kept_count; i++) {
        if (strcmp(state->kept[i].section, section) == 0) {
            return &state->kept[i];
        }
    }
    REQUIRE(state->kept_count < STATE_SECTIONS_MAX / 2);
    struct kept *kept = &state->kept[state->kept_count++];
    *kept = (struct kept){.render = NULL};
    snprintf(kept->section, sizeof(kept->section), "%s", section);
    return kept;
}

void state_keep(struct state *state, const char *section, struct buffer *bytes,
                state_render *render)
{
    pthread_mutex_lock(&state->lock);
    struct kept *kept = kept_of(state, section);
    struct kept before = *kept;
    kept->bytes = *bytes;
    kept->render = render;
    pthread_mutex_unlock(&state->lock);
    let_go(&before);
    buffer_init(bytes);
}

struct state_span state_known(struct state *state, const char *section)
{
    const struct state_section *place = state_text_find(&state->text, section);
    return place ? (struct state_span){place->text.bytes, place->text.length}
                 : (struct state_span){0};
}

/* Once: what has been written since is ours. */
static void set_aside(struct state *state, const char *reason)
{
    state->set_aside = state->set_aside || state_file_set_aside(state->path);
    log_line(LOG_LEVEL_ERROR, state->text.count > 0 ? "state read in part" : "state not read",
             "file", state->path, "reason", reason, "kept_as",
             state->set_aside ? log_text("%s.bad", state->path) : "", NULL);
}

void state_refuse(struct state *state, const char *section)
{
    set_aside(state, log_text("a line of [%s] is none of ours", section));
    pthread_mutex_lock(&state->lock);
    state->stale = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
}

static void read_file(struct state *state)
{
    struct buffer bytes = {0};
    char reason[STATE_REASON_BYTES];
    if (!state_file_read(state->path, &bytes)) {
        set_aside(state, strerror(errno));
    } else if (bytes.length > 0 &&
               !state_text_read(&state->text, bytes.bytes, bytes.length, reason)) {
        set_aside(state, reason);
        state->stale = state->text.count > 0;
    }
    buffer_deinit(&bytes);
}

static bool is_same_folder(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Before the first write: the folder is there, and nobody else's. */
static bool take_folder(struct state *state, char *reason, size_t reason_size)
{
    char folder[PATH_MAX];
    state_file_folder(folder, state->path);
    if (!state->has_folder && !(state->locked && is_same_folder(folder, state->locked))) {
        state->lock_fd = lock_take(folder, reason, reason_size);
        if (state->lock_fd < 0) {
            return false;
        }
    }
    state->has_folder = true;
    return true;
}

static bool write_file(struct state *state, const struct buffer *bytes, char *reason,
                       size_t reason_size)
{
    if (!take_folder(state, reason, reason_size)) {
        return false;
    }
    bool written = !bytes->failed && state_file_write(state->path, bytes->bytes, bytes->length);
    if (!written) {
        snprintf(reason, reason_size, "%.120s: %s", state->path,
                 strerror(bytes->failed ? ENOMEM : errno));
    }
    return written;
}

/* With the lock held. */
static void note_failure(struct state *state, const char *reason)
{
    struct sink_figures *own = &state->figures;
    if (!own->failing || strcmp(own->reason, reason) != 0) {
        log_line(LOG_LEVEL_ERROR, "state not written", "reason", reason, NULL);
    }
    own->errors++;
    own->failing = true;
    snprintf(own->reason, sizeof(own->reason), "%s", reason);
    state->stale = true;
    state->failures++;
    state->retry_ns =
        clock_monotonic_ns(&clock_system) + backoff_ms(state->failures, 0) * UINT64_C(1000000);
}

static void note_success(struct state *state, size_t bytes)
{
    if (state->figures.failing) {
        log_line(LOG_LEVEL_INFO, "state written again", "file", state->path, NULL);
    }
    state->figures.bytes_sent += bytes;
    state->figures.failing = false;
    state->failures = 0;
}

/* Has a section be made of these lines, which it takes over; whether they are others. */
static bool put_lines(struct state_section *section, struct buffer *lines)
{
    struct buffer before = section->text;
    bool same = before.length == lines->length &&
                (before.length == 0 || memcmp(before.bytes, lines->bytes, before.length) == 0);
    section->text = *lines;
    buffer_init(lines);
    buffer_deinit(&before);
    return !same;
}

/* Makes sections of what was kept; whether any is another now. Without memory one stays as it was.
 */
static bool take_over(struct state *state, struct kept *kept, size_t count)
{
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
        struct buffer lines = {0};
        if (kept[i].render) {
            kept[i].render(&kept[i].bytes, &lines);
            buffer_deinit(&kept[i].bytes);
        } else {
            lines = kept[i].bytes;
        }
        struct state_section *section = state_text_section(&state->text, kept[i].section);
        REQUIRE(section != NULL);
        if (lines.failed) {
            log_line(LOG_LEVEL_ERROR, "no memory for a section of the state", "section",
                     kept[i].section, NULL);
            buffer_deinit(&lines);
        } else {
            changed |= put_lines(section, &lines);
        }
    }
    return changed;
}

/* The file as `text` has it. */
static bool write_text(struct state *state, size_t *length, char *reason, size_t reason_size)
{
    struct buffer bytes = {0};
    state_text_write(&state->text, &bytes);
    bool written = write_file(state, &bytes, reason, reason_size);
    *length = bytes.length;
    buffer_deinit(&bytes);
    return written;
}

/* With the lock held, which it lets go for as long as lines and the disk take. */
static void work_once(struct state *state)
{
    struct kept kept[STATE_SECTIONS_MAX / 2];
    size_t count = state->kept_count, length = 0;
    bool stale = state->stale, written = true;
    char reason[sizeof(state->figures.reason)];
    memcpy(kept, state->kept, count * sizeof(*kept));
    state->kept_count = 0;
    state->stale = false;
    state->writing = true;
    pthread_mutex_unlock(&state->lock);
    stale |= take_over(state, kept, count);
    if (stale) {
        written = write_text(state, &length, reason, sizeof(reason));
    }
    pthread_mutex_lock(&state->lock);
    state->writing = false;
    if (!written) {
        note_failure(state, reason);
    } else if (stale) {
        note_success(state, length);
    }
    settle(state);
    if (state->notify) {
        state->notify(state->context);
    }
}

static void wait_until(struct state *state, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / SECOND_NS),
                             .tv_nsec = (long)(until_ns % SECOND_NS)};
    pthread_cond_timedwait(&state->changed, &state->lock, &until);
}

static void *run(void *context)
{
    struct state *state = context;
    pthread_mutex_lock(&state->lock);
    while (!state->stopping) {
        if (!has_work(state)) {
            pthread_cond_wait(&state->changed, &state->lock);
        } else if (state->retry_ns > clock_monotonic_ns(&clock_system)) {
            wait_until(state, state->retry_ns);
        } else {
            work_once(state);
        }
    }
    if (has_work(state)) {
        work_once(state);
    }
    state->ended = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* Frees all but the thread, which has ended or was never started. */
static void free_state(struct state *state)
{
    for (size_t i = 0; i < state->kept_count; i++) {
        let_go(&state->kept[i]);
    }
    state_text_deinit(&state->text);
    pthread_cond_destroy(&state->changed);
    pthread_mutex_destroy(&state->lock);
    if (state->lock_fd >= 0) {
        close(state->lock_fd);
    }
    free(state->path);
    free(state->locked);
    free(state);
}

static bool stop(struct sink *sink, uint64_t deadline_ms)
{
    struct state *state = state_of(sink);
    uint64_t until_ns = clock_monotonic_ns(&clock_system) + deadline_ms * 1000000 + STOP_GRACE_NS;
    pthread_mutex_lock(&state->lock);
    state->stopping = true;
    state->notify = NULL;
    pthread_cond_broadcast(&state->changed);
    while (!state->ended && clock_monotonic_ns(&clock_system) < until_ns) {
        wait_until(state, until_ns);
    }
    bool ended = state->ended, whole = ended && !has_work(state);
    pthread_mutex_unlock(&state->lock);
    if (!ended) {
        /* It hangs in the kernel and still uses all of this. */
        log_line(LOG_LEVEL_ERROR, "the state's writer does not come back", "file", state->path,
                 NULL);
        pthread_detach(state->thread);
        return false;
    }
    pthread_join(state->thread, NULL);
    free_state(state);
    return whole;
}

static const struct sink_ops ops = {
    .name = "state",
    .aside = true,
    .submit = submit,
    .figures = figures,
    .stop = stop,
};

static void init_lock(struct state *state)
{
    pthread_condattr_t attributes;
    REQUIRE(pthread_mutex_init(&state->lock, NULL) == 0);
    REQUIRE(pthread_condattr_init(&attributes) == 0);
    REQUIRE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    REQUIRE(pthread_cond_init(&state->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

/* Signals are the main thread's business. */
static bool start(struct state *state)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGPROF); /* profiles are of every thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&state->thread, NULL, run, state) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_setname_np(state->thread, "state");
    }
    return started;
}

struct state *state_new(const char *path, const char *locked, sink_notify *notify, void *context)
{
    struct state *state = calloc(1, sizeof(*state));
    if (!state) {
        return NULL;
    }
    state->sink.ops = &ops;
    state->notify = notify;
    state->context = context;
    state->lock_fd = -1;
    init_lock(state);
    state->path = strdup(path);
    state->locked = locked ? strdup(locked) : NULL;
    if (!state->path || (locked && !state->locked)) {
        free_state(state);
        return NULL;
    }
    read_file(state);
    if (!start(state)) {
        free_state(state);
        return NULL;
    }
    return state;
}

struct sink *state_sink(struct state *state)
{
    return &state->sink;
}
