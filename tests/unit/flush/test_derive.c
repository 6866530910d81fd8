/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/flush/store.h"

static void rates_are_of_the_measured_window(void **state)
{
    (void)state;
    static const double lengths[] = {10, 0.05, 3.7, 86400};
    struct store *store = store_new(NULL, 1);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        store_put(store, 0, "c:30|c\nt:1|ms|@0.1\nt:2|ms");
        const struct snapshot *snapshot = store_close(store, lengths[i]);
        assert_near(snapshot->window_seconds, lengths[i], 1e-9);
        assert_near(snapshot->counters[0].rate, 30 / lengths[i], 1e-6);
        assert_near(snapshot->timers[0].count, 11, 1e-9);
        assert_near(snapshot->timers[0].rate, 11 / lengths[i], 1e-6);
    }
    store_free(store);
}

static void idle_is_not_zero(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "c:3|c\ng:5|g\nt:7|ms\ns:a|s\nzero:0|c");
    const struct snapshot *snapshot = store_close(store, 10);
    assert_true(store_counters(snapshot, "zero")->updated);
    snapshot = store_close(store, 10);
    const struct counter_row *counter = store_counters(snapshot, "c");
    assert_false(counter->updated);
    assert_near(counter->count, 0, 0);
    assert_near(counter->total, 3, 0);
    assert_false(snapshot->gauges[0].updated);
    assert_near(snapshot->gauges[0].value, 5, 0);
    const struct timer_row *timer = &snapshot->timers[0];
    assert_false(timer->updated);
    assert_near(timer->count, 0, 0);
    assert_near(timer->total_count, 1, 0);
    assert_near(timer->total_sum, 7, 0);
    assert_int_equal(timer->samples, 0);
    assert_false(snapshot->sets[0].updated);
    assert_near(snapshot->sets[0].unique, 1, 0);
    store_free(store);
}

static void a_view_shows_the_open_window_and_changes_nothing(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "c:3|c\nt:7|ms\ns:a|s");
    store_close(store, 10);
    store_put(store, 0, "c:4|c\nt:9|ms\ns:b|s\ns:c|s\ng:1|g");
    for (int i = 1; i <= 3; i++) {
        const struct snapshot *view = store_view(store, i);
        assert_false(view->closed);
        assert_near(view->counters[0].count, 4, 0);
        assert_near(view->counters[0].rate, 4.0 / i, 1e-9);
        assert_near(view->counters[0].total, 7, 0);
        assert_near(view->timers[0].count, 1, 0);
        assert_near(view->timers[0].total_count, 2, 0);
        assert_near(view->timers[0].total_sum, 16, 0);
        /* Percentiles are of the latest window that was closed. */
        assert_near(view->timers[0].percentiles[0], 7, 0);
        assert_near(view->sets[0].unique, 2, 0);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_true(snapshot->closed);
    assert_near(snapshot->counters[0].count, 4, 0);
    assert_near(snapshot->counters[0].total, 7, 0);
    assert_near(snapshot->timers[0].total_sum, 16, 0);
    assert_near(snapshot->timers[0].percentiles[0], 9, 0);
    assert_near(snapshot->sets[0].unique, 2, 0);
    assert_int_equal(snapshot->sequence, 5);
    assert_int_equal(snapshot->window, 2);
    store_free(store);
}

static void percentiles_last_for_the_quantile_window(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.quantile_window=25s", NULL};
    struct store *store = store_new(overrides, 1);
    store_put(store, 0, "t:7|ms");
    store_close(store, 10);
    for (int i = 1; i <= 4; i++) {
        const struct timer_row *row = &store_close(store, 10)->timers[0];
        assert_int_equal(row->percentiles != NULL, i <= 2);
        assert_int_equal(row->sketch != NULL, i <= 2);
        if (row->percentiles) {
            assert_near(row->percentiles[4], 7, 0);
        }
    }
    store_put(store, 0, "t:8|ms");
    assert_near(store_close(store, 10)->timers[0].percentiles[0], 8, 0);
    store_free(store);
}

static void a_closed_window_has_its_percentiles_whatever_the_quantile_window(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.quantile_window=50ms", "flush.percentiles=10,50,100",
                               NULL};
    struct store *store = store_new(overrides, 1);
    for (int i = 1; i <= 10; i++) {
        char line[32];
        snprintf(line, sizeof(line), "t:%d|ms", i);
        store_put(store, 0, line);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->percentile_count, 3);
    assert_near(snapshot->percents[2], 100, 0);
    assert_near(snapshot->timers[0].percentiles[0], 1, 0);
    assert_near(snapshot->timers[0].percentiles[1], 5, 0);
    assert_near(snapshot->timers[0].percentiles[2], 10, 0);
    store_free(store);
}

