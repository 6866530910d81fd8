/* SPDX-License-Identifier: MIT
 *
 * The thread sleeps until the open window is due or somebody asks, and then does a round of work
 * (flusher_round.c). Here are its life and the questions.
 */
#include "server/flush/flusher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/core/pool_share.h"
#include "server/flush/flusher_private.h"
#include "server/flush/handover.h"
#include "server/flush/removal.h"

struct flusher *flusher_new(const struct flusher_options *options)
{
    struct flusher *flusher = calloc(1, sizeof(*flusher));
    if (!flusher) {
        return NULL;
    }
    flusher->options = *options;
    flusher->config = options->config;
    pthread_mutex_init(&flusher->lock, NULL);
    flusher->removals_end = &flusher->removals;
    published_init(&flusher->published);
    flusher->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    flusher->cache = pool_cache_new(options->pool);
    flusher->detector = detector_new(options->config);
    flusher->history = history_new(options->config);
    flusher->alerts = alert_engine_new(options->config, clock_monotonic_ns(options->clock));
    flusher->resources = resource_series_new(&(struct resource_options){
        .config = options->config,
        .registry = options->registry,
        .pool = options->pool,
        .ingest = options->ingest,
        .context = options->context,
    });
    flusher->slices = calloc(options->handover_count, sizeof(*flusher->slices));
    graveyard_init(&flusher->graveyard, options->registry, flusher->cache);
    if (flusher->wake_fd < 0 || !flusher->cache || !flusher->detector || !flusher->alerts ||
        !flusher->history || !flusher->resources || !flusher->slices ||
        !detector_watch_trends(flusher->detector, flusher->history)) {
        flusher->options.registry = NULL;
        flusher_free(flusher);
        return NULL;
    }
    for (size_t i = 0; i < options->handover_count; i++) {
        options->handovers[i].flusher_fd = flusher->wake_fd;
    }
    return flusher;
}

void flusher_free(struct flusher *flusher)
{
    if (!flusher) {
        return;
    }
    published_deinit(&flusher->published);
    graveyard_deinit(&flusher->graveyard);
    detector_free(flusher->detector);
    alert_engine_free(flusher->alerts);
    history_free(flusher->history);
    resource_series_free(flusher->resources);
    registry_free(flusher->options.registry, flusher->cache);
    if (flusher->cache) {
        pool_cache_free(flusher->cache);
    }
    if (flusher->wake_fd >= 0) {
        close(flusher->wake_fd);
    }
    free(flusher->slices);
    pthread_mutex_destroy(&flusher->lock);
    free(flusher);
}

static void answer(struct flusher *flusher, const uint64_t asked[FLUSHER_WORKS], bool closed)
{
    pthread_mutex_lock(&flusher->lock);
    flusher->done[FLUSHER_VIEW] = asked[FLUSHER_VIEW];
    if (closed) {
        flusher->done[FLUSHER_CLOSE] = asked[FLUSHER_CLOSE];
        flusher->done_window = flusher->windows;
    }
    pthread_mutex_unlock(&flusher->lock);
    flusher->options.notify(flusher->options.context);
}

static void remove_series(struct flusher *flusher)
{
    pthread_mutex_lock(&flusher->lock);
    struct removal *removals = flusher->removals;
    flusher->removals = NULL;
    flusher->removals_end = &flusher->removals;
    pthread_mutex_unlock(&flusher->lock);
    flusher_remove_series(flusher, removals);
    flusher->options.notify(flusher->options.context);
}

/* One turn of the loop; false when the thread is to end. */
static bool work(struct flusher *flusher)
{
    uint64_t asked[FLUSHER_WORKS];
    pthread_mutex_lock(&flusher->lock);
    memcpy(asked, flusher->asked, sizeof(asked));
    bool wants_close = asked[FLUSHER_CLOSE] > flusher->done[FLUSHER_CLOSE];
    bool wants_view = asked[FLUSHER_VIEW] > flusher->done[FLUSHER_VIEW];
    bool wants_removal = flusher->removals != NULL;
    bool stopping = flusher->stopping;
    pthread_mutex_unlock(&flusher->lock);
    struct moment now = flusher_clocks(flusher);
    bool due = window_is_due(&flusher->window, now.monotonic_ns, now.wall_ns);
    if (stopping) {
        flusher_close_window(flusher, false, true);
        answer(flusher, asked, true);
    } else if (due || wants_close) {
        flusher_close_window(flusher, wants_close || wants_view, false);
        answer(flusher, asked, true);
    } else if (wants_removal) {
        remove_series(flusher);
    } else if (wants_view) {
        flusher_view(flusher);
        answer(flusher, asked, false);
    } else {
        flusher_wait(flusher, flusher->window.ends_ns);
    }
    return !stopping;
}

