/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/flush/store.h"

static struct store *one_worker(struct handover **handover)
{
    struct store *store = store_new(NULL, 1);
    *handover = &store->handovers[0];
    return store;
}

static uint64_t wakes(int fd)
{
    uint64_t count = 0;
    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static double count_of(const struct slice *slice, uint32_t local)
{
    return slice_counters(slice, local)->increments[local];
}

static void a_question_is_answered_once(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    int flusher_fd = handover->flusher_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_false(handover_wanted(handover));
    handover_give(handover, handover_question(handover), 1);
    assert_null(handover_take(handover, 1));
    store_put(store, 0, "n:3|c");
    handover_ask(handover, false);
    assert_int_equal(wakes(handover->worker_fd), 1);
    assert_true(handover_wanted(handover));
    assert_false(handover_wants_drain(handover_question(handover)));
    assert_null(handover_take(handover, 2));
    handover_give(handover, handover_question(handover), 3);
    assert_int_equal(wakes(flusher_fd), 1);
    assert_false(handover_wanted(handover));
    struct slice *slice = handover_take(handover, 4);
    assert_non_null(slice);
    assert_int_equal(slice->ended_ns, 3);
    assert_int_equal(slice->count[METRIC_COUNTER], 1);
    assert_near(count_of(slice, 0), 3, 0);
    assert_ptr_equal(handover_take(handover, 4), slice);
    handover_return(handover);
    assert_null(handover_take(handover, 5));
    assert_int_equal(wakes(handover->worker_fd), 0);
    close(flusher_fd);
    store_free(store);
}

/* A view asks for a slice too and leaves the window open: what was announced last still holds. */
static void the_stamps_of_a_window_change_with_the_slice(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    const struct shard *shard = &store->shards[0];
    assert_true(shard_takes_stamp(shard, 1) && shard_takes_stamp(shard, INT32_MAX));
    handover_begin(handover, 10, 20);
    assert_true(shard_takes_stamp(shard, 10) && shard_takes_stamp(shard, 19));
    assert_false(shard_takes_stamp(shard, 9) || shard_takes_stamp(shard, 20));
    handover_announce(handover, 20, 30);
    handover_ask(handover, false);
    assert_true(shard_takes_stamp(shard, 10));
    assert_false(shard_takes_stamp(shard, 20));
    handover_give(handover, handover_question(handover), 1);
    store_merge(store);
    assert_true(shard_takes_stamp(shard, 20));
    assert_false(shard_takes_stamp(shard, 10));
    store_collect(store);
    assert_true(shard_takes_stamp(shard, 20));
    assert_false(shard_takes_stamp(shard, 10));
    store_free(store);
}

static void a_question_may_want_the_buffers_drained(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    handover_ask(handover, true);
    assert_true(handover_wants_drain(handover_question(handover)));
    store_merge(store);
    handover_ask(handover, false);
    assert_false(handover_wants_drain(handover_question(handover)));
    store_free(store);
}

/* The worker answers after the flusher has gone on, and is asked again before the slice is back. */
static void a_late_slice_is_taken_before_the_next(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    store_put(store, 0, "n:1|c");
    handover_ask(handover, false);
    assert_null(handover_take(handover, 1));
    assert_false(handover_is_stale(handover));
    handover_give(handover, handover_question(handover), 2);
    store_put(store, 0, "n:2|c");
    handover_ask(handover, false);
    wakes(handover->worker_fd);
    assert_true(handover_is_stale(handover));
    handover_give(handover, handover_question(handover), 3);
    assert_true(handover_wanted(handover));
    assert_near(count_of(handover_take(handover, 4), 0), 1, 0);
    store_merge(store);
    assert_false(handover_is_stale(handover));
    /* The worker may have gone to sleep on the open question. */
    assert_int_equal(wakes(handover->worker_fd), 1);
    handover_give(handover, handover_question(handover), 5);
    assert_false(handover_wanted(handover));
    assert_near(count_of(handover_take(handover, 6), 0), 2, 0);
    store_merge(store);
    const struct counter_series *series = registry_at(store->registry, METRIC_COUNTER, 0);
    assert_near(series->total, 3, 0);
    store_free(store);
}

static void one_answer_is_enough_for_several_questions(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    handover_ask(handover, false);
    handover_ask(handover, false);
    handover_give(handover, handover_question(handover), 1);
    assert_false(handover_wanted(handover));
    assert_false(handover_is_stale(handover));
    assert_non_null(handover_take(handover, 2));
    store_merge(store);
    assert_null(handover_take(handover, 3));
    store_free(store);
}

static void the_flusher_serves_itself_when_the_worker_has_ended(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    store_put(store, 0, "n:1|c");
    handover_ask(handover, false);
    handover_give(handover, handover_question(handover), 1);
    store_put(store, 0, "n:2|c");
    handover_end(handover);
    handover_ask(handover, false);
    /* First what was given, then the rest. */
    assert_true(handover_is_stale(handover));
    assert_near(count_of(handover_take(handover, 2), 0), 1, 0);
    store_merge(store);
    assert_near(count_of(handover_take(handover, 3), 0), 2, 0);
    store_merge(store);
    assert_null(handover_take(handover, 4));
    store_free(store);
}

static void ids_are_forgotten_with_the_next_hand_over(void **state)
{
    (void)state;
    struct handover *handover;
    struct store *store = one_worker(&handover);
    for (uint32_t i = 0; i < 200; i++) {
        char line[32];
        snprintf(line, sizeof(line), "n%u:1|c", i);
        store_put(store, 0, line);
        assert_true(handover_forget(handover, place_make(METRIC_COUNTER, i)));
    }
    assert_int_equal(store->shards[0].spellings.table.count, 200);
    handover_ask(handover, false);
    handover_give(handover, handover_question(handover), 1);
    assert_int_equal(store->shards[0].spellings.table.count, 0);
    assert_int_equal(handover->forget_count, 0);
    assert_near(count_of(handover_take(handover, 2), 7), 1, 0);
    store_merge(store);
    store_free(store);
}

#define THREAD_SAMPLES 200000

static void *work(void *context)
{
    struct store *store = context;
    for (uint64_t i = 0; i < THREAD_SAMPLES; i++) {
        store_put_in(&store->shards[0], i % 2 ? "n:1|c" : "n:3|c\nt:1|ms", i + 1);
        if (handover_wanted(&store->handovers[0])) {
            handover_give(&store->handovers[0], handover_question(&store->handovers[0]), i + 1);
        }
    }
    handover_end(&store->handovers[0]);
    return NULL;
}

static void nothing_is_lost_or_counted_twice_between_two_threads(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    pthread_t worker;
    assert_int_equal(pthread_create(&worker, NULL, work, store), 0);
    while (!atomic_load(&store->handovers[0].ended)) {
        handover_ask(&store->handovers[0], false);
        store_merge(store);
        sched_yield();
    }
    pthread_join(worker, NULL);
    handover_ask(&store->handovers[0], false);
    store_merge(store);
    store_merge(store);
    const struct counter_series *counter = registry_at(store->registry, METRIC_COUNTER, 0);
    const struct timer_series *timer = registry_at(store->registry, METRIC_TIMER, 0);
    assert_near(counter->total, 2 * THREAD_SAMPLES, 0);
    assert_int_equal(timer->window.samples, THREAD_SAMPLES / 2);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_once),
        cmocka_unit_test(the_stamps_of_a_window_change_with_the_slice),
        cmocka_unit_test(a_question_may_want_the_buffers_drained),
        cmocka_unit_test(a_late_slice_is_taken_before_the_next),
        cmocka_unit_test(one_answer_is_enough_for_several_questions),
        cmocka_unit_test(the_flusher_serves_itself_when_the_worker_has_ended),
        cmocka_unit_test(ids_are_forgotten_with_the_next_hand_over),
        cmocka_unit_test(nothing_is_lost_or_counted_twice_between_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
