/* SPDX-License-Identifier: MIT
 *
 * Batches, their halves, the queue, and what an answer means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/protobuf.h"
#include "server/modules/remote_write/batch.h"
#include "server/modules/remote_write/fields.h"
#include "server/modules/remote_write/labels.h"
#include "server/modules/remote_write/queue.h"
#include "server/modules/remote_write/verdict.h"

static void append_series(struct buffer *out, const char *name, size_t padding)
{
    struct own_labels own = {0};
    struct label_writer writer = {0};
    struct buffer labels = {0};
    buffer_append_text(&labels, "Before=\"1\",z=\"");
    for (size_t i = 0; i < padding; i++) {
        buffer_append_text(&labels, "x");
    }
    buffer_append_text(&labels, "\"");
    size_t begun = protobuf_begin(out, REQUEST_SERIES);
    labels_encode(&writer, &own, name, strlen(name), labels.bytes, labels.length, out);
    protobuf_end(out, begun);
    label_writer_deinit(&writer);
    buffer_deinit(&labels);
}

static struct batch *batch_of(uint64_t window, size_t series, size_t padding)
{
    struct buffer raw = {0};
    char name[] = "a";
    for (size_t i = 0; i < series; i++, name[0]++) {
        append_series(&raw, name, padding);
    }
    struct batch *batch = batch_new(window, series, raw.bytes, raw.length);
    buffer_deinit(&raw);
    assert_non_null(batch);
    return batch;
}

static void assert_first_name(const struct batch *batch, const char *name)
{
    struct buffer found = {0};
    batch_append_name(batch, &found);
    buffer_append(&found, "", 1);
    assert_string_equal(found.bytes, name);
    buffer_deinit(&found);
}

static void halves_hold_what_the_whole_held_down_to_each_series(void **state)
{
    (void)state;
    /* A message behind a length of five bytes is skipped whole as well. */
    for (size_t padding = 0; padding <= 40000; padding += 20000) {
        struct batch *whole = batch_of(7, 5, padding);
        struct batch *halves[2], *quarters[2];
        assert_true(batch_halve(whole, halves));
        assert_int_equal(halves[0]->series, 2);
        assert_int_equal(halves[1]->series, 3);
        assert_int_equal(halves[1]->window, 7);
        assert_first_name(halves[0], "a");
        assert_first_name(halves[1], "c");
        struct buffer raw = {0}, first = {0}, second = {0};
        assert_true(batch_unpack(whole, &raw));
        assert_true(batch_unpack(halves[0], &first));
        assert_true(batch_unpack(halves[1], &second));
        assert_int_equal(raw.length, first.length + second.length);
        assert_memory_equal(raw.bytes, first.bytes, first.length);
        assert_memory_equal(raw.bytes + first.length, second.bytes, second.length);
        assert_true(batch_halve(halves[0], quarters));
        assert_first_name(quarters[1], "b");
        buffer_deinit(&raw);
        buffer_deinit(&first);
        buffer_deinit(&second);
        for (size_t i = 0; i < 2; i++) {
            free(halves[i]);
            free(quarters[i]);
        }
        free(whole);
    }
}

static void a_maker_bounds_series_and_bytes_of_a_batch(void **state)
{
    (void)state;
    struct batch_maker maker = {.series_max = 3};
    struct batch_list made;
    batch_maker_begin(&maker, 1);
    for (size_t i = 0; i < 7; i++) {
        append_series(batch_maker_buffer(&maker), "n", i == 0 ? BATCH_BYTES_MAX : 0);
        batch_maker_add(&maker);
    }
    assert_true(batch_maker_end(&maker, &made));
    size_t expected[] = {1, 3, 3}, at = 0, bytes = 0;
    for (const struct batch *batch = made.first; batch; batch = batch->next) {
        assert_int_equal(batch->series, expected[at++]);
        bytes += batch_memory(batch);
    }
    assert_int_equal(at, 3);
    assert_int_equal(bytes, made.bytes);
    batch_list_free(&made);
    batch_maker_deinit(&maker);
}

