/* SPDX-License-Identifier: MIT
 *
 * The flusher's thread with workers made of a shard and a loop. Waits are for what is to happen,
 * never for a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "server/flush/flusher.h"
#include "tests/unit/flush/store.h"

#define WORKERS 2
#define WINDOWS_KEPT 4096

struct worker {
    struct shard shard;
    struct handover *handover;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic bool deaf;        /* answers no question */
    _Atomic uint64_t samples; /* still to be sent */
    _Atomic uint64_t sent;
};

struct rig {
    struct config *config;
    struct pool *pool;
    struct registry *registry;
    struct flusher *flusher;
    struct handover handovers[WORKERS];
    struct worker workers[WORKERS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    double count; /* Σ of the counter over all closed windows */
    uint64_t windows, finals;
    double stamps[WINDOWS_KEPT];
    uint64_t notified;
};

static void on_publish(void *context, const struct snapshot *closed)
{
    struct rig *rig = context;
    assert_true(closed->closed);
    pthread_mutex_lock(&rig->lock);
    const struct counter_row *row = store_counters(closed, "n");
    rig->count += row && row->updated ? row->count : 0;
    rig->stamps[rig->windows++ % WINDOWS_KEPT] = closed->timestamp;
    rig->finals += closed->final;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void on_notify(void *context)
{
    struct rig *rig = context;
    pthread_mutex_lock(&rig->lock);
    rig->notified++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void send_one(struct worker *worker)
{
    if (atomic_load(&worker->samples) > 0) {
        store_put_in(&worker->shard, "n:1|c\nt:5|ms", clock_monotonic_ns(&clock_system));
        atomic_fetch_sub(&worker->samples, 1);
        atomic_fetch_add(&worker->sent, 1);
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    while (!atomic_load(&worker->stopping)) {
        struct pollfd wake = {.fd = worker->handover->worker_fd, .events = POLLIN};
        uint64_t count;
        if (poll(&wake, 1, atomic_load(&worker->samples) > 0 ? 0 : 1) > 0) {
            ssize_t got = read(worker->handover->worker_fd, &count, sizeof(count));
            (void)got;
        }
        send_one(worker);
        if (handover_wanted(worker->handover) && !atomic_load(&worker->deaf)) {
            handover_give(worker->handover, handover_question(worker->handover),
                          clock_monotonic_ns(&clock_system));
        }
    }
    handover_end(worker->handover);
    return NULL;
}

static struct rig *rig_new(const char *const *overrides)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->config = store_config(overrides);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->pool = pool_new(rig->config->limits.memory_bytes);
    rig->registry = registry_new(rig->config, rig->pool);
    for (size_t i = 0; i < WORKERS; i++) {
        rig->workers[i].handover = &rig->handovers[i];
        assert_true(shard_init(&rig->workers[i].shard, rig->config, rig->registry, rig->pool));
        assert_true(handover_init(&rig->handovers[i], &rig->workers[i].shard));
    }
    struct flusher_options options = {
        .config = rig->config,
        .clock = &clock_system,
        .registry = rig->registry,
        .pool = rig->pool,
        .handovers = rig->handovers,
        .handover_count = WORKERS,
        .publish = on_publish,
        .notify = on_notify,
        .context = rig,
    };
    rig->flusher = flusher_new(&options);
    assert_non_null(rig->flusher);
    assert_true(flusher_start(rig->flusher));
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&rig->workers[i].thread, NULL, work, &rig->workers[i]), 0);
    }
    return rig;
}

static void stop_workers(struct rig *rig)
{
    for (size_t i = 0; i < WORKERS; i++) {
        atomic_store(&rig->workers[i].stopping, true);
        pthread_join(rig->workers[i].thread, NULL);
    }
}

static void rig_free(struct rig *rig)
{
    for (size_t i = 0; i < WORKERS; i++) {
        handover_deinit(&rig->handovers[i]);
        shard_deinit(&rig->workers[i].shard);
    }
    flusher_free(rig->flusher);
    pool_free(rig->pool);
    config_free(rig->config);
    pthread_mutex_destroy(&rig->lock);
    pthread_cond_destroy(&rig->changed);
    free(rig);
}

static double sent(struct rig *rig)
{
    double sum = 0;
    for (size_t i = 0; i < WORKERS; i++) {
        sum += (double)atomic_load(&rig->workers[i].sent);
    }
    return sum;
}

