/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/detect/auto_zero.h"

/* Whether a 0 is odd after `age` values, of which each `every`-th was 0; 0 for none. */
static bool is_odd(uint32_t age, uint32_t every, bool far)
{
    struct auto_zero zero = {0};
    for (uint32_t i = 0; i < age; i++) {
        auto_zero_observe(&zero, every > 0 && i % every == 0 ? 0 : 7, i, false);
    }
    return auto_zero_observe(&zero, 0, age, far);
}

static void a_zero_is_odd_where_there_were_none(void **state)
{
    (void)state;
    assert_true(is_odd(AUTO_ZERO_WARMUP, 0, false));
    assert_true(is_odd(5000, 0, false));
}

static void it_is_not_where_they_come_now_and_then(void **state)
{
    (void)state;
    assert_false(is_odd(5000, 100, false));
    assert_false(is_odd(5000, 2, true));
}

static void before_enough_was_seen_only_a_far_one_is(void **state)
{
    (void)state;
    assert_false(is_odd(AUTO_ZERO_WARMUP - 1, 0, false));
    assert_true(is_odd(AUTO_ZERO_WARMUP - 1, 0, true));
    assert_false(is_odd(AUTO_ZERO_WARMUP - 1, 50, true));
}

static void other_values_never_are(void **state)
{
    (void)state;
    struct auto_zero zero = {0};
    for (uint32_t i = 0; i < 500; i++) {
        assert_false(auto_zero_observe(&zero, i % 2 ? 1e-300 : -7, i, true));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zero_is_odd_where_there_were_none),
        cmocka_unit_test(it_is_not_where_they_come_now_and_then),
        cmocka_unit_test(before_enough_was_seen_only_a_far_one_is),
        cmocka_unit_test(other_values_never_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
