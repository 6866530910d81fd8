/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/core/buffer.h"

static void holds_what_was_appended_in_order(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    char expected[40000];
    size_t length = 0;
    for (int i = 0; i < 3000; i++) {
        length += (size_t)sprintf(expected + length, "%d,ab;", i);
        buffer_append_number(&buffer, i);
        buffer_append(&buffer, ",", 1);
        buffer_append_text(&buffer, "ab");
        buffer_append_format(&buffer, "%c", ';');
    }
    assert_false(buffer.failed);
    assert_int_equal(buffer.length, length);
    assert_memory_equal(buffer.bytes, expected, length);
    buffer_deinit(&buffer);
    assert_null(buffer.bytes);
}

static void nothing_appended_is_nothing_taken(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "", 0);
    buffer_append_text(&buffer, "");
    assert_int_equal(buffer.length, 0);
    assert_false(buffer.failed);
    buffer_deinit(&buffer);
}

static void room_is_as_large_as_asked_for(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (size_t room = 1; room < 3000; room += 7) {
        char *bytes = buffer_room(&buffer, room);
        assert_non_null(bytes);
        memset(bytes, (int)(room % 100), room);
        buffer.length += room;
    }
    size_t at = 0;
    for (size_t room = 1; room < 3000; room += 7) {
        assert_int_equal(buffer.bytes[at], room % 100);
        assert_int_equal(buffer.bytes[at + room - 1], room % 100);
        at += room;
    }
    buffer_deinit(&buffer);
}

static void failing_once_is_failing_for_good(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append_text(&buffer, "kept");
    assert_null(buffer_room(&buffer, SIZE_MAX / 2 + 2));
    assert_true(buffer.failed);
    buffer_append_text(&buffer, "lost");
    buffer_append_number(&buffer, 1);
    buffer_append_format(&buffer, "%d", 1);
    assert_int_equal(buffer.length, 4);
    assert_memory_equal(buffer.bytes, "kept", 4);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_appended_in_order),
        cmocka_unit_test(nothing_appended_is_nothing_taken),
        cmocka_unit_test(room_is_as_large_as_asked_for),
        cmocka_unit_test(failing_once_is_failing_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
