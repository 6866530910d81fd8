/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/sink/csv_queue.h"
#include "tests/unit/sink/make_snapshot.h"

static struct csv_queue queue;

static int setup(void **state)
{
    (void)state;
    queue = (struct csv_queue){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct snapshot *snapshot;
    while ((snapshot = csv_queue_take(&queue))) {
        snapshot_unref(snapshot);
    }
    return 0;
}

static void put(uint64_t window, uint64_t now_ns)
{
    struct snapshot *snapshot = make_snapshot(window, (double)window);
    csv_queue_put(&queue, snapshot, now_ns);
    snapshot_unref(snapshot);
}

/* Tries every file of the set on every window that lacks it. */
static void write_all(unsigned files)
{
    struct snapshot *snapshot;
    enum csv_kind kind;
    while (csv_queue_next(&queue, files, &snapshot, &kind)) {
        snapshot_unref(csv_queue_settle(&queue, kind, true));
    }
}

static void a_window_is_done_when_every_file_has_it(void **state)
{
    (void)state;
    put(1, 0);
    put(2, 0);
    assert_int_equal(csv_queue_done_window(&queue), 0);
    write_all(CSV_FILES_ALL & ~(1U << CSV_SETS));
    assert_int_equal(csv_queue_done_window(&queue), 0);
    write_all(CSV_FILES_ALL);
    assert_int_equal(csv_queue_done_window(&queue), 2);
    assert_int_equal(queue.memory_bytes, 0);
}

static void a_failing_file_keeps_its_order_and_holds_up_no_other(void **state)
{
    struct snapshot *snapshot;
    enum csv_kind kind;
    (void)state;
    put(1, 0);
    put(2, 0);
    assert_true(csv_queue_next(&queue, CSV_FILES_ALL, &snapshot, &kind));
    assert_int_equal(snapshot->window, 1);
    assert_int_equal(kind, CSV_COUNTERS);
    assert_null(csv_queue_settle(&queue, kind, false));
    write_all(CSV_FILES_ALL & ~(1U << CSV_COUNTERS));
    for (uint64_t window = 1; window <= 2; window++) {
        assert_true(csv_queue_next(&queue, CSV_FILES_ALL, &snapshot, &kind));
        assert_int_equal(snapshot->window, window);
        assert_int_equal(kind, CSV_COUNTERS);
        snapshot_unref(csv_queue_settle(&queue, kind, true));
    }
    assert_false(csv_queue_next(&queue, CSV_FILES_ALL, &snapshot, &kind));
}

static void at_the_bound_the_oldest_goes(void **state)
{
    (void)state;
    for (uint64_t window = 1; window <= CSV_QUEUE_WINDOWS_MAX; window++) {
        assert_null(csv_queue_give_up(&queue, 1, 0));
        put(window, 0);
    }
    struct snapshot *snapshot = csv_queue_give_up(&queue, 1, 0);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->window, 1);
    snapshot_unref(snapshot);
    assert_null(csv_queue_give_up(&queue, 1, 0));
}

static void the_window_in_hand_is_never_given_up(void **state)
{
    struct snapshot *in_hand;
    enum csv_kind kind;
    (void)state;
    put(1, 0);
    put(2, 0);
    assert_true(csv_queue_next(&queue, CSV_FILES_ALL, &in_hand, &kind));
    struct snapshot *snapshot = csv_queue_give_up(&queue, CSV_QUEUE_MEMORY_MAX, 0);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->window, 2);
    snapshot_unref(snapshot);
    assert_null(csv_queue_give_up(&queue, CSV_QUEUE_MEMORY_MAX, 0));
    assert_null(csv_queue_settle(&queue, kind, true));
}

static void memory_bounds_what_waits(void **state)
{
    (void)state;
    put(1, 0);
    put(2, 0);
    assert_true(queue.memory_bytes >= 2 * sizeof(struct snapshot));
    assert_null(csv_queue_give_up(&queue, CSV_QUEUE_MEMORY_MAX - queue.memory_bytes, 0));
    struct snapshot *snapshot =
        csv_queue_give_up(&queue, CSV_QUEUE_MEMORY_MAX - queue.memory_bytes + 1, 0);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->window, 1);
    snapshot_unref(snapshot);
}

static void an_hour_is_the_longest_wait(void **state)
{
    (void)state;
    put(1, 5);
    assert_null(csv_queue_give_up(&queue, 0, 5 + CSV_QUEUE_AGE_MAX_NS));
    struct snapshot *snapshot = csv_queue_give_up(&queue, 0, 6 + CSV_QUEUE_AGE_MAX_NS);
    assert_non_null(snapshot);
    snapshot_unref(snapshot);
    assert_int_equal(csv_queue_done_window(&queue), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_window_is_done_when_every_file_has_it),
        TEST(a_failing_file_keeps_its_order_and_holds_up_no_other),
        TEST(at_the_bound_the_oldest_goes),
        TEST(the_window_in_hand_is_never_given_up),
        TEST(memory_bounds_what_waits),
        TEST(an_hour_is_the_longest_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