/* Weights that are no whole numbers, in an order that rounds otherwise than the sorted one. */
static void buckets_are_cumulative_and_never_above_the_total(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.timer_type=histogram",
                               "prometheus.buckets=0.01,0.1,1,100", NULL};
    struct store *store = store_new(overrides, 2);
    uint64_t seed = 5;
    double before[4] = {0};
    for (int window = 0; window < 60; window++) {
        size_t samples = store_random(&seed) % (window < 30 ? 60 : 600);
        for (size_t i = 0; i < samples; i++) {
            static const char *const rates[] = {"0.3", "0.7", "0.1", "1", "0.0123"};
            char line[48];
            snprintf(line, sizeof(line), "t:%g|ms|@%s", (double)(store_random(&seed) % 9000) / 9,
                     rates[store_random(&seed) % 5]);
            assert_int_equal(store_put(store, store_random(&seed) % 2, line), 0);
        }
        const struct snapshot *snapshot =
            window % 3 == 2 ? store_view(store, 1) : store_close(store, 10);
        const struct timer_row *row = &snapshot->timers[0];
        assert_non_null(row->buckets);
        for (size_t i = 0; i < 4; i++) {
            assert_true(row->buckets[i] >= before[i]);
            assert_true(i == 0 || row->buckets[i] >= row->buckets[i - 1]);
            assert_true(row->buckets[i] <= row->total_count);
            before[i] = row->buckets[i];
        }
        /* Of each window at most the fraction of a sample is not in the buckets yet. */
        assert_near(row->buckets[3], row->total_count, window + 1);
    }
    store_free(store);
}

static void bounds_are_seconds_for_ms_and_as_sent_for_others(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.timer_type=histogram", "prometheus.buckets=0.01,0.1",
                               "prometheus.buckets_plain=1,5,10,50", NULL};
    struct store *store = store_new(overrides, 1);
    store_put(store, 0, "t:10|ms\nt:11|ms\nt:100|ms\nt:101|ms\nh:1|h\nh:2|h\nh:50|h\nh:51|h");
    const struct snapshot *snapshot = store_close(store, 10);
    const double ms[] = {1, 3}, plain[] = {1, 2, 2, 3};
    for (size_t i = 0; i < 2; i++) {
        assert_near(store_timers(snapshot, "t")->buckets[i], ms[i], 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_near(store_timers(snapshot, "h")->buckets[i], plain[i], 0);
    }
    store_free(store);
}

struct bucket_list {
    struct {
        int32_t index;
        double units;
    } items[512];
    size_t count;
};

static void list_bucket(void *context, enum sketch_sign sign, int32_t index, double weight)
{
    struct bucket_list *list = context;
    REQUIRE(sign == SKETCH_POSITIVE && list->count < 512);
    list->items[list->count].index = index;
    list->items[list->count++].units = weight;
}

static struct bucket_list buckets_of(const struct sketch *sketch)
{
    struct bucket_list list = {.count = 0};
    int schema;
    sketch_export(sketch, &schema, list_bucket, &list);
    assert_int_equal(schema, SKETCH_SCHEMA_MAX);
    return list;
}

/* Weights that are no whole numbers: where units fall to must not change with the samples that
 * follow. */
static void no_bucket_of_a_total_sketch_ever_falls(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.timer_type=native", NULL};
    struct store *store = store_new(overrides, 2);
    uint64_t seed = 9;
    struct bucket_list before = {.count = 0};
    for (int round = 0; round < 300; round++) {
        size_t samples = store_random(&seed) % (round < 150 ? 9 : 90);
        for (size_t i = 0; i < samples; i++) {
            static const char *const rates[] = {"0.3", "0.7", "0.1", "1", "0.0123"};
            char line[48];
            snprintf(line, sizeof(line), "t:%d|ms|@%s", 1 + (int)(store_random(&seed) % 300),
                     rates[round < 100 ? 0 : store_random(&seed) % 5]);
            assert_int_equal(store_put(store, store_random(&seed) % 2, line), 0);
        }
        const struct snapshot *snapshot =
            round % 4 == 3 ? store_close(store, 10) : store_view(store, 1);
        const struct timer_row *row = store_timers(snapshot, "t");
        struct bucket_list now = buckets_of(row ? row->total_sketch : NULL);
        for (size_t i = 0, j = 0; i < before.count; i++) {
            while (j < now.count && now.items[j].index < before.items[i].index) {
                j++;
            }
            assert_true(j < now.count && now.items[j].index == before.items[i].index);
            assert_true(now.items[j].units >= before.items[i].units);
        }
        if (snapshot->closed && row) {
            /* The fraction of a sample is carried on, of each form that the window may have had. */
            assert_near(sketch_weight(row->total_sketch), row->total_count, round / 4 + 2);
        }
        before = now;
    }
    store_free(store);
}