static void send_and_wait(struct rig *rig, size_t worker, uint64_t samples)
{
    uint64_t before = atomic_load(&rig->workers[worker].sent);
    atomic_fetch_add(&rig->workers[worker].samples, samples);
    while (atomic_load(&rig->workers[worker].sent) < before + samples) {
        sched_yield();
    }
}

static uint64_t wait_for_answer(struct rig *rig, enum flusher_work asked, uint64_t ticket)
{
    uint64_t window = 0;
    pthread_mutex_lock(&rig->lock);
    while (!flusher_answered(rig->flusher, asked, ticket, &window)) {
        pthread_cond_wait(&rig->changed, &rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    return window;
}

static const char *const one_day[] = {"flush.interval=1d", "anomaly.method=off", NULL};
static const char *const fifty_ms[] = {"flush.interval=50ms", "anomaly.method=off", NULL};

static void a_close_shows_all_that_was_sent_before(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    assert_null(flusher_closed(rig->flusher));
    for (uint64_t round = 1; round <= 20; round++) {
        send_and_wait(rig, round % 2, 50);
        uint64_t ticket = flusher_ask(rig->flusher, FLUSHER_CLOSE);
        assert_int_equal(wait_for_answer(rig, FLUSHER_CLOSE, ticket), round);
        struct snapshot *closed = flusher_closed(rig->flusher);
        assert_int_equal(closed->window, round);
        assert_near(closed->counters[0].count, 50, 0);
        assert_near(closed->counters[0].total, (double)round * 50, 0);
        snapshot_unref(closed);
    }
    stop_workers(rig);
    flusher_stop(rig->flusher);
    assert_int_equal(rig->windows, 21);
    rig_free(rig);
}

static void a_view_leaves_the_window_open(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    for (uint64_t round = 1; round <= 5; round++) {
        send_and_wait(rig, 0, 10);
        wait_for_answer(rig, FLUSHER_VIEW, flusher_ask(rig->flusher, FLUSHER_VIEW));
        struct snapshot *view = flusher_latest(rig->flusher);
        assert_false(view->closed);
        assert_near(view->counters[0].count, (double)round * 10, 0);
        snapshot_unref(view);
    }
    assert_null(flusher_closed(rig->flusher));
    stop_workers(rig);
    flusher_stop(rig->flusher);
    assert_int_equal(rig->windows, 1);
    assert_near(rig->count, 50, 0);
    rig_free(rig);
}

struct asker {
    struct rig *rig;
    pthread_t thread;
    uint64_t window;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    uint64_t ticket = flusher_ask(asker->rig->flusher, FLUSHER_CLOSE);
    asker->window = wait_for_answer(asker->rig, FLUSHER_CLOSE, ticket);
    return NULL;
}

/* A deaf worker holds up the flush under way, so that the others wait for one and the same. */
static void concurrent_calls_share_a_flush(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    atomic_store(&rig->workers[1].deaf, true);
    uint64_t first = flusher_ask(rig->flusher, FLUSHER_CLOSE);
    while (!handover_wanted(&rig->handovers[1])) {
        sched_yield();
    }
    uint64_t tickets[20];
    for (size_t i = 0; i < 20; i++) {
        tickets[i] = flusher_ask(rig->flusher, FLUSHER_CLOSE);
    }
    atomic_store(&rig->workers[1].deaf, false);
    wait_for_answer(rig, FLUSHER_CLOSE, first);
    assert_int_equal(wait_for_answer(rig, FLUSHER_CLOSE, tickets[19]), 2);
    for (size_t i = 0; i < 20; i++) {
        assert_true(flusher_answered(rig->flusher, FLUSHER_CLOSE, tickets[i], NULL));
    }
    struct asker askers[8];
    for (size_t i = 0; i < 8; i++) {
        askers[i] = (struct asker){.rig = rig};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].window >= 3 && askers[i].window <= 10);
    }
    stop_workers(rig);
    flusher_stop(rig->flusher);
    rig_free(rig);
}

static void a_close_answers_a_view_as_well(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    uint64_t view = flusher_ask(rig->flusher, FLUSHER_VIEW);
    uint64_t ticket = flusher_ask(rig->flusher, FLUSHER_CLOSE);
    wait_for_answer(rig, FLUSHER_CLOSE, ticket);
    assert_true(flusher_answered(rig->flusher, FLUSHER_VIEW, view, NULL));
    stop_workers(rig);
    flusher_stop(rig->flusher);
    rig_free(rig);
}

