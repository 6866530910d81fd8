/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/net/pace.h"

#define MS UINT64_C(1000000)
#define LARGE_BUFFER (UINT64_C(16) << 20)

static struct pace pace_of(uint64_t buffer_bytes)
{
    struct pace pace;
    pace_init(&pace, buffer_bytes);
    pace.drained_ns = 1000 * MS;
    return pace;
}

static unsigned wait_ms(uint64_t buffer_bytes, size_t taken, uint64_t elapsed_ns)
{
    struct pace pace = pace_of(buffer_bytes);
    return pace_wait_ms(&pace, taken, 1000 * MS + elapsed_ns);
}

static void light_traffic_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(wait_ms(LARGE_BUFFER, 0, MS), 0);
    assert_int_equal(wait_ms(LARGE_BUFFER, 0, 0), 0);
    assert_int_equal(wait_ms(LARGE_BUFFER, 1, 2 * MS), 0);
    assert_int_equal(wait_ms(LARGE_BUFFER, 1, 1000 * MS), 0);
    assert_int_equal(wait_ms(LARGE_BUFFER, 600, 1000 * MS), 0);
    assert_int_equal(wait_ms(LARGE_BUFFER, 64, UINT64_MAX / 2), 0);
}

static void under_load_the_wait_is_for_a_batch(void **state)
{
    (void)state;
    assert_int_equal(wait_ms(LARGE_BUFFER, 1, MS), 3);       /* 1,000 a second */
    assert_int_equal(wait_ms(LARGE_BUFFER, 10, MS), 3);      /* 10,000 */
    assert_int_equal(wait_ms(LARGE_BUFFER, 60, 3 * MS), 2);  /* 20,000 */
    assert_int_equal(wait_ms(LARGE_BUFFER, 100, 2 * MS), 1); /* 50,000 */
    assert_int_equal(wait_ms(LARGE_BUFFER, 5, MS / 20), 1);  /* 100,000, woken often */
    assert_int_equal(wait_ms(LARGE_BUFFER, 5000, MS), 1);
    assert_int_equal(wait_ms(LARGE_BUFFER, 64, 0), 1);
}

static void a_buffer_that_a_flood_could_fill_bounds_the_wait(void **state)
{
    (void)state;
    assert_int_equal(wait_ms(6 * MS, 10, MS), 3);
    assert_int_equal(wait_ms(5 * MS, 10, MS), 2);
    assert_int_equal(wait_ms(2 * MS, 10, MS), 1);
    assert_int_equal(wait_ms(425984, 10, MS), 0);
    assert_int_equal(wait_ms(0, 10, MS), 0);
}

/* Datagrams at an even pace, each drain taking what came during the wait before. */
static void an_even_pace_settles_near_a_batch_a_wake_up(void **state)
{
    (void)state;
    static const unsigned rates[] = {16000, 20000, 30000, 48000, 60000};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct pace pace = pace_of(LARGE_BUFFER);
        uint64_t now_ns = 1000 * MS + 50000, seen = 0;
        for (int wake = 0; wake < 100; wake++) {
            uint64_t total = (now_ns - 1000 * MS) * rates[i] / (1000 * MS);
            size_t taken = (size_t)(total - seen);
            seen = total;
            unsigned ms = pace_wait_ms(&pace, taken, now_ns);
            if (wake > 5) {
                assert_in_range(taken, 40, 64);
            }
            now_ns += ms > 0 ? ms * MS : 1000 * MS / rates[i];
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_traffic_is_not_waited_for),
        cmocka_unit_test(under_load_the_wait_is_for_a_batch),
        cmocka_unit_test(a_buffer_that_a_flood_could_fill_bounds_the_wait),
        cmocka_unit_test(an_even_pace_settles_near_a_batch_a_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