static void *run(void *context)
{
    struct flusher *flusher = context;
    while (work(flusher)) {
    }
    return NULL;
}

bool flusher_start(struct flusher *flusher)
{
    struct moment now = flusher_clocks(flusher);
    flusher->started_ns = now.monotonic_ns;
    window_begin(&flusher->window, flusher->config->flush.interval_ms * 1000000,
                 flusher->config->flush.align, now.monotonic_ns, now.wall_ns);
    struct window_seconds seconds = window_seconds(&flusher->window);
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        handover_begin(&flusher->options.handovers[i], seconds.from_s, seconds.until_s);
    }
    if (pthread_create(&flusher->thread, NULL, run, flusher) != 0) {
        return false;
    }
    pthread_setname_np(flusher->thread, "flusher");
    return true;
}

static double wall_offset_s(struct flusher *flusher)
{
    struct moment now = flusher_clocks(flusher);
    return (double)(now.wall_ns - (int64_t)now.monotonic_ns) / 1e9;
}

bool flusher_restore_alerts(struct flusher *flusher, const char *text, size_t length)
{
    return alert_engine_load(flusher->alerts, wall_offset_s(flusher), text, length);
}

bool flusher_restore_rings(struct flusher *flusher, const char *text, size_t length)
{
    return alert_engine_load_rings(flusher->alerts, wall_offset_s(flusher), text, length);
}

static void wake(struct flusher *flusher)
{
    uint64_t one = 1;
    ssize_t written = write(flusher->wake_fd, &one, sizeof(one));
    (void)written;
}

void flusher_stop(struct flusher *flusher)
{
    pthread_mutex_lock(&flusher->lock);
    flusher->stopping = true;
    pthread_mutex_unlock(&flusher->lock);
    wake(flusher);
    pthread_join(flusher->thread, NULL);
}

void flusher_configure(struct flusher *flusher, const struct config *config)
{
    pthread_mutex_lock(&flusher->lock);
    flusher->next_config = config;
    pthread_mutex_unlock(&flusher->lock);
}

const struct config *flusher_config(struct flusher *flusher)
{
    pthread_mutex_lock(&flusher->lock);
    const struct config *config = flusher->config;
    pthread_mutex_unlock(&flusher->lock);
    return config;
}

uint64_t flusher_ask(struct flusher *flusher, enum flusher_work work)
{
    pthread_mutex_lock(&flusher->lock);
    uint64_t ticket = ++flusher->asked[work];
    pthread_mutex_unlock(&flusher->lock);
    wake(flusher);
    return ticket;
}

bool flusher_answered(struct flusher *flusher, enum flusher_work work, uint64_t ticket,
                      uint64_t *window)
{
    pthread_mutex_lock(&flusher->lock);
    bool answered = flusher->done[work] >= ticket;
    if (window) {
        *window = flusher->done_window;
    }
    pthread_mutex_unlock(&flusher->lock);
    return answered;
}

void flusher_remove(struct flusher *flusher, struct removal *removal)
{
    pthread_mutex_lock(&flusher->lock);
    removal->next = NULL;
    *flusher->removals_end = removal;
    flusher->removals_end = &removal->next;
    pthread_mutex_unlock(&flusher->lock);
    wake(flusher);
}

struct snapshot *flusher_closed(struct flusher *flusher)
{
    return published_closed(&flusher->published);
}

struct snapshot *flusher_latest(struct flusher *flusher)
{
    return published_latest(&flusher->published);
}

void flusher_figures(struct flusher *flusher, struct flush_figures *figures)
{
    pthread_mutex_lock(&flusher->lock);
    *figures = flusher->figures;
    pthread_mutex_unlock(&flusher->lock);
    for (size_t i = 0; i < STATSD_TYPES; i++) {
        figures->series[i] = atomic_load(&flusher->options.registry->series_by_type[i]);
    }
    for (size_t i = 0; i < EVENT_LOSSES; i++) {
        figures->events_lost[i] = atomic_load(&flusher->options.registry->events_lost[i]);
    }
    figures->pool_bytes = pool_bytes(flusher->options.pool);
    figures->pool_bytes_max = pool_bytes_max(flusher->options.pool);
    figures->approximations = pool_share_refused(flusher->options.pool);
    struct history_figures history;
    history_figures(flusher->history, &history);
    figures->history_windows = history.windows;
    figures->history_bytes = history.bytes;
    figures->history_dropped = history.dropped;
}

struct history *flusher_history(struct flusher *flusher)
{
    return flusher->history;
}
