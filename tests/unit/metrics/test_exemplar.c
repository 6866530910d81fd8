/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/flush/store.h"

static const char *const on[] = {"prometheus.exemplars=true", NULL};

static const struct exemplar *of_counter(const struct snapshot *snapshot, size_t row)
{
    const struct identity *identity = snapshot->counters[row].identity;
    return exemplars_find(&snapshot->exemplars, identity_place(identity), identity->generation);
}

static void ids_of_traces_make_one_series_in_every_dialect(void **state)
{
    (void)state;
    struct store *store = store_new(on, 1);
    assert_int_equal(
        store_put(store, 0,
                  "n:1|c|#a:1,trace_id:x1\nn:2|c|#trace_id:x2,span_id:y2,a:1\n"
                  "n,a=1,trace_id=x3:4|c\nn;trace_id=x4;a=1:8|c\n"
                  "n[a=1,trace_id=x5]:16|c\nn:32|c|#a:1\nn:64|c|@0.5|#a:1,trace_id:x6"),
        0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 1);
    assert_near(snapshot->counters[0].count, 191, 0);
    const struct exemplar *exemplar = of_counter(snapshot, 0);
    assert_non_null(exemplar);
    assert_int_equal(exemplar->trace_length, 2);
    assert_memory_equal(exemplar->ids, "x6", 2);
    assert_near(exemplar->value, 128, 0);
    store_free(store);
}

static void without_the_key_they_are_tags_like_any_other(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    assert_int_equal(store_put(store, 0, "n:1|c|#trace_id:x1\nn:2|c|#trace_id:x2"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 2);
    assert_null(snapshot->exemplars.slots);
    store_free(store);
}

static void ever_new_ids_leave_one_spelling_and_the_latest_exemplar(void **state)
{
    (void)state;
    struct store *store = store_new(on, 1);
    for (int i = 0; i < 5000; i++) {
        char line[64];
        snprintf(line, sizeof(line), "n:1|c|#a:1,trace_id:%04d", i);
        assert_int_equal(store_put(store, 0, line), 0);
    }
    assert_int_equal(store->shards[0].spellings.table.count, 1);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 1);
    assert_near(snapshot->counters[0].count, 5000, 0);
    assert_memory_equal(of_counter(snapshot, 0)->ids, "4999", 4);
    store_free(store);
}

static void more_series_than_slots_all_count_and_show_none_but_their_own(void **state)
{
    (void)state;
    enum { SERIES = 3 * SLICE_EXEMPLARS };
    struct store *store = store_new(on, 1);
    for (int i = 0; i < SERIES; i++) {
        char line[64];
        snprintf(line, sizeof(line), "n%d:1|c|#trace_id:n%d", i, i);
        assert_int_equal(store_put(store, 0, line), 0);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, SERIES);
    size_t shown = 0;
    for (size_t i = 0; i < SERIES; i++) {
        const struct exemplar *exemplar = of_counter(snapshot, i);
        const struct identity *identity = snapshot->counters[i].identity;
        assert_near(snapshot->counters[i].count, 1, 0);
        if (exemplar) {
            shown++;
            assert_int_equal(exemplar->trace_length, identity->name_length);
            assert_memory_equal(exemplar->ids, identity_name(identity), identity->name_length);
        }
    }
    assert_true(shown > SLICE_EXEMPLARS / 2 && shown <= SLICE_EXEMPLARS);
    store_free(store);
}

static void ids_that_cannot_be_shown_still_make_no_series(void **state)
{
    (void)state;
    struct store *store = store_new(on, 1);
    assert_int_equal(store_put(store, 0, "n:1|c|#trace_id:a b\nn:-1|c|#trace_id:ab\nn:1|c"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 1);
    assert_null(snapshot->exemplars.slots);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_traces_make_one_series_in_every_dialect),
        cmocka_unit_test(without_the_key_they_are_tags_like_any_other),
        cmocka_unit_test(ever_new_ids_leave_one_spelling_and_the_latest_exemplar),
        cmocka_unit_test(more_series_than_slots_all_count_and_show_none_but_their_own),
        cmocka_unit_test(ids_that_cannot_be_shown_still_make_no_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
