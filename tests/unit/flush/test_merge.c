/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "tests/unit/flush/store.h"

struct sent {
    size_t worker;
    const char *line; /* NULL ends a case, "" a round */
    uint64_t stamp;
};

static double gauge_after(const struct sent *sent)
{
    struct store *store = store_new(NULL, 3);
    for (; sent->line; sent++) {
        if (!sent->line[0]) {
            store_collect(store);
        } else {
            assert_int_equal(store_put_in(&store->shards[sent->worker], sent->line, sent->stamp),
                             0);
        }
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->gauge_count, 1);
    double value = snapshot->gauges[0].value;
    store_free(store);
    return value;
}

static void gauges_of_several_workers_follow_the_stamps(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        struct sent sent[8];
        double value;
    } cases[] = {
        {"the latest set wins", {{0, "g:1|g", 5}, {1, "g:2|g", 9}, {2, "g:3|g", 7}}, 2},
        {"a tie goes to the lower worker", {{2, "g:3|g", 5}, {0, "g:1|g", 5}, {1, "g:2|g", 5}}, 1},
        {"with its own later deltas",
         {{0, "g:1|g", 5}, {1, "g:2|g", 9}, {1, "g:+5|g", 9}, {0, "g:+100|g", 8}},
         7},
        {"and those of workers stamped later",
         {{1, "g:2|g", 6}, {0, "g:+5|g", 8}, {2, "g:-1|g", 9}},
         6},
        {"but not those of workers stamped earlier", {{1, "g:2|g", 6}, {0, "g:+5|g", 4}}, 2},
        {"without a set all deltas count",
         {{1, "g:+2|g", 6}, {0, "g:+5|g", 4}, {2, "g:-1|g", 5}},
         6},
        {"on top of the old value",
         {{0, "g:10|g", 2}, {0, "", 0}, {1, "g:+2|g", 6}, {0, "g:+5|g", 4}},
         17},
        {"a set later in the same worker forgets deltas", {{0, "g:+5|g", 3}, {0, "g:1|g", 3}}, 1},
        {"a set that comes late does not undo a later one",
         {{0, "g:10|g", 20}, {0, "", 0}, {1, "g:3|g", 15}, {0, "", 0}},
         10},
        {"nor do deltas before a set count after it",
         {{0, "g:10|g", 20}, {0, "", 0}, {1, "g:+3|g", 15}, {0, "", 0}},
         10},
        {"a negative start is a delta of nothing", {{0, "g:-3|g", 5}}, -3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].claim);
        assert_near(gauge_after(cases[i].sent), cases[i].value, 0);
    }
}

static void counters_add_and_totals_only_grow(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 2);
    store_put(store, 0, "n:5|c\nn:-2|c\nn:1|c|@0.5");
    store_put(store, 1, "n:-10|c\nn:3|c");
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(snapshot->counters[0].count, -2, 0);
    assert_near(snapshot->counters[0].total, 10, 0);
    store_put(store, 1, "n:-1|c");
    snapshot = store_close(store, 10);
    assert_near(snapshot->counters[0].count, -1, 0);
    assert_near(snapshot->counters[0].total, 10, 0);
    store_free(store);
}

static void counts_stay_in_the_range_of_a_double(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 2);
    for (size_t i = 0; i < 2; i++) {
        store_put(store, i, "n:1|c");
        slice_add_counter(store->shards[i].open, 0, 1.5e308);
        slice_add_counter(store->shards[i].open, 0, -DBL_MAX);
        slice_add_counter(store->shards[i].open, 0, -DBL_MAX);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(snapshot->counters[0].count, -DBL_MAX, 0);
    assert_near(snapshot->counters[0].total, DBL_MAX, 0);
    store_free(store);
}

