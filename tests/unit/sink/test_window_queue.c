/* SPDX-License-Identifier: MIT
 *
 * Windows as bytes: blocks, the queue's bound, what a receiver resumes with, pauses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/sink/backoff.h"
#include "server/sink/window_queue.h"

static struct blocks text_blocks(const char *text)
{
    struct blocks blocks = {0};
    char *room = blocks_room(&blocks, strlen(text));
    assert_non_null(room);
    memcpy(room, text, strlen(text));
    blocks_add(&blocks, strlen(text));
    blocks_finish(&blocks);
    return blocks;
}

static void put(struct window_queue *queue, uint64_t window, size_t receivers)
{
    struct blocks bytes = text_blocks("path 1 2\n");
    assert_true(window_queue_put(queue, window, &bytes, receivers));
}

static void empty(struct window_queue *queue)
{
    struct queued_window *window;
    while ((window = window_queue_take(queue))) {
        queued_window_free(window);
    }
    assert_int_equal(queue->memory_bytes, 0);
    assert_int_equal(queue->bytes, 0);
    assert_int_equal(queue->count, 0);
}

static void a_window_leaves_when_every_receiver_has_it(void **state)
{
    struct window_queue queue = {.memory_max = 1 << 20};
    (void)state;
    put(&queue, 1, 2);
    put(&queue, 2, 2);
    struct queued_window *first = window_queue_next(&queue, 0);
    assert_int_equal(first->window, 1);
    assert_null(window_queue_settle(&queue, first, 0));
    assert_int_equal(window_queue_next(&queue, 0)->window, 2);
    assert_ptr_equal(window_queue_next(&queue, 1), first);
    assert_int_equal(window_queue_done_window(&queue), 0);
    assert_ptr_equal(window_queue_settle(&queue, first, 1), first);
    queued_window_free(first);
    assert_int_equal(window_queue_done_window(&queue), 1);
    empty(&queue);
    assert_int_equal(window_queue_done_window(&queue), 2);
}

static void the_oldest_go_when_it_is_full_but_not_one_in_hand(void **state)
{
    struct window_queue queue = {.memory_max = 1 << 20};
    (void)state;
    put(&queue, 1, 1);
    uint64_t each = queue.memory_bytes;
    queue.memory_max = 3 * each;
    put(&queue, 2, 1);
    put(&queue, 3, 1);
    struct queued_window *in_hand = window_queue_next(&queue, 0);
    struct queued_window *given_up = window_queue_give_up(&queue, each);
    assert_int_equal(given_up->window, 2);
    queued_window_free(given_up);
    assert_null(window_queue_give_up(&queue, each));
    put(&queue, 4, 1);
    window_queue_put_back(in_hand, 0);
    given_up = window_queue_give_up(&queue, each);
    assert_int_equal(given_up->window, 1);
    queued_window_free(given_up);
    empty(&queue);
}

static void one_window_is_kept_whatever_its_size(void **state)
{
    struct window_queue queue = {.memory_max = 1};
    (void)state;
    assert_null(window_queue_give_up(&queue, 100));
    put(&queue, 1, 1);
    assert_int_equal(queue.count, 1);
    empty(&queue);
}

static void a_line_never_spans_two_blocks(void **state)
{
    struct blocks blocks = {0};
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char *room = blocks_room(&blocks, 100);
        memset(room, 'x', 49);
        room[49] = '\n';
        blocks_add(&blocks, 50);
    }
    blocks_finish(&blocks);
    size_t count = 0;
    for (struct block *block = blocks.first; block; block = block->next) {
        assert_int_equal(block->length % 50, 0);
        count += block->length / 50;
    }
    assert_int_equal(count, 10000);
    assert_int_equal(blocks.length, 500000);
    assert_true(blocks_memory(&blocks) < 520000);
    blocks_deinit(&blocks);
}

static void resumes_at_the_first_line_that_is_not_whole(void **state)
{
    struct blocks blocks = text_blocks("first\nsecond\nthird\n");
    static const size_t expected[] = {0, 0, 0, 0,  0,  0,  6,  6,  6,  6,
                                      6, 6, 6, 13, 13, 13, 13, 13, 13, 19};
    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        assert_int_equal(blocks_resume(&blocks, i, false), expected[i]);
    }
    blocks_deinit(&blocks);
}

static void resumes_at_the_first_block_that_is_not_whole(void **state)
{
    struct blocks blocks = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        memset(blocks_begin(&blocks, 10), 'x', 10);
        blocks_add(&blocks, 10);
    }
    assert_int_equal(blocks_resume(&blocks, 9, true), 0);
    assert_int_equal(blocks_resume(&blocks, 10, true), 10);
    assert_int_equal(blocks_resume(&blocks, 29, true), 20);
    assert_int_equal(blocks_resume(&blocks, 30, true), 30);
    blocks_deinit(&blocks);
}

static void pauses_double_up_to_a_bound(void **state)
{
    (void)state;
    for (unsigned failures = 1; failures < 100; failures++) {
        uint32_t bound =
            failures < 8 ? (uint32_t)BACKOFF_FIRST_MS << (failures - 1) : BACKOFF_MAX_MS;
        bound = bound < BACKOFF_MAX_MS ? bound : BACKOFF_MAX_MS;
        for (uint32_t chance = 0; chance < 100000; chance += 997) {
            uint32_t pause = backoff_ms(failures, chance);
            assert_in_range(pause, bound / 2, bound);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_leaves_when_every_receiver_has_it),
        cmocka_unit_test(the_oldest_go_when_it_is_full_but_not_one_in_hand),
        cmocka_unit_test(one_window_is_kept_whatever_its_size),
        cmocka_unit_test(a_line_never_spans_two_blocks),
        cmocka_unit_test(resumes_at_the_first_line_that_is_not_whole),
        cmocka_unit_test(resumes_at_the_first_block_that_is_not_whole),
        cmocka_unit_test(pauses_double_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
