/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/flush/store.h"

static const char *const thirty_seconds[] = {"flush.expire_counters=30s", "flush.expire_gauges=30s",
                                             "flush.expire_timers=30s", "flush.expire_sets=30s",
                                             NULL};

static const char all_kinds[] = "c:1|c\ng:2|g\nt:3|ms\ns:a|s";

static size_t rows_of(const struct snapshot *snapshot)
{
    return snapshot->counter_count + snapshot->gauge_count + snapshot->timer_count +
           snapshot->set_count;
}

static void a_series_is_gone_after_its_lifetime(void **state)
{
    (void)state;
    struct store *store = store_new(thirty_seconds, 2);
    store_put(store, 0, all_kinds);
    store_put(store, 1, all_kinds);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rows_of(store_close(store, 10)), 4);
    }
    assert_int_equal(rows_of(store_close(store, 10)), 0);
    for (int i = 0; i < 2; i++) {
        store_close(store, 10);
    }
    assert_int_equal(store->registry->series_count, 0);
    assert_int_equal(store->shards[0].spellings.table.count, 0);
    store_free(store);
}

static void lifetimes_are_by_kind_and_zero_is_for_ever(void **state)
{
    (void)state;
    const char *overrides[] = {"flush.expire_counters=0", "flush.expire_gauges=20s",
                               "flush.expire_timers=40s", "flush.expire_sets=100000d", NULL};
    struct store *store = store_new(overrides, 1);
    store_put(store, 0, all_kinds);
    store_close(store, 10);
    for (int i = 1; i <= 6; i++) {
        const struct snapshot *snapshot = store_close(store, 10);
        assert_int_equal(snapshot->counter_count, 1);
        assert_int_equal(snapshot->gauge_count, i < 2);
        assert_int_equal(snapshot->timer_count, i < 4);
        assert_int_equal(snapshot->set_count, 1);
    }
    store_free(store);
}

/* Before its lifetime is over a sample goes on with what the series was; from then on, at each step
 * of its removal, it begins anew. */
static void an_expired_series_begins_anew(void **state)
{
    (void)state;
    for (int pause = 1; pause < 9; pause++) {
        struct store *store = store_new(thirty_seconds, 2);
        store_put(store, 0, "c:5|c\nt:5|ms\ng:5|g");
        store_put(store, 1, "c:5|c\nt:5|ms\ng:5|g");
        const struct snapshot *snapshot = NULL;
        for (int i = 0; i < pause; i++) {
            snapshot = store_close(store, 10);
        }
        bool expired = snapshot->counter_count == 0;
        assert_int_equal(expired, pause > 3);
        store_put(store, 1, "c:3|c\nt:3|ms\ng:+3|g");
        snapshot = store_close(store, 10);
        assert_near(snapshot->counters[0].total, expired ? 3 : 13, 0);
        assert_near(snapshot->timers[0].total_sum, expired ? 3 : 13, 0);
        assert_near(snapshot->gauges[0].value, expired ? 3 : 8, 0);
        store_put(store, 0, "c:1|c");
        store_put(store, 1, "c:1|c");
        for (int i = 0; i < 3; i++) {
            snapshot = store_close(store, 10);
            assert_near(snapshot->counters[0].total, expired ? 5 : 15, 0);
            assert_int_equal(snapshot->counter_count, 1);
        }
        store_free(store);
    }
}

static void a_reused_index_is_another_generation(void **state)
{
    (void)state;
    struct store *store = store_new(thirty_seconds, 1);
    store_put(store, 0, "old:1|c");
    uint32_t generation = store_close(store, 10)->counters[0].identity->generation;
    for (int i = 0; i < 6; i++) {
        store_close(store, 10);
    }
    store_put(store, 0, "new:2|c");
    const struct counter_row *row = &store_close(store, 10)->counters[0];
    assert_true(store_is(row->identity, "new"));
    assert_int_equal(row->identity->index, 0);
    assert_int_not_equal(row->identity->generation, generation);
    assert_near(row->total, 2, 0);
    store_free(store);
}

/* Reads whatever a snapshot points to, for the address sanitizer. */
static double read_all(const struct snapshot *snapshot)
{
    double sum = 0;
    for (size_t i = 0; i < snapshot->counter_count; i++) {
        sum += identity_name(snapshot->counters[i].identity)[0];
    }
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        const struct timer_row *row = &snapshot->timers[i];
        sum += identity_name(row->identity)[0] + sketch_weight(row->sketch);
        sum += row->percentiles ? row->percentiles[0] : 0;
    }
    for (size_t i = 0; i < snapshot->set_count; i++) {
        sum += identity_name(snapshot->sets[i].identity)[0] + set_unique(snapshot->sets[i].set);
    }
    for (size_t i = 0; i < snapshot->active_count; i++) {
        sum += identity_name(snapshot->active[i].identity)[0];
    }
    for (size_t i = 0; i < snapshot->anomaly_count; i++) {
        sum += identity_name(snapshot->anomalies[i].identity)[0];
    }
    return sum;
}