static void timers_of_several_workers_are_one(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 3);
    double sum = 0, squares = 0;
    for (int i = 0; i < 3000; i++) {
        char line[32];
        snprintf(line, sizeof(line), "t:%d|ms", i);
        store_put(store, (size_t)(i % 3), line);
        sum += i;
        squares += (double)i * i;
        if (i % 1000 == 0) {
            store_collect(store);
        }
    }
    const struct timer_row *row = &store_close(store, 10)->timers[0];
    double mean = sum / 3000;
    assert_near(row->count, 3000, 0);
    assert_int_equal(row->samples, 3000);
    assert_near(row->sum, sum, 1e-6);
    assert_near(row->mean, mean, 1e-9);
    assert_near(row->stddev, sqrt(squares / 3000 - mean * mean), 1e-6);
    assert_near(row->min, 0, 0);
    assert_near(row->max, 2999, 0);
    assert_near(row->percentiles[0], 1499, 1499 * 0.002);
    store_free(store);
}

static void members_of_several_workers_are_counted_once(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 3);
    for (unsigned i = 0; i < 300; i++) {
        char line[32];
        snprintf(line, sizeof(line), "s:m%u|s", i % 200);
        store_put(store, i % 3, line);
        if (i % 100 == 0) {
            store_collect(store);
        }
    }
    assert_near(store_close(store, 10)->sets[0].unique, 200, 0);
    store_free(store);
}

static void a_merged_slice_is_empty(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    for (unsigned i = 0; i < 3; i++) {
        store_put(store, 0, "c:1|c\nc:-1|c\ng:+1|g\ng2:1|g\nt:1|ms\ns:a|s");
        store_collect(store);
    }
    for (size_t which = 0; which < 2; which++) {
        const struct slice *slice = &store->shards[0].slices[which];
        assert_int_equal(slice_counters(slice, 0)->touched[0], 0);
        assert_near(slice_counters(slice, 0)->increments[0], 0, 0);
        assert_near(slice_gauges(slice, 0)->value[0], 0, 0);
        assert_int_equal(slice_gauges(slice, 0)->touched[0], 0);
        assert_int_equal(slice_gauges(slice, 0)->absolute[0], 0);
        assert_int_equal(slice_timers(slice, 0)->touched[0], 0);
        assert_null(slice_timers(slice, 0)->timers[0].sketch);
        assert_null(slice_sets(slice, 0)->sets[0]);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(store_gauges(snapshot, "g")->value, 3, 0);
    assert_near(store_counters(snapshot, "c")->count, 0, 0);
    assert_true(store_counters(snapshot, "c")->updated);
    store_free(store);
}

/* Workers and rounds are drawn at random; the sums must be those of one worker. */
static void how_samples_are_spread_makes_no_difference(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 4);
    double counts[1500] = {0};
    uint64_t seed = 11;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned name = (unsigned)(store_random(&seed) % 1500);
        int value = (int)(store_random(&seed) % 9) - 4;
        char line[32];
        snprintf(line, sizeof(line), "n%u:%d|c", name, value);
        assert_int_equal(store_put(store, store_random(&seed) % 4, line), 0);
        counts[name] += value;
        if (store_random(&seed) % 1000 == 0) {
            store_collect(store);
        }
    }
    const struct snapshot *snapshot = store_close(store, 10);
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        const struct counter_row *row = &snapshot->counters[i];
        char name[16];
        snprintf(name, sizeof(name), "%.*s", (int)row->identity->name_length,
                 identity_name(row->identity));
        assert_near(row->count, counts[strtoul(name + 1, NULL, 10)], 0);
    }
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gauges_of_several_workers_follow_the_stamps),
        cmocka_unit_test(counters_add_and_totals_only_grow),
        cmocka_unit_test(counts_stay_in_the_range_of_a_double),
        cmocka_unit_test(timers_of_several_workers_are_one),
        cmocka_unit_test(members_of_several_workers_are_counted_once),
        cmocka_unit_test(a_merged_slice_is_empty),
        cmocka_unit_test(how_samples_are_spread_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
