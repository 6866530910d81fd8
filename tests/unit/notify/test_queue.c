/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/hash.h"
#include "server/notify/queue.h"
#include "tests/unit/notify/make_row.h"

static struct notify_queue *new_queue(size_t bytes_max)
{
    struct notify_queue *queue = calloc(1, sizeof(*queue));
    assert_non_null(queue);
    queue->bytes_max = bytes_max;
    return queue;
}

static void free_queue(struct notify_queue *queue)
{
    notify_queue_deinit(queue);
    assert_int_equal(queue->count, 0);
    assert_int_equal(queue->bytes, 0);
    free(queue);
}

static void put(struct notify_queue *queue, const char *name, const char *metric,
                enum alert_state state)
{
    assert_int_equal(notify_queue_put(queue, make_notification(name, metric, state)), 0);
}

static void expect_next(struct notify_queue *queue, const char *metric, enum alert_state state)
{
    struct notification *next = notify_queue_take(queue);
    assert_non_null(next);
    assert_string_equal(next->row.metric, metric);
    assert_int_equal(next->row.state, state);
    notification_free(next);
}

static void gives_the_oldest_first(void **state)
{
    struct notify_queue *queue = new_queue(1 << 20);
    (void)state;
    put(queue, "a", "x", ALERT_FIRING);
    put(queue, "a", "y", ALERT_FIRING);
    put(queue, "b", "x", ALERT_FIRING);
    expect_next(queue, "x", ALERT_FIRING);
    expect_next(queue, "y", ALERT_FIRING);
    expect_next(queue, "x", ALERT_FIRING);
    assert_null(notify_queue_take(queue));
    free_queue(queue);
}

static void has_the_latest_state_of_an_alert_only(void **state)
{
    struct notify_queue *queue = new_queue(1 << 20);
    (void)state;
    put(queue, "a", "x", ALERT_FIRING);
    put(queue, "a", "y", ALERT_FIRING);
    put(queue, "a", "x", ALERT_RESOLVED);
    assert_int_equal(queue->count, 2);
    expect_next(queue, "y", ALERT_FIRING);
    expect_next(queue, "x", ALERT_RESOLVED);
    free_queue(queue);
}

static void one_that_comes_back_is_first_unless_there_is_newer(void **state)
{
    struct notify_queue *queue = new_queue(1 << 20);
    (void)state;
    put(queue, "a", "x", ALERT_FIRING);
    put(queue, "a", "y", ALERT_FIRING);
    struct notification *x = notify_queue_take(queue);
    notify_queue_return(queue, x);
    expect_next(queue, "x", ALERT_FIRING);
    struct notification *y = notify_queue_take(queue);
    put(queue, "a", "z", ALERT_FIRING);
    put(queue, "a", "y", ALERT_RESOLVED);
    notify_queue_return(queue, y);
    expect_next(queue, "y", ALERT_RESOLVED);
    expect_next(queue, "z", ALERT_FIRING);
    free_queue(queue);
}

static void what_was_never_told_is_no_repetition(void **state)
{
    struct notify_queue *queue = new_queue(1 << 20);
    struct alert_row row = make_row("a", "x", ALERT_FIRING);
    (void)state;
    put(queue, "a", "x", ALERT_FIRING);
    assert_int_equal(notify_queue_put(queue, notification_new(&row, true, 0)), 0);
    struct notification *next = notify_queue_take(queue);
    assert_false(next->again);
    assert_int_equal(notify_queue_put(queue, notification_new(&row, true, 0)), 0);
    notify_queue_return(queue, next);
    next = notify_queue_take(queue);
    assert_false(next->again);
    notification_free(next);
    free_queue(queue);
}

static void the_oldest_goes_where_there_is_no_room(void **state)
{
    struct notification *sample = make_notification("a", "00", ALERT_FIRING);
    struct notify_queue *queue = new_queue(3 * sample->bytes);
    char metric[8];
    size_t gone = 0;
    (void)state;
    notification_free(sample);
    for (int i = 0; i < 10; i++) {
        snprintf(metric, sizeof(metric), "%02d", i);
        gone += notify_queue_put(queue, make_notification("a", metric, ALERT_FIRING));
    }
    assert_int_equal(gone, 7);
    expect_next(queue, "07", ALERT_FIRING);
    free_queue(queue);
    queue = new_queue(16);
    assert_int_equal(notify_queue_put(queue, make_notification("a", "x", ALERT_FIRING)), 1);
    free_queue(queue);
}

static void ten_thousand_alerts_keep_their_order(void **state)
{
    struct notify_queue *queue = new_queue(SIZE_MAX);
    char metric[16];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10000; i++) {
            snprintf(metric, sizeof(metric), "%05d", i);
            put(queue, "a", metric, round ? ALERT_RESOLVED : ALERT_FIRING);
        }
        assert_int_equal(queue->count, 10000);
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(metric, sizeof(metric), "%05d", i);
        expect_next(queue, metric, ALERT_RESOLVED);
    }
    free_queue(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_oldest_first),
        cmocka_unit_test(has_the_latest_state_of_an_alert_only),
        cmocka_unit_test(one_that_comes_back_is_first_unless_there_is_newer),
        cmocka_unit_test(what_was_never_told_is_no_repetition),
        cmocka_unit_test(the_oldest_goes_where_there_is_no_room),
        cmocka_unit_test(ten_thousand_alerts_keep_their_order),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