/* Snapshots are held for a while that differs from one to the next, while series come and go. */
static void what_an_old_snapshot_shows_stays_readable(void **state)
{
    (void)state;
    const char *overrides[] = {"flush.expire_counters=10s", "flush.expire_timers=10s",
                               "flush.expire_sets=10s", "prometheus.quantile_window=1h", NULL};
    struct store *store = store_new(overrides, 2);
    struct snapshot *held[7] = {NULL};
    store->detector = detector_new(store->config);
    uint64_t seed = 3;
    for (unsigned window = 0; window < 400; window++) {
        for (unsigned i = 0; i < 30; i++) {
            char line[64];
            unsigned name = window / 5 + (unsigned)(store_random(&seed) % 20);
            snprintf(line, sizeof(line), "c%u:1|c\nt%u:%u|ms\ns%u:%u|s", name, name, i, name, i);
            store_put(store, store_random(&seed) % 2, line);
        }
        const struct snapshot *snapshot =
            window % 3 ? store_close(store, 10) : store_view(store, 4);
        size_t place = store_random(&seed) % 7;
        if (held[place]) {
            assert_true(read_all(held[place]) >= 0);
            snapshot_unref(held[place]);
        }
        held[place] = snapshot_ref(snapshot);
        store_sweep(store);
    }
    for (size_t i = 0; i < 7; i++) {
        if (held[i]) {
            assert_true(read_all(held[i]) >= 0);
            snapshot_unref(held[i]);
        }
    }
    store_free(store);
}

/* The sketch and the set of a held snapshot outlive the series itself. */
static void a_removed_series_leaves_its_sketch_to_held_snapshots(void **state)
{
    (void)state;
    struct store *store = store_new(thirty_seconds, 1);
    store_put(store, 0, all_kinds);
    struct snapshot *held = snapshot_ref(store_close(store, 10));
    for (int i = 0; i < 8; i++) {
        store_close(store, 10);
    }
    assert_int_equal(store->registry->series_count, 0);
    assert_near(sketch_weight(held->timers[0].sketch), 1, 0);
    assert_near(set_unique(held->sets[0].set), 1, 0);
    assert_true(store_is(held->counters[0].identity, "c"));
    assert_true(store->graveyard.count > 0);
    snapshot_unref(held);
    store_close(store, 10);
    assert_int_equal(store->graveyard.count, 0);
    store_free(store);
}

static void a_name_without_a_stored_sample_gives_its_place_back(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    uint32_t place;
    struct name_tags_text text = {"n", "", 1, 0};
    assert_int_equal(registry_resolve(store->registry, STATSD_COUNTER, TAGS_COLON, &text, &place),
                     0);
    registry_release(store->registry, place);
    assert_int_equal(store_close(store, 10)->counter_count, 0);
    assert_int_equal(store->registry->series_count, 1);
    store_close(store, 10);
    assert_int_equal(store->registry->series_count, 0);
    store_free(store);
}

static void put_one(struct store *store, unsigned name)
{
    char line[32];
    snprintf(line, sizeof(line), "n%u:1|c", name);
    store_put(store, 0, line);
}

static size_t make_room(struct store *store, uint64_t wanted)
{
    struct expire_options options = {
        .registry = store->registry, .detector = store->detector, .now_ns = store->now_ns};
    return expire_longest_idle(&options, wanted);
}

static void at_the_limit_the_longest_idle_go_first(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_series=10", NULL};
    struct store *store = store_new(overrides, 1);
    for (unsigned i = 0; i < 10; i++) {
        /* From the youngest index to the oldest sample. */
        for (unsigned j = 0; j < 10 - i; j++) {
            put_one(store, j);
        }
        store_close(store, 600);
    }
    /* n9 is idle for 5400 s, n8 for 4800 s, and so on; n6 for an hour, not yet over it. */
    put_one(store, 77);
    assert_int_equal(registry_take_refused(store->registry), 1);
    assert_int_equal(make_room(store, 1), 1);
    assert_null(store_counters(store_close(store, 1), "n9"));
    assert_non_null(store_counters(store->published.closed, "n8"));
    assert_int_equal(make_room(store, 100), 3);
    for (int i = 0; i < 3; i++) {
        store_close(store, 1);
    }
    assert_int_equal(store->registry->series_count, 6);
    put_one(store, 77);
    assert_non_null(store_counters(store_close(store, 1), "n77"));
    store_free(store);
}

static void nothing_idle_for_under_an_hour_makes_room(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    put_one(store, 1);
    store_close(store, 10);
    store_close(store, 3600);
    assert_int_equal(make_room(store, 10), 0);
    store_close(store, 1);
    assert_int_equal(make_room(store, 10), 1);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_is_gone_after_its_lifetime),
        cmocka_unit_test(lifetimes_are_by_kind_and_zero_is_for_ever),
        cmocka_unit_test(an_expired_series_begins_anew),
        cmocka_unit_test(a_reused_index_is_another_generation),
        cmocka_unit_test(what_an_old_snapshot_shows_stays_readable),
        cmocka_unit_test(a_removed_series_leaves_its_sketch_to_held_snapshots),
        cmocka_unit_test(a_name_without_a_stored_sample_gives_its_place_back),
        cmocka_unit_test(at_the_limit_the_longest_idle_go_first),
        cmocka_unit_test(nothing_idle_for_under_an_hour_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
