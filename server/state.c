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

struct state {
    struct sink sink; /* must be first */
    char *path, *locked;
    sink_notify *notify;
    void *context;
    pthread_t thread;
    int lock_fd; /* the thread's */
    bool has_folder;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct state_text text;
    bool dirty; /* the file has not what `text` has */
    bool writing, stopping, ended;
    uint64_t submitted_window, retry_ns;
    unsigned failures; /* in a row */
    struct sink_figures figures;
};

static struct state *state_of(struct sink *sink)
{
    return (struct state *)sink;
}

static void settle(struct state *state)
{
    if (!state->dirty && !state->writing) {
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

void state_keep(struct state *state, const char *section, struct buffer *text)
{
    pthread_mutex_lock(&state->lock);
    struct state_section *place = state_text_section(&state->text, section);
    REQUIRE(place != NULL);
    bool same = place->text.length == text->length &&
                (text->length == 0 || memcmp(place->text.bytes, text->bytes, text->length) == 0);
    struct buffer other = place->text;
    place->text = *text;
    state->dirty |= !same;
    pthread_mutex_unlock(&state->lock);
    buffer_deinit(&other);
    buffer_init(text);
}

struct state_span state_known(struct state *state, const char *section)
{
    const struct state_section *place = state_text_section(&state->text, section);
    return place ? (struct state_span){place->text.bytes, place->text.length}
                 : (struct state_span){0};
}

static void set_aside(struct state *state, const char *reason)
{
    bool moved = state_file_set_aside(state->path);
    log_line(LOG_LEVEL_ERROR, "state not read", "file", state->path, "reason", reason, "kept_as",
             moved ? log_text("%s.bad", state->path) : "", NULL);
}

void state_refuse(struct state *state, const char *section)
{
    set_aside(state, log_text("a line of [%s] is none of ours", section));
    pthread_mutex_lock(&state->lock);
    state->dirty = true;
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
    state->dirty = true;
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

/* With the lock held, which it lets go for as long as the disk takes. */
static void write_once(struct state *state)
{
    struct buffer bytes = {0};
    char reason[sizeof(state->figures.reason)];
    state_text_write(&state->text, &bytes);
    state->dirty = false;
    state->writing = true;
    pthread_mutex_unlock(&state->lock);
    bool written = write_file(state, &bytes, reason, sizeof(reason));
    pthread_mutex_lock(&state->lock);
    state->writing = false;
    if (written) {
        note_success(state, bytes.length);
    } else {
        note_failure(state, reason);
    }
    settle(state);
    if (state->notify) {
        state->notify(state->context);
    }
    buffer_deinit(&bytes);
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
        if (!state->dirty) {
            pthread_cond_wait(&state->changed, &state->lock);
        } else if (state->retry_ns > clock_monotonic_ns(&clock_system)) {
            wait_until(state, state->retry_ns);
        } else {
            write_once(state);
        }
    }
    if (state->dirty) {
        write_once(state);
    }
    state->ended = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* Frees all but the thread, which has ended or was never started. */
static void free_state(struct state *state)
{
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
    bool ended = state->ended, whole = ended && !state->dirty;
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
