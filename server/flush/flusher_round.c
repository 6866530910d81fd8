/* SPDX-License-Identifier: MIT
 *
 * A round of the flusher's work: collect a slice of every worker, merge, then either close the
 * window (derive, judge, publish, expire) or show it (a view).
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/core/pool_share.h"
#include "server/flush/derive.h"
#include "server/flush/expire.h"
#include "server/flush/flusher_private.h"
#include "server/flush/handover.h"
#include "server/flush/merge.h"
#include "server/flush/removal.h"

/* How often a stepped wall clock is looked for, and how long a worker may take over its slice: a
 * boundary waits for moments, a question until the receive buffers are drained. */
#define LOOK_MS_MAX 1000
#define SLICE_WAIT_NS UINT64_C(500000000)
#define DRAIN_WAIT_NS UINT64_C(5000000000)
#define CLOCK_READINGS_MAX 8
#define CLOCK_READING_NS_MAX 1000000

static uint64_t now_of(const struct flusher *flusher)
{
    return clock_monotonic_ns(flusher->options.clock);
}

struct moment flusher_clocks(const struct flusher *flusher)
{
    struct moment moment;
    for (int i = 0; i < CLOCK_READINGS_MAX; i++) {
        moment.monotonic_ns = now_of(flusher);
        moment.wall_ns = clock_wall_ns(flusher->options.clock);
        if (now_of(flusher) - moment.monotonic_ns < CLOCK_READING_NS_MAX) {
            break;
        }
    }
    return moment;
}

void flusher_wait(struct flusher *flusher, uint64_t until_ns)
{
    uint64_t now = now_of(flusher);
    uint64_t wait_ms = until_ns <= now ? 0 : (until_ns - now + 999999) / 1000000;
    struct pollfd wake = {.fd = flusher->wake_fd, .events = POLLIN};
    if (poll(&wake, 1, (int)(wait_ms < LOOK_MS_MAX ? wait_ms : LOOK_MS_MAX)) > 0) {
        uint64_t count;
        ssize_t got = read(flusher->wake_fd, &count, sizeof(count));
        (void)got;
    }
}

/* Merges the slices that are here and not merged yet. */
static void merge_ready(struct flusher *flusher)
{
    size_t ready = 0;
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        struct handover *handover = &flusher->options.handovers[i];
        struct slice *slice = handover_take(handover, now_of(flusher));
        if (slice) {
            flusher->slices[ready++] = slice;
        }
    }
    size_t lost = merge_slices(flusher->options.registry, flusher->slices, ready, flusher->cache);
    if (lost > 0) {
        log_line(LOG_LEVEL_WARNING, "percentiles or members lost at the memory limit", "series",
                 log_text("%zu", lost), "key", "limits.memory", NULL);
    }
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        handover_return(&flusher->options.handovers[i]);
    }
}

static size_t count_missing(const struct flusher *flusher, size_t *stale)
{
    size_t missing = 0;
    *stale = 0;
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        const struct handover *handover = &flusher->options.handovers[i];
        bool ended = atomic_load_explicit(&handover->ended, memory_order_acquire);
        missing += handover_wanted(handover) && !ended;
        *stale += handover_is_stale(handover);
    }
    return missing;
}

/* Asks every worker for its slice and merges them in one go, so that gauges see all workers at
 * once. Who does not answer in time is left out: his samples count in the next window, where his
 * late slice has to be taken first, since he has no other. Returns how many were left out. */
static size_t collect(struct flusher *flusher, bool drain)
{
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        handover_ask(&flusher->options.handovers[i], drain);
    }
    uint64_t deadline = now_of(flusher) + (drain ? DRAIN_WAIT_NS : SLICE_WAIT_NS);
    size_t missing, stale;
    while ((missing = count_missing(flusher, &stale)) + stale > 0) {
        if (stale > 0) {
            merge_ready(flusher);
        } else if (now_of(flusher) < deadline) {
            flusher_wait(flusher, deadline);
        } else {
            break;
        }
    }
    merge_ready(flusher);
    return missing;
}

