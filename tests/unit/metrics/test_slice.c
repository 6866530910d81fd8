/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/metrics/slice.h"

struct fixture {
    struct pool *pool;
    struct pool_cache *cache;
    struct slice slice;
};

static int setup_of(void **state, uint64_t pool_bytes_max)
{
    static struct fixture fixture;
    fixture.pool = pool_new(pool_bytes_max);
    fixture.cache = pool_cache_new(fixture.pool);
    assert_true(slice_init(&fixture.slice, 5000));
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t index = 0; index < 3 * SLICE_CHUNK; index++) {
            assert_true(slice_reserve(&fixture.slice, (enum metric_kind)kind, index));
        }
    }
    *state = &fixture;
    return 0;
}

static int setup(void **state)
{
    return setup_of(state, UINT64_C(1) << 26);
}

static int setup_without_memory(void **state)
{
    return setup_of(state, 1000);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    slice_deinit(&fixture->slice, fixture->cache);
    pool_cache_free(fixture->cache);
    pool_free(fixture->pool);
    return 0;
}

static const uint32_t places[] = {0, 1, 63, 64, 1023, 1024, 2047, 2048, 3071};
#define PLACES (sizeof(places) / sizeof(places[0]))

/* The places are those around the borders of words and chunks; what lies between stays untouched.
 */
static void only_what_had_samples_is_touched(void **state)
{
    struct fixture *fixture = *state;
    struct slice *slice = &fixture->slice;
    for (size_t i = 0; i < PLACES; i++) {
        assert_true(slice_add_counter(slice, places[i], 0));
    }
    size_t touched = 0;
    for (uint32_t index = 0; index < 3 * SLICE_CHUNK; index++) {
        touched += slice_bit(slice_counters(slice, index)->touched, index % SLICE_CHUNK);
    }
    assert_int_equal(touched, PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        assert_true(slice_bit(slice_counters(slice, places[i])->touched, places[i] % SLICE_CHUNK));
    }
}

static void increments_and_decrements_are_kept_apart(void **state)
{
    struct fixture *fixture = *state;
    struct slice *slice = &fixture->slice;
    assert_null(slice_counters(slice, 1030)->decrements);
    slice_add_counter(slice, 1030, 5);
    slice_add_counter(slice, 1030, 2.5);
    slice_add_counter(slice, 1030, -3);
    slice_add_counter(slice, 1031, -1);
    const struct counter_chunk *chunk = slice_counters(slice, 1030);
    assert_true(chunk->increments[6] >= 7.5 && chunk->increments[6] <= 7.5);
    assert_true(chunk->decrements[6] >= -3 && chunk->decrements[6] <= -3);
    assert_true(chunk->increments[7] >= 0 && chunk->increments[7] <= 0);
    assert_true(chunk->decrements[7] >= -1 && chunk->decrements[7] <= -1);
    assert_null(slice_counters(slice, 0)->decrements);
}

static void a_gauge_is_its_last_set_and_the_deltas_behind(void **state)
{
    static const struct {
        const char *claim;
        struct {
            double value;
            bool delta;
        } samples[4];
        bool absolute;
        double value;
        uint64_t stamp;
    } cases[] = {
        {"deltas add up and carry the stamp of the last",
         {{1, true}, {2, true}, {-4, true}, {3, true}},
         false,
         2,
         103},
        {"a set forgets what was before",
         {{1, true}, {9, false}, {2, true}, {-4, true}},
         true,
         7,
         101},
        {"the last set counts", {{1, false}, {9, false}, {1, true}, {5, false}}, true, 5, 103},
        {"a set stays the stamp of its deltas",
         {{1, false}, {1, true}, {1, true}, {1, true}},
         true,
         4,
         100},
    };
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t j = 0; j < 4; j++) {
            slice_add_gauge(&fixture->slice, 70 + i, cases[i].samples[j].value,
                            cases[i].samples[j].delta, 100 + j);
        }
        const struct gauge_chunk *chunk = slice_gauges(&fixture->slice, 70);
        print_message("%s\n", cases[i].claim);
        assert_int_equal(slice_bit(chunk->absolute, 70 + i), cases[i].absolute);
        assert_int_equal(chunk->value[70 + i] * 8, cases[i].value * 8);
        assert_int_equal(chunk->stamp[70 + i], cases[i].stamp);
    }
}

static void a_sample_that_finds_no_memory_touches_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct slice *slice = &fixture->slice;
    assert_false(slice_add_timer(slice, 3, 1, 1, fixture->cache));
    assert_false(slice_add_member(slice, 3, 1, fixture->cache));
    assert_false(slice_bit(slice_timers(slice, 3)->touched, 3));
    assert_false(slice_bit(slice_sets(slice, 3)->touched, 3));
    assert_int_equal(slice_timers(slice, 3)->timers[3].samples, 0);
}

static void gives_back_what_its_series_hold(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 3 * SLICE_CHUNK; i += 5) {
        for (int j = 0; j < 10; j++) {
            assert_true(slice_add_timer(&fixture->slice, i, j, 1, fixture->cache));
            assert_true(slice_add_member(&fixture->slice, i, (uint64_t)j + 1, fixture->cache));
        }
    }
    assert_true(pool_bytes(fixture->pool) > 0);
    slice_deinit(&fixture->slice, fixture->cache);
    slice_deinit(&fixture->slice, fixture->cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_had_samples_is_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(increments_and_decrements_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gauge_is_its_last_set_and_the_deltas_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_sample_that_finds_no_memory_touches_nothing,
                                        setup_without_memory, teardown),
        cmocka_unit_test_setup_teardown(gives_back_what_its_series_hold, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