static void put(struct queue *queue, uint64_t window, size_t batches, struct batch_list *dropped)
{
    struct batch_list list = {0};
    for (size_t i = 0; i < batches; i++) {
        batch_list_append(&list, batch_of(window, 1, 0));
    }
    queue_put(queue, window, &list, dropped);
}

static size_t length_of(struct batch_list *list)
{
    size_t count = 0;
    for (const struct batch *batch = list->first; batch; batch = batch->next) {
        count++;
    }
    batch_list_free(list);
    return count;
}

static void a_full_queue_drops_whole_windows_but_not_what_is_in_hand(void **state)
{
    (void)state;
    struct batch *one = batch_of(1, 1, 0);
    struct queue queue = {.bytes_max = 5 * batch_memory(one)};
    struct batch_list dropped = {0};
    free(one);
    put(&queue, 1, 2, &dropped);
    put(&queue, 2, 2, &dropped);
    struct batch *in_hand = queue_next(&queue);
    assert_int_equal(in_hand->window, 1);
    assert_ptr_equal(queue_next(&queue), in_hand);
    assert_int_equal(queue_done_window(&queue), 0);
    put(&queue, 3, 2, &dropped);
    assert_int_equal(length_of(&dropped), 1); /* what was left of the first */
    put(&queue, 4, 1, &dropped);
    assert_int_equal(length_of(&dropped), 2);
    assert_int_equal(queue.windows_lost, 2);
    assert_ptr_equal(queue_settle(&queue), in_hand);
    free(in_hand);
    assert_int_equal(queue_done_window(&queue), 2);
    for (uint64_t window = 3; window <= 4; window++) {
        for (size_t i = 0; i < 5 - window; i++) {
            struct batch *batch = queue_next(&queue);
            assert_int_equal(batch->window, window);
            free(queue_settle(&queue));
        }
    }
    assert_null(queue_next(&queue));
    assert_int_equal(queue_bytes(&queue), 0);
    assert_int_equal(queue_done_window(&queue), 4);
}

static void halves_take_the_place_of_the_whole(void **state)
{
    (void)state;
    struct queue queue = {.bytes_max = 1 << 20};
    struct batch_list list = {0}, dropped = {0};
    struct batch *halves[2];
    batch_list_append(&list, batch_of(1, 2, 0));
    batch_list_append(&list, batch_of(1, 1, 0));
    queue_put(&queue, 1, &list, &dropped);
    assert_true(batch_halve(queue_next(&queue), halves));
    free(queue_replace(&queue, halves));
    const char *expected[] = {"a", "b", "a"};
    for (size_t i = 0; i < 3; i++) {
        assert_first_name(queue_next(&queue), expected[i]);
        free(queue_settle(&queue));
    }
    assert_int_equal(queue_bytes(&queue), 0);
}

static void only_what_may_pass_is_tried_again(void **state)
{
    (void)state;
    const struct {
        long status;
        size_t series;
        unsigned halvings;
        enum verdict verdict;
    } cases[] = {
        {0, 5, 9, VERDICT_AGAIN},   {200, 5, 9, VERDICT_TAKEN}, {204, 5, 0, VERDICT_TAKEN},
        {301, 5, 9, VERDICT_LOST},  {400, 5, 9, VERDICT_HALVE}, {400, 1, 9, VERDICT_LOST},
        {400, 5, 0, VERDICT_LOST},  {413, 5, 9, VERDICT_HALVE}, {413, 1, 9, VERDICT_LOST},
        {401, 5, 9, VERDICT_LOST},  {404, 5, 9, VERDICT_LOST},  {429, 1, 0, VERDICT_AGAIN},
        {500, 5, 9, VERDICT_AGAIN}, {503, 1, 0, VERDICT_AGAIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(verdict_of(cases[i].status, cases[i].series, cases[i].halvings),
                         cases[i].verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_hold_what_the_whole_held_down_to_each_series),
        cmocka_unit_test(a_maker_bounds_series_and_bytes_of_a_batch),
        cmocka_unit_test(a_full_queue_drops_whole_windows_but_not_what_is_in_hand),
        cmocka_unit_test(halves_take_the_place_of_the_whole),
        cmocka_unit_test(only_what_may_pass_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