static void a_total_sketch_is_all_since_the_series_began(void **state)
{
    (void)state;
    const char *overrides[] = {"prometheus.timer_type=native", "flush.expire_timers=30s", NULL};
    struct store *store = store_new(overrides, 1);
    for (int i = 1; i <= 5; i++) {
        store_put(store, 0, "t:10|ms\nt:20|ms");
        const struct snapshot *view = snapshot_ref(store_view(store, 5));
        assert_near(sketch_weight(view->timers[0].total_sketch), 2 * i, 0);
        assert_near(sketch_weight(store_close(store, 10)->timers[0].total_sketch), 2 * i, 0);
        assert_near(sketch_weight(view->timers[0].total_sketch), 2 * i, 0);
        snapshot_unref((struct snapshot *)(uintptr_t)view);
    }
    assert_near(sketch_weight(store_close(store, 10)->timers[0].total_sketch), 10, 0);
    store_close(store, 10);
    assert_int_equal(store_close(store, 10)->timer_count, 0);
    store_put(store, 0, "t:10|ms");
    assert_near(sketch_weight(store_close(store, 10)->timers[0].total_sketch), 1, 0);
    store_free(store);
}

static void totals_are_kept_only_where_somebody_wants_them(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "t:10|ms");
    assert_null(store_close(store, 10)->timers[0].total_sketch);
    assert_null(((struct timer_series *)registry_at(store->registry, METRIC_TIMER, 0))->kept);
    store_free(store);
}

static void summaries_have_no_buckets(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "t:10|ms");
    assert_null(store_close(store, 10)->timers[0].buckets);
    store_free(store);
}

static void spike_at_the_end(struct store *store, bool final, size_t *found)
{
    store->detector = detector_new(store->config);
    for (int i = 0; i < 40; i++) {
        store_put(store, 0, i % 2 ? "g:100|g" : "g:101|g");
        assert_int_equal(store_close(store, 10)->anomaly_count, 0);
    }
    store_put(store, 0, "g:900|g");
    const struct snapshot *snapshot = store_close_as(store, 10, final);
    assert_int_equal(snapshot->final, final);
    *found = snapshot->anomaly_count;
    store_free(store);
}

static void a_closed_window_is_judged_and_a_final_one_is_not(void **state)
{
    (void)state;
    size_t found;
    spike_at_the_end(store_new(NULL, 1), false, &found);
    assert_int_equal(found, 1);
    spike_at_the_end(store_new(NULL, 1), true, &found);
    assert_int_equal(found, 0);
}

static void a_view_shows_what_lasts_and_judges_nothing(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store->detector = detector_new(store->config);
    for (int i = 0; i < 41; i++) {
        store_put(store, 0, i == 40 ? "g:900|g" : i % 2 ? "g:100|g" : "g:101|g");
        store_close(store, 10);
    }
    store_put(store, 0, "g:5|g");
    const struct snapshot *view = store_view(store, 5);
    assert_int_equal(view->anomaly_count, 0);
    assert_int_equal(view->active_count, 1);
    assert_true(store_is(view->active[0].identity, "g"));
    store_free(store);
}

static void rows_are_in_the_order_of_their_index(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 2);
    for (unsigned i = 0; i < 3000; i++) {
        char line[32];
        snprintf(line, sizeof(line), "c%u:1|c\nt%u:1|h", i, i);
        store_put(store, i % 2, line);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 3000);
    assert_int_equal(snapshot->timer_count, 3000);
    for (size_t i = 1; i < 3000; i++) {
        assert_true(snapshot->counters[i].identity->index >
                    snapshot->counters[i - 1].identity->index);
        assert_true(snapshot->timers[i].identity->index > snapshot->timers[i - 1].identity->index);
    }
    store_free(store);
}

static void an_empty_store_gives_an_empty_snapshot(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count + snapshot->gauge_count + snapshot->timer_count +
                         snapshot->set_count + snapshot->anomaly_count + snapshot->active_count,
                     0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_of_the_measured_window),
        cmocka_unit_test(idle_is_not_zero),
        cmocka_unit_test(a_view_shows_the_open_window_and_changes_nothing),
        cmocka_unit_test(percentiles_last_for_the_quantile_window),
        cmocka_unit_test(a_closed_window_has_its_percentiles_whatever_the_quantile_window),
        cmocka_unit_test(buckets_are_cumulative_and_never_above_the_total),
        cmocka_unit_test(bounds_are_seconds_for_ms_and_as_sent_for_others),
        cmocka_unit_test(no_bucket_of_a_total_sketch_ever_falls),
        cmocka_unit_test(a_total_sketch_is_all_since_the_series_began),
        cmocka_unit_test(totals_are_kept_only_where_somebody_wants_them),
        cmocka_unit_test(summaries_have_no_buckets),
        cmocka_unit_test(a_closed_window_is_judged_and_a_final_one_is_not),
        cmocka_unit_test(a_view_shows_what_lasts_and_judges_nothing),
        cmocka_unit_test(rows_are_in_the_order_of_their_index),
        cmocka_unit_test(an_empty_store_gives_an_empty_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