static void windows_close_by_themselves_and_nothing_is_lost(void **state)
{
    (void)state;
    struct rig *rig = rig_new(fifty_ms);
    for (size_t i = 0; i < WORKERS; i++) {
        atomic_store(&rig->workers[i].samples, UINT64_MAX / 2);
    }
    pthread_mutex_lock(&rig->lock);
    while (rig->windows < 12) {
        pthread_cond_wait(&rig->changed, &rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    struct flush_figures figures;
    flusher_figures(rig->flusher, &figures);
    /* The twelfth is published before it is counted. */
    assert_true(figures.windows_closed >= 11);
    assert_int_equal(figures.series[STATSD_COUNTER], 1);
    stop_workers(rig);
    flusher_stop(rig->flusher);
    assert_near(rig->count, sent(rig), 0);
    assert_int_equal(rig->finals, 1);
    for (uint64_t i = 1; i < rig->windows && i < WINDOWS_KEPT; i++) {
        assert_true(rig->stamps[i] > rig->stamps[i - 1]);
    }
    rig_free(rig);
}

/* He answers after the flusher gave up on him; what he had counts in a later window. */
static void a_worker_who_is_late_loses_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(fifty_ms);
    send_and_wait(rig, 0, 10);
    send_and_wait(rig, 1, 10);
    atomic_store(&rig->workers[1].deaf, true);
    send_and_wait(rig, 1, 10);
    struct flush_figures figures;
    do {
        flusher_figures(rig->flusher, &figures);
        sched_yield();
    } while (figures.windows_extended == 0);
    atomic_store(&rig->workers[1].deaf, false);
    flusher_figures(rig->flusher, &figures);
    uint64_t extended = figures.windows_extended;
    uint64_t ticket = flusher_ask(rig->flusher, FLUSHER_CLOSE);
    wait_for_answer(rig, FLUSHER_CLOSE, ticket);
    struct snapshot *closed = flusher_closed(rig->flusher);
    assert_near(store_counters(closed, "n")->total, 30, 0);
    snapshot_unref(closed);
    flusher_figures(rig->flusher, &figures);
    assert_true(figures.windows_extended <= extended + 1);
    stop_workers(rig);
    flusher_stop(rig->flusher);
    assert_near(rig->count, 30, 0);
    rig_free(rig);
}

/* The slice he gave in vain is still there when he ends, and so is the open one. */
static void a_worker_who_ends_with_a_late_slice_loses_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    atomic_store(&rig->workers[1].deaf, true);
    send_and_wait(rig, 1, 10);
    stop_workers(rig);
    struct worker *worker = &rig->workers[1];
    handover_ask(worker->handover, false);
    handover_give(worker->handover, handover_question(worker->handover),
                  clock_monotonic_ns(&clock_system));
    store_put_in(&worker->shard, "n:7|c", clock_monotonic_ns(&clock_system));
    flusher_stop(rig->flusher);
    assert_near(rig->count, 17, 0);
    assert_int_equal(rig->finals, 1);
    rig_free(rig);
}

static void a_new_configuration_is_taken_over_with_the_next_window(void **state)
{
    (void)state;
    struct rig *rig = rig_new(one_day);
    struct config *next = store_config(fifty_ms);
    flusher_configure(rig->flusher, next);
    assert_ptr_equal(flusher_config(rig->flusher), rig->config);
    wait_for_answer(rig, FLUSHER_CLOSE, flusher_ask(rig->flusher, FLUSHER_CLOSE));
    assert_ptr_equal(flusher_config(rig->flusher), next);
    pthread_mutex_lock(&rig->lock);
    while (rig->windows < 4) {
        pthread_cond_wait(&rig->changed, &rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    stop_workers(rig);
    flusher_stop(rig->flusher);
    config_free(next);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_shows_all_that_was_sent_before),
        cmocka_unit_test(a_view_leaves_the_window_open),
        cmocka_unit_test(concurrent_calls_share_a_flush),
        cmocka_unit_test(a_close_answers_a_view_as_well),
        cmocka_unit_test(windows_close_by_themselves_and_nothing_is_lost),
        cmocka_unit_test(a_worker_who_is_late_loses_nothing),
        cmocka_unit_test(a_worker_who_ends_with_a_late_slice_loses_nothing),
        cmocka_unit_test(a_new_configuration_is_taken_over_with_the_next_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