static void sweep(struct flusher *flusher)
{
    uint64_t oldest = published_sweep(&flusher->published);
    graveyard_sweep(&flusher->graveyard, oldest);
}

static struct derive_options describe(struct flusher *flusher, uint64_t now_ns)
{
    const struct snapshot *closed = flusher->published.closed;
    return (struct derive_options){
        .config = flusher->config,
        .registry = flusher->options.registry,
        .cache = flusher->cache,
        .graveyard = &flusher->graveyard,
        .detector = flusher->detector,
        .alerts = flusher->alerts,
        .clock = flusher->options.clock,
        .total_sketches = flusher->options.total_sketches,
        .sequence = flusher->sequence + 1,
        .window = flusher->windows,
        .now_ns = now_ns,
        .uptime_seconds = (double)(now_ns - flusher->started_ns) / 1e9,
        .active = closed ? closed->active : NULL,
        .active_count = closed ? closed->active_count : 0,
        .last_alerts = closed ? closed->alerts : NULL,
    };
}

static double seconds_of(uint64_t length_ns)
{
    /* A rate is a quotient: two closes within a microsecond shall not divide by nothing. */
    return (double)(length_ns > 1000 ? length_ns : 1000) / 1e9;
}

/* Room to publish comes first: what a close has cleared cannot be taken back. */
static struct snapshot *derive(struct flusher *flusher, const struct derive_options *options)
{
    return published_reserve(&flusher->published) ? derive_snapshot(options) : NULL;
}

void flusher_view(struct flusher *flusher)
{
    collect(flusher, true);
    uint64_t now = now_of(flusher);
    struct derive_options options = describe(flusher, now);
    options.timestamp = (double)(clock_wall_ns(flusher->options.clock) / 1000000) / 1000;
    options.window_seconds = seconds_of(now - flusher->window.started_ns);
    struct snapshot *snapshot = derive(flusher, &options);
    if (snapshot) {
        flusher->sequence++;
        published_add(&flusher->published, snapshot);
    }
    sweep(flusher);
}

static struct expire_options expiry(struct flusher *flusher, uint64_t now_ns)
{
    return (struct expire_options){
        .registry = flusher->options.registry,
        .graveyard = &flusher->graveyard,
        .detector = flusher->detector,
        .cache = flusher->cache,
        .handovers = flusher->options.handovers,
        .handover_count = flusher->options.handover_count,
        .now_ns = now_ns,
        .sequence = flusher->sequence + 1,
    };
}

/* For names refused at limits.max_series. */
static void make_room(struct flusher *flusher, uint64_t now_ns)
{
    struct expire_options options = expiry(flusher, now_ns);
    uint64_t refused = registry_take_refused(options.registry);
    if (refused > 0) {
        expire_longest_idle(&options, refused);
    }
}

static void expire(struct flusher *flusher, uint64_t now_ns)
{
    struct expire_options options = expiry(flusher, now_ns);
    size_t removed = expire_series(&options);
    pthread_mutex_lock(&flusher->lock);
    flusher->figures.series_expired += removed;
    pthread_mutex_unlock(&flusher->lock);
}

void flusher_remove_series(struct flusher *flusher, struct removal *removals)
{
    collect(flusher, true);
    struct expire_options options = expiry(flusher, now_of(flusher));
    while (removals) {
        struct removal *removal = removals;
        removals = removal->next; /* answered, it may be gone */
        removal_run(removal, &options);
    }
}

/* Says once a window what metrics.timers = exact could not keep. */
static void tell_approximations(struct flusher *flusher)
{
    uint64_t refused = pool_share_refused(flusher->options.pool);
    uint64_t more = refused - flusher->approximations;
    flusher->approximations = refused;
    if (more > 0) {
        log_line(LOG_LEVEL_WARNING, "no room for every sample, sketches go on", "times",
                 log_text("%llu", (unsigned long long)more), "key", "limits.memory", NULL);
    }
}

