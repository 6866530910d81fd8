/* SPDX-License-Identifier: MIT
 *
 * Leaving a range: what it is worth, on which side, and what the range learns of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/detect/auto_range.h"
#include "tests/unit/random.h"

#define WINDOWS 1000

/* A range that has seen values from -1 to 1. */
static struct auto_range settled(uint64_t seed)
{
    struct auto_range range = {0};
    for (uint32_t age = 0; age < WINDOWS; age++) {
        float value = (float)(random_next(&seed) % 2001) / 1000 - 1;
        auto_range_observe(&range, value, age, 1);
    }
    return range;
}

static void inside_is_worth_nothing(void **context)
{
    (void)context;
    for (int i = -9; i <= 9; i++) {
        struct auto_range range = settled(5);
        assert_true(auto_range_observe(&range, (float)i / 10, WINDOWS, 1) == 0);
    }
}

static void worth_has_the_side_as_its_sign_and_grows_with_the_distance(void **context)
{
    (void)context;
    float above = 0, below = 0;
    for (int i = 2; i < 10; i++) {
        struct auto_range up = settled(5), down = settled(5);
        float over = auto_range_observe(&up, (float)i, WINDOWS, 1);
        float under = auto_range_observe(&down, (float)-i, WINDOWS, 1);
        assert_true(over > above && under < below);
        above = over;
        below = under;
    }
}

static void a_constant_signal_has_no_yardstick_and_no_worth(void **context)
{
    (void)context;
    struct auto_range range = {0};
    for (uint32_t age = 0; age < WINDOWS; age++) {
        assert_true(auto_range_observe(&range, 7, age, 1) == 0);
    }
    assert_true(range.low == 7 && range.high == 7 && range.step == 0);
}

static void a_range_takes_in_what_broke_it_a_little_at_a_time(void **context)
{
    (void)context;
    struct auto_range range = settled(5);
    float high = range.high;
    assert_true(auto_range_observe(&range, 11, WINDOWS, 1) > 1);
    assert_true(range.high > high && range.high < 5);
    assert_true(auto_range_observe(&range, 11, WINDOWS + 1, 1) > 1);
}

static void a_lasting_jump_of_any_size_is_taken_in_within_an_hour(void **context)
{
    (void)context;
    for (float size = 10; size < 1e15f; size *= 10) {
        struct auto_range range = settled(5);
        unsigned windows = 0;
        while (auto_range_observe(&range, size, WINDOWS + windows, 1) > 0) {
            windows++;
        }
        assert_true(windows > 0 && windows < 100);
    }
}

/* By steps of up to 1 to either side. */
static void what_wanders_is_followed(void **context)
{
    (void)context;
    struct auto_range range = {0};
    uint64_t seed = 9;
    float value = 0;
    for (uint32_t age = 0; age < 10 * WINDOWS; age++) {
        value += (float)(random_next(&seed) % 2001) / 1000 - 1;
        auto_range_observe(&range, value, age, 1);
        assert_true(age < 100 || (value < range.high + 1 && value > range.low - 1));
    }
}

static void far_is_outside_by_the_width(void **context)
{
    (void)context;
    struct auto_range range = settled(5);
    float width = range.high - range.low;
    assert_false(auto_range_is_far(&range, range.high + 0.9f * width));
    assert_true(auto_range_is_far(&range, range.high + 1.1f * width));
    assert_false(auto_range_is_far(&range, range.low - 0.9f * width));
    assert_true(auto_range_is_far(&range, range.low - 1.1f * width));
}

static void old_extremes_are_forgotten(void **context)
{
    (void)context;
    struct auto_range range = settled(5);
    auto_range_observe(&range, 100, WINDOWS, 1);
    for (uint32_t i = 1; i <= 10 * WINDOWS; i++) {
        auto_range_observe(&range, i % 2 == 0 ? 1 : -1, WINDOWS + i, 1);
    }
    assert_true(range.high < 50);
    assert_true(range.low == -1 || range.low > -1.1f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_is_worth_nothing),
        cmocka_unit_test(worth_has_the_side_as_its_sign_and_grows_with_the_distance),
        cmocka_unit_test(a_constant_signal_has_no_yardstick_and_no_worth),
        cmocka_unit_test(a_range_takes_in_what_broke_it_a_little_at_a_time),
        cmocka_unit_test(a_lasting_jump_of_any_size_is_taken_in_within_an_hour),
        cmocka_unit_test(what_wanders_is_followed),
        cmocka_unit_test(far_is_outside_by_the_width),
        cmocka_unit_test(old_extremes_are_forgotten),
    };
    return cmocka_run_group_tests_name("auto_range", tests, NULL, NULL);
}
