/* SPDX-License-Identifier: MIT
 *
 * Short shapes: those that come again are nothing new, others are, and those seen are remembered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "server/detect/auto_shape.h"

#define PERIOD 12
#define WINDOWS 2400

static float wave(uint32_t age)
{
    return (float)sin(2 * M_PI * age / PERIOD);
}

static float observe(struct auto_shape *shape, uint32_t age, float value, float before)
{
    return auto_shape_observe(shape, value, age == 0 ? 0 : value - before, age);
}

static struct auto_shape learnt(void)
{
    struct auto_shape shape = {0};
    for (uint32_t age = 0; age < WINDOWS; age++) {
        observe(&shape, age, wave(age), wave(age - 1));
    }
    return shape;
}

static void what_comes_again_is_worth_nothing(void **context)
{
    (void)context;
    struct auto_shape shape = learnt();
    for (uint32_t age = WINDOWS; age < WINDOWS + 10 * PERIOD; age++) {
        assert_true(observe(&shape, age, wave(age), wave(age - 1)) == 0);
    }
}

/* Each value of the second half of the period, straight after one of the first, is a usual value in
 * a place where it never was. */
static void a_usual_value_in_an_unusual_place_is_worth_something(void **context)
{
    (void)context;
    struct auto_shape shape = learnt();
    uint32_t top = WINDOWS + PERIOD / 4;
    for (uint32_t age = WINDOWS; age < top; age++) {
        observe(&shape, age, wave(age), wave(age - 1));
    }
    assert_true(observe(&shape, top, -1, wave(top - 1)) > 1);
}

static void what_is_new_is_remembered(void **context)
{
    (void)context;
    struct auto_shape shape = learnt();
    float first = observe(&shape, WINDOWS, 3, wave(WINDOWS - 1));
    assert_true(first > 1);
    struct auto_shape before = shape;
    float again = observe(&before, WINDOWS + 1, 3, wave(WINDOWS - 1));
    assert_true(again < first / 2);
}

static void a_constant_has_one_shape(void **context)
{
    (void)context;
    struct auto_shape shape = {0};
    for (uint32_t age = 0; age < WINDOWS; age++) {
        assert_true(observe(&shape, age, 5, 5) == 0);
    }
    assert_int_equal(shape.used[0], WINDOWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_again_is_worth_nothing),
        cmocka_unit_test(a_usual_value_in_an_unusual_place_is_worth_something),
        cmocka_unit_test(what_is_new_is_remembered),
        cmocka_unit_test(a_constant_has_one_shape),
    };
    return cmocka_run_group_tests_name("auto_shape", tests, NULL, NULL);
}