/* Says when statistics are more than anomaly.max_memory has room for, and again when they have
 * doubled. */
static void tell_substitutes(struct flusher *flusher)
{
    uint64_t substitutes = detector_totals(flusher->detector)->substitutes;
    if (substitutes == 0 || substitutes >= 2 * flusher->substitutes) {
        flusher->substitutes = substitutes;
        if (substitutes > 0) {
            log_line(LOG_LEVEL_WARNING, "no room to judge by auto, sigma does", "statistics",
                     log_text("%llu", (unsigned long long)substitutes), "key", "anomaly.max_memory",
                     NULL);
        }
    }
}

static void count_window(struct flusher *flusher, const struct window_closed *closed,
                         size_t missing, uint64_t begun_ns)
{
    const struct detector_totals *totals = detector_totals(flusher->detector);
    pthread_mutex_lock(&flusher->lock);
    struct flush_figures *figures = &flusher->figures;
    figures->windows_closed++;
    figures->windows_extended += missing;
    figures->clock_steps += closed->stepped;
    figures->lag_seconds = (double)closed->lag_ns / 1e9;
    figures->duration_seconds = (double)(now_of(flusher) - begun_ns) / 1e9;
    memcpy(figures->anomalies, totals->starts, sizeof(figures->anomalies));
    figures->anomaly_state_bytes = detector_state_bytes(flusher->detector);
    figures->anomaly_substitutes = totals->substitutes;
    pthread_mutex_unlock(&flusher->lock);
}

static void begin_stage(struct flusher *flusher, enum flush_stage stage)
{
    flush_stage_begin(&flusher->stages, stage, now_of(flusher));
}

static void end_stage(struct flusher *flusher, enum flush_stage stage)
{
    flush_stage_end(&flusher->stages, stage, now_of(flusher));
}

/* The stamps so far become those of the window before, which the new snapshot shows. */
static void begin_stages(struct flusher *flusher, uint64_t begun_ns)
{
    flusher->stages = (struct flush_stages){
        .window = flusher->windows + 1,
        .wall_ns = clock_wall_ns(flusher->options.clock),
        .begun_ns = begun_ns,
    };
}

static void end_stages(struct flusher *flusher)
{
    flusher->stages.ended_ns = now_of(flusher);
    pthread_mutex_lock(&flusher->lock);
    flusher->figures.stages = flusher->stages;
    pthread_mutex_unlock(&flusher->lock);
}

static void take_config(struct flusher *flusher)
{
    pthread_mutex_lock(&flusher->lock);
    const struct config *next = flusher->next_config;
    if (next) {
        /* Rules look into the old one, which may be freed once it is not the one in use. */
        alert_engine_configure(flusher->alerts, next);
        flusher->config = next;
        flusher->next_config = NULL;
    }
    pthread_mutex_unlock(&flusher->lock);
    if (next) {
        detector_configure(flusher->detector, next);
        history_configure(flusher->history, next);
        flusher->window.interval_ns = next->flush.interval_ms * 1000000;
        flusher->window.align = next->flush.align;
        flusher->reconfigured = true;
    }
}

static bool has_changed(const struct alert_set *alerts)
{
    for (size_t i = 0; alerts && i < alerts->count; i++) {
        if (alerts->rows[i].changed || alerts->rows[i].notify) {
            return true;
        }
    }
    return false;
}

/* False without memory: what was kept before stands. */
static bool keep_section(struct flusher *flusher, const char *section, struct buffer *kept,
                         flusher_render *render)
{
    bool whole = !kept->failed;
    if (whole) {
        flusher->options.keep(flusher->options.context, section, kept, render);
    }
    buffer_deinit(kept);
    return whole;
}

