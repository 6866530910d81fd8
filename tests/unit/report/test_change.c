/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/report/change.h"
#include "tests/unit/random.h"

#define COUNT POINTS_MAX

/* About normal, mean 0 and deviation 1: the sum of twelve uniform ones less six. */
static double noise(uint64_t *state)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += (double)(random_next(state) >> 11) * 0x1p-53;
    }
    return sum - 6;
}

static void fill(double values[COUNT], uint64_t seed, size_t from, size_t to, double level)
{
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (i >= from && i < to ? level : 100) + 10 * noise(&seed);
    }
}

static void finds_a_step_where_it_is(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, 1, 70, COUNT, 180);
    struct change change = change_find(values, COUNT, 0.1);
    assert_int_equal(change.shape, CHANGE_STEP);
    assert_in_range(change.from, 69, 71);
    assert_int_equal(change.to, COUNT - 1);
    assert_true(fabs(change.before - 100) < 5 && fabs(change.after - 180) < 5);
    assert_true(change.likelihood < 1e-9);
}

static void finds_a_step_shortly_before_the_end(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, 2, COUNT - 8, COUNT, 180);
    struct change change = change_find(values, COUNT, 0.1);
    assert_int_equal(change.shape, CHANGE_STEP);
    assert_in_range(change.from, COUNT - 9, COUNT - 7);
}

static void finds_a_bump_with_both_its_ends(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, 3, 40, 60, 180);
    struct change change = change_find(values, COUNT, 0.1);
    assert_int_equal(change.shape, CHANGE_BUMP);
    assert_in_range(change.from, 39, 41);
    assert_in_range(change.to, 58, 60);
}

static void noise_alone_is_no_change(void **state)
{
    double values[COUNT];
    size_t found = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        fill(values, seed, 0, 0, 0);
        found += change_find(values, COUNT, 0.1).shape != CHANGE_NONE;
    }
    assert_int_equal(found, 0);
}

/* An AR(1) process: with `memory` 1 a random walk. */
static void wander(double values[COUNT], uint64_t seed, double memory)
{
    double at = 0;
    for (size_t i = 0; i < COUNT; i++) {
        at = memory * at + noise(&seed);
        values[i] = 100 + 5 * at;
    }
}

static void series_that_wander_have_not_changed(void **state)
{
    static const double memories[] = {0.8, 0.95, 1};
    double values[COUNT];
    size_t found = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        wander(values, seed, memories[seed % 3]);
        found += change_find(values, COUNT, 0.1).shape != CHANGE_NONE;
    }
    assert_in_range(found, 0, 5);
}

static void a_change_of_half_as_much_is_found_nearly_always(void **state)
{
    double values[COUNT];
    size_t found = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        fill(values, seed, 80, COUNT, 150);
        found += change_find(values, COUNT, 0.1).shape == CHANGE_STEP;
    }
    assert_in_range(found, 195, 200);
}

static void a_spike_is_no_change(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, 4, 50, 52, 5000);
    assert_int_equal(change_find(values, COUNT, 0.1).shape, CHANGE_NONE);
}

static void a_constant_series_has_not_changed(void **state)
{
    double values[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = 7;
    }
    assert_int_equal(change_find(values, COUNT, 0.1).shape, CHANGE_NONE);
}

static void a_constant_that_becomes_another_has(void **state)
{
    double values[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = i < 60 ? 0 : 7;
    }
    struct change change = change_find(values, COUNT, 0.1);
    assert_int_equal(change.shape, CHANGE_STEP);
    assert_int_equal(change.from, 60);
    assert_true(change.effect >= CHANGE_EFFECT_MAX && change.size > 0);
}

static void a_change_smaller_than_its_share_is_none(void **state)
{
    double values[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = i < 60 ? 100 : 105;
    }
    assert_int_equal(change_find(values, COUNT, 0.1).shape, CHANGE_NONE);
    assert_int_equal(change_find(values, COUNT, 0.01).shape, CHANGE_STEP);
}

static void gaps_are_passed_over(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, 5, 70, COUNT, 180);
    for (size_t i = 0; i < COUNT; i += 3) {
        values[i] = (double)NAN;
    }
    struct change change = change_find(values, COUNT, 0.1);
    assert_int_equal(change.shape, CHANGE_STEP);
    assert_in_range(change.from, 68, 72);
}

static void too_few_values_are_not_judged(void **state)
{
    double values[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = i < CHANGE_VALUES_MIN - 1 ? (double)i : (double)NAN;
    }
    assert_int_equal(change_find(values, COUNT, 0).shape, CHANGE_NONE);
    assert_int_equal(change_find(values, 0, 0).shape, CHANGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_step_where_it_is),
        cmocka_unit_test(finds_a_step_shortly_before_the_end),
        cmocka_unit_test(finds_a_bump_with_both_its_ends),
        cmocka_unit_test(noise_alone_is_no_change),
        cmocka_unit_test(series_that_wander_have_not_changed),
        cmocka_unit_test(a_change_of_half_as_much_is_found_nearly_always),
        cmocka_unit_test(a_spike_is_no_change),
        cmocka_unit_test(a_constant_series_has_not_changed),
        cmocka_unit_test(a_constant_that_becomes_another_has),
        cmocka_unit_test(a_change_smaller_than_its_share_is_none),
        cmocka_unit_test(gaps_are_passed_over),
        cmocka_unit_test(too_few_values_are_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
