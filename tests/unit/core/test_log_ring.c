/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/core/log_ring.h"

static struct log_ring ring;
static struct log_ring_line taken;

static int setup(void **state)
{
    (void)state;
    memset(&ring, 0, sizeof(ring));
    return 0;
}

/* A line that tells its number and is as long as that says. */
static size_t make(char line[LOG_LINE_BYTES_MAX], size_t number)
{
    size_t length = 1 + number * 37 % LOG_LINE_BYTES_MAX;
    memset(line, (int)(number % 251), length);
    return length;
}

static bool put(size_t number)
{
    char line[LOG_LINE_BYTES_MAX];
    return log_ring_put(&ring, line, make(line, number));
}

static void assert_taken(size_t number, uint64_t lost)
{
    char line[LOG_LINE_BYTES_MAX];
    assert_true(log_ring_take(&ring, &taken));
    assert_int_equal(taken.lost, lost);
    assert_int_equal(taken.length, make(line, number));
    assert_memory_equal(taken.bytes, line, taken.length);
}

static void lines_come_out_as_they_went_in_all_around_the_ring(void **state)
{
    (void)state;
    size_t in = 0, out = 0;
    for (size_t turn = 0; turn < 10000; turn++) {
        for (size_t i = 0; i < turn % 7; i++) {
            assert_true(put(in++));
        }
        while (out < in && in - out > turn % 50) {
            assert_taken(out++, 0);
        }
    }
    while (out < in) {
        assert_taken(out++, 0);
    }
    assert_false(log_ring_take(&ring, &taken));
}

static size_t fill(void)
{
    size_t count = 0;
    while (put(count)) {
        count++;
    }
    return count;
}

static void what_is_lost_last_is_counted_without_a_line(void **state)
{
    (void)state;
    size_t count = fill();
    assert_false(put(0));
    for (size_t i = 0; i < count; i++) {
        assert_taken(i, 0);
    }
    assert_true(log_ring_take(&ring, &taken));
    assert_int_equal(taken.lost, 2);
    assert_int_equal(taken.length, 0);
    assert_false(log_ring_take(&ring, &taken));
}

static void the_count_stands_where_the_lines_are_missing(void **state)
{
    (void)state;
    size_t count = fill(), out = 0, lost = 1;
    while (!put(count)) {
        lost++;
        assert_taken(out++, 0);
    }
    assert_true(ring.used <= LOG_RING_BYTES / 2);
    assert_true(put(count + 1));
    while (out < count) {
        assert_taken(out++, 0);
    }
    assert_taken(count, lost);
    assert_taken(count + 1, 0);
    assert_false(log_ring_take(&ring, &taken));
}

static void an_empty_ring_begins_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(put(i));
        assert_taken(i, 0);
        assert_int_equal(ring.first, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_come_out_as_they_went_in_all_around_the_ring, setup),
        cmocka_unit_test_setup(what_is_lost_last_is_counted_without_a_line, setup),
        cmocka_unit_test_setup(the_count_stands_where_the_lines_are_missing, setup),
        cmocka_unit_test_setup(an_empty_ring_begins_anew, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