/* Hands over what is to survive a restart: where an alert has changed, and at the stop. */
static void keep_alerts(struct flusher *flusher, const struct snapshot *snapshot,
                        const struct moment *now, bool final)
{
    struct buffer alerts = {0}, rings = {0};
    if (!flusher->options.keep ||
        !(final || flusher->reconfigured || has_changed(snapshot->alerts))) {
        return;
    }
    double wall_offset_s = (double)(now->wall_ns - (int64_t)now->monotonic_ns) / 1e9;
    alert_engine_save(flusher->alerts, wall_offset_s, &alerts);
    alert_engine_hold_rings(flusher->alerts, wall_offset_s, &rings);
    bool kept = keep_section(flusher, FLUSHER_ALERTS, &alerts, NULL);
    kept &= keep_section(flusher, FLUSHER_RINGS, &rings, alert_rings_write);
    flusher->reconfigured = flusher->reconfigured && !kept;
}

static void publish(struct flusher *flusher, struct snapshot *snapshot)
{
    flusher->sequence++;
    flusher->windows++;
    flusher_log_window(snapshot);
    history_add(flusher->history, snapshot);
    published_add(&flusher->published, snapshot);
    flusher->options.publish(flusher->options.context, snapshot);
}

/* The window that could not be shown is measured from its own beginning; across a step of the clock
 * there is no telling. */
static void go_on(struct flusher *flusher, const struct window *before,
                  const struct window_closed *closed)
{
    log_line(LOG_LEVEL_ERROR, "no memory for a snapshot, the window goes on", NULL);
    if (!closed->stepped) {
        flusher->window.started_ns = before->started_ns;
        flusher->window.started_wall_ns = before->started_wall_ns;
    }
}

/* The workers' next slices belong to the window that is opened when this one closes. */
static void announce_next(struct flusher *flusher)
{
    struct window next = flusher->window;
    struct moment now = flusher_clocks(flusher);
    window_close(&next, now.monotonic_ns, now.wall_ns);
    struct window_seconds seconds = window_seconds(&next);
    for (size_t i = 0; i < flusher->options.handover_count; i++) {
        handover_announce(&flusher->options.handovers[i], seconds.from_s, seconds.until_s);
    }
}

void flusher_close_window(struct flusher *flusher, bool drain, bool final)
{
    uint64_t begun = now_of(flusher);
    struct flush_stages stages_before = flusher->stages;
    begin_stages(flusher, begun);
    announce_next(flusher);
    begin_stage(flusher, STAGE_COLLECT);
    size_t missing = collect(flusher, drain);
    end_stage(flusher, STAGE_COLLECT);
    take_config(flusher);
    struct moment end = flusher_clocks(flusher);
    make_room(flusher, end.monotonic_ns);
    resource_series_add(flusher->resources, end.monotonic_ns,
                        seconds_of(end.monotonic_ns - flusher->window.started_ns));
    struct derive_options options = describe(flusher, end.monotonic_ns);
    struct window before = flusher->window;
    struct window_closed closed = window_close(&flusher->window, end.monotonic_ns, end.wall_ns);
    options.close = true;
    options.final = final;
    options.window = flusher->windows + 1;
    options.timestamp = (double)(closed.stamp_ns / 1000000) / 1000;
    options.window_seconds = seconds_of(closed.length_ns);
    options.stages = &flusher->stages;
    begin_stage(flusher, STAGE_DERIVE);
    struct snapshot *snapshot = derive(flusher, &options);
    if (closed.stepped) {
        log_line(LOG_LEVEL_WARNING, "the wall clock was stepped, the window ends here", NULL);
    }
    if (snapshot) {
        count_window(flusher, &closed, missing, begun);
        tell_approximations(flusher);
        tell_substitutes(flusher);
        keep_alerts(flusher, snapshot, &end, final);
        snapshot->stages = stages_before;
        begin_stage(flusher, STAGE_PUBLISH);
        publish(flusher, snapshot);
        end_stage(flusher, STAGE_PUBLISH);
        begin_stage(flusher, STAGE_EXPIRE);
        expire(flusher, end.monotonic_ns);
        end_stage(flusher, STAGE_EXPIRE);
        end_stages(flusher);
    } else {
        go_on(flusher, &before, &closed);
    }
    sweep(flusher);
}
