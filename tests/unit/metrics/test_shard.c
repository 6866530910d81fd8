/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/flush/store.h"

static void spellings_of_one_series_add_up(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    assert_int_equal(store_put(store, 0, "n:1|c|#a:1,b\nn:2|c|#b,a:1\nn:4|c|@0.5|#a:1,b,b"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 1);
    assert_near(snapshot->counters[0].count, 11, 0);
    assert_int_equal(store->shards[0].held[METRIC_COUNTER].end, 1);
    assert_int_equal(store->shards[0].spellings.table.count, 3);
    store_free(store);
}

static void tags_in_a_name_are_tags_like_any_other(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    assert_int_equal(store_put(store, 0,
                               "n:1|c|#a:1,b:2\nn,b=2,a=1:2|c\nn#a=1,b=2:4|c\nn;a=1;b=2:8|c\n"
                               "n[a=1,b=2]:16|c\n[a=1,b=2]n:32|c\nn,b=2,a=0,a=1:64|c"),
                     0);
    assert_int_equal(store_put(store, 0, "n:1|c|#a=1:128"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 2);
    assert_near(snapshot->counters[0].count + snapshot->counters[1].count, 128, 0);
    assert_int_equal(store->shards[0].held[METRIC_COUNTER].end, 2);
    store_free(store);
}

/* The same bytes mean different tags behind `|#` and in a name: `a=1` is a key there and a pair
 * here. */
static void spellings_of_two_styles_are_not_taken_for_each_other(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    assert_int_equal(store_put(store, 0, "n,a=1:1|c\nn:2|c|#a=1\nn,a=1:4|c\nn:8|c|#a=1"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 2);
    double counts[] = {snapshot->counters[0].count, snapshot->counters[1].count};
    assert_near(fmax(counts[0], counts[1]), 10, 0);
    assert_near(fmin(counts[0], counts[1]), 5, 0);
    store_free(store);
}

/* A name with the longest block amid it is longer than a record may be: it is looked up in the
 * registry each time and still counts. */
static void the_longest_tags_amid_a_name_still_count(void **state)
{
    (void)state;
    enum { NAME = 4096, TAGS = 16384 };
    const char *overrides[] = {"limits.max_name=4096", "limits.max_tag_bytes=16384", NULL};
    struct store *store = store_new(overrides, 1);
    char *line = malloc(NAME + TAGS + 16);
    assert_non_null(line);
    memset(line, 'n', NAME - 1);
    line[NAME - 1] = '[';
    memset(line + NAME, 't', TAGS);
    line[NAME + 1] = '=';
    strcpy(line + NAME + TAGS, "]m:1|c");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_put(store, 0, line), 0);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 1);
    assert_near(snapshot->counters[0].count, 3, 0);
    assert_int_equal(snapshot->counters[0].identity->name_length, NAME);
    store_free(store);
    free(line);
}

static void shards_lead_to_one_series(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 3);
    for (size_t i = 0; i < 3; i++) {
        char line[64];
        snprintf(line, sizeof(line), "other%zu:1|c\nn:%d|c|#a:%s", i, 1 << i, "1");
        assert_int_equal(store_put(store, i, line), 0);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->counter_count, 4);
    assert_near(store_counters(snapshot, "n")->count, 7, 0);
    store_free(store);
}

static void types_of_one_name_are_kept_apart(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "n:1|ms\nn:2|h\nn:3|d\nn:4|c\nn:5|g\nn:x|s\nn:10|ms");
    const struct snapshot *snapshot = store_close(store, 10);
    assert_int_equal(snapshot->timer_count, 3);
    static const struct {
        enum statsd_type type;
        double sum;
    } expected[] = {{STATSD_TIMER, 11}, {STATSD_HISTOGRAM, 2}, {STATSD_DISTRIBUTION, 3}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(snapshot->timers[i].identity->type, expected[i].type);
        assert_near(snapshot->timers[i].sum, expected[i].sum, 1e-12);
    }
    assert_near(store_counters(snapshot, "n")->count, 4, 0);
    assert_near(store_gauges(snapshot, "n")->value, 5, 0);
    assert_near(store_sets(snapshot, "n")->unique, 1, 0);
    store_free(store);
}

static void a_sample_beyond_a_limit_is_refused_by_name(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_name=8",           "limits.max_tags=2",
                               "limits.max_tag_bytes=12",     "limits.max_series=4",
                               "metrics.min_sample_rate=0.1", NULL};
    static const struct {
        const char *line;
        unsigned loss;
    } cases[] = {
        {"12345678:1|c", 0},
        {"123456789:1|c", LOSS_NAME_TOO_LONG},
        {"n:1|c|#a:1,b:2,c:3", LOSS_TOO_MANY_TAGS},
        {"n:1|c|#a:12345,b:1", 0},
        {"n:1|c|#a:12345,b:123", LOSS_TAGS_TOO_LONG},
        {"n:1|c|@0.1", 0},
        {"n:1|c|@0.099", LOSS_RATE_BELOW_MINIMUM},
        {"n:1|ms|@0.099", LOSS_RATE_BELOW_MINIMUM},
        {"n:1|g|@0.099", 0},
        {"n:1|s|@0.099", LOSS_SERIES_LIMIT},
        {"n:2|g", 0},
        {"n:1e300|c", 0},
        {"n:1.1e300|c", LOSS_OUT_OF_RANGE},
        {"n:-1.1e300|c", LOSS_OUT_OF_RANGE},
        {"n:5e299|c|@0.1", LOSS_OUT_OF_RANGE},
        {"n:1.1e150|ms", LOSS_OUT_OF_RANGE},
        {"n:1e308|g", 0},
    };
    struct store *store = store_new(overrides, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].line);
        assert_int_equal(store_put(store, 0, cases[i].line), cases[i].loss);
    }
    assert_int_equal(store->shards[0].names_refused, 1);
    store_free(store);
}

static void a_weight_out_of_range_is_refused_without_a_least_rate(void **state)
{
    (void)state;
    const char *overrides[] = {"metrics.min_sample_rate=0", NULL};
    struct store *store = store_new(overrides, 1);
    assert_int_equal(store_put(store, 0, "n:1|ms|@1e-310"), LOSS_OUT_OF_RANGE);
    assert_int_equal(store_put(store, 0, "n:1|ms|@1e-200"), 0);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_true(isfinite(snapshot->timers[0].count) && isfinite(snapshot->timers[0].sum));
    store_free(store);
}

static void sums_stay_finite_whatever_is_sent(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 2);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(
            store_put(store, 0, "g:+1e308|g\nc:1e300|c\nt:1e150|ms|@0.00001\nt:-1e150|h"), 0);
        assert_int_equal(store_put(store, 1, "g:+1e308|g\nc:-1e300|c\nt:0|ms"), 0);
    }
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(store_gauges(snapshot, "g")->value, DBL_MAX, 0);
    assert_true(isfinite(store_counters(snapshot, "c")->count));
    assert_true(isfinite(store_counters(snapshot, "c")->total));
    for (size_t i = 0; i < snapshot->timer_count; i++) {
        const struct timer_row *row = &snapshot->timers[i];
        assert_true(isfinite(row->sum) && isfinite(row->mean) && isfinite(row->stddev));
    }
    store_free(store);
}

/* The pool holds a chunk of names and not much else. */
static void at_the_memory_budget_samples_are_refused_and_nothing_breaks(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.memory=1MiB", "flush.expire_counters=1s",
                               "flush.expire_timers=1s", "flush.expire_sets=1s", NULL};
    struct store *store = store_new(overrides, 1);
    for (unsigned window = 0; window < 6; window++) {
        size_t refused = 0, stored = 0;
        for (unsigned i = 0; i < 4000; i++) {
            char line[400];
            snprintf(line, sizeof(line), "n%u.%u.%0240u:%u|%s", window, i, i, i,
                     i % 3 == 0   ? "c"
                     : i % 3 == 1 ? "ms"
                                  : "s");
            unsigned loss = store_put(store, 0, line);
            assert_true(loss == 0 || loss == LOSS_MEMORY_LIMIT);
            refused += loss != 0;
            stored += loss == 0;
        }
        assert_true(pool_bytes(store->pool) <= 1 << 20);
        assert_true(refused > 0);
        /* What expires makes room again, what was admitted in vain too. */
        assert_true(stored > 100);
        for (unsigned i = 0; i < 6; i++) {
            store_close(store, 10);
        }
        assert_int_equal(store->registry->series_count, 0);
    }
    store_free(store);
}

/* Names longer than two lines, as many as there may be series. */
static void long_names_do_not_run_out_before_the_series_limit(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_series=20000", NULL};
    struct store *store = store_new(overrides, 1);
    for (unsigned i = 0; i < 20000; i++) {
        char line[600];
        snprintf(line, sizeof(line), "%0500u:1|c", i);
        assert_int_equal(store_put(store, 0, line), 0);
    }
    assert_int_equal(store_put(store, 0, "one.more:1|c"), LOSS_SERIES_LIMIT);
    store_free(store);
}

static void a_forgotten_name_comes_back_to_its_series(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    store_put(store, 0, "n:1|c\nm:100|c");
    shard_forget(&store->shards[0], place_make(METRIC_COUNTER, 0));
    shard_forget(&store->shards[0], place_make(METRIC_COUNTER, 0));
    /* What it was held for before is let go of after the second hand-over; until then it counts. */
    store_put(store, 0, "n:2|c");
    const struct counter_series *series = registry_at(store->registry, METRIC_COUNTER, 0);
    assert_int_equal(series->series.holders, 2);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(store_counters(snapshot, "n")->count, 3, 0);
    store_put(store, 0, "x:1|c");
    assert_int_equal(series->series.holders, 2);
    store_close(store, 10);
    assert_int_equal(series->series.holders, 1);
    store_put(store, 0, "y:7|c\nn:4|c");
    assert_int_equal(store->shards[0].held[METRIC_COUNTER].end, 4);
    snapshot = store_close(store, 10);
    assert_near(store_counters(snapshot, "n")->total, 7, 0);
    assert_near(store_counters(snapshot, "y")->total, 7, 0);
    assert_near(store_counters(snapshot, "m")->total, 100, 0);
    store_free(store);
}

/* The names' chunk does not fit the budget here: the registry is asked each time. */
static void a_name_that_cannot_be_remembered_still_counts(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    /* Spelled like its identity, of which there is room now: no record of its own. */
    assert_int_equal(store_put(store, 0, "n:1|c"), 0);
    uint64_t rest = store->config->limits.memory_bytes - pool_bytes(store->pool);
    assert_true(pool_reserve(store->pool, rest));
    assert_int_equal(store_put(store, 0, "n:1|c|#"), 0);
    assert_int_equal(store_put(store, 0, "n:1|c|#,"), 0);
    assert_int_equal(store->shards[0].spellings.table.count, 1);
    pool_release(store->pool, rest);
    assert_int_equal(store->shards[0].held[METRIC_COUNTER].end, 1);
    const struct counter_series *series = registry_at(store->registry, METRIC_COUNTER, 0);
    assert_int_equal(series->series.holders, 1);
    shard_forget(&store->shards[0], place_make(METRIC_COUNTER, 0));
    shard_forget(&store->shards[0], place_make(METRIC_COUNTER, 0));
    assert_int_equal(store->shards[0].retired_count, 1);
    assert_near(store_counters(store_close(store, 10), "n")->count, 3, 0);
    store_free(store);
}

/* A sender who shuffles his tags cannot use up the places of others. */
static void shuffled_tags_take_one_place_and_bounded_memory(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_series=4", NULL};
    struct store *store = store_new(overrides, 1);
    assert_int_equal(store_put(store, 0, "known:1|c"), 0);
    for (unsigned i = 0; i < 1000; i++) {
        char line[128];
        snprintf(line, sizeof(line), "n:1|c|#%.*s,b%.*s", (int)(i % 30),
                 ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", (int)(i / 30),
                 ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,");
        assert_int_equal(store_put(store, 0, line), 0);
    }
    assert_int_equal(store_put(store, 0, "known:1|c"), 0);
    assert_int_equal(store->shards[0].held[METRIC_COUNTER].end, 2);
    assert_true(store->shards[0].spellings.table.count <= 8);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_near(store_counters(snapshot, "n")->count, 1000, 0);
    assert_near(store_counters(snapshot, "known")->count, 2, 0);
    store_free(store);
}

#define MODEL_NAMES 400
#define MODEL_WORKERS 2
#define MODEL_LIFE 3 /* windows of silence after which a series is not shown any more */
#define MODEL_GONE 6 /* after so many it has been removed as well */

struct model {
    double window, total; /* of the counter; decrements are in `window` only */
    unsigned idle;        /* windows without a sample */
    bool known;
};

static void name_of(unsigned number, char name[128])
{
    const char *prefix = number % 7 ? "n" : "a.name.that.takes.more.than.one.line.of.64.bytes.";
    snprintf(name, 128, "%s%u", prefix, number);
}

/* The names in use wander, so that series fall silent for good and others come. */
static void put_random(struct store *store, struct model *models, uint64_t *seed)
{
    uint64_t base = store->windows * 7;
    unsigned number = (unsigned)((base + store_random(seed) % 40) % MODEL_NAMES);
    struct model *model = &models[number];
    if (model->idle >= MODEL_LIFE && model->idle <= MODEL_GONE) {
        return; /* It may be shown with its old total or with none, as the hand-overs go. */
    }
    int value = (int)(store_random(seed) % 100) - 20;
    const char *tags = store_random(seed) % 2 ? "|#a:1,b:2" : "|#b:2,a:1";
    char name[128], line[160];
    name_of(number, name);
    snprintf(line, sizeof(line), "%s:%d|c%s", name, value, number % 3 ? tags : "");
    assert_int_equal(store_put(store, store_random(seed) % MODEL_WORKERS, line), 0);
    model->window += value;
    model->total += value > 0 ? value : 0;
    model->idle = 0;
    model->known = true;
}

static void check_row(const struct counter_row *row, const struct model *model)
{
    bool expected = model->known && model->idle < MODEL_LIFE;
    assert_int_equal(row != NULL, expected);
    if (row) {
        assert_int_equal(row->updated, model->idle == 0);
        assert_near(row->count, model->window, 1e-9);
        assert_near(row->total, model->total, 1e-9);
    }
}

static void check_window(const struct snapshot *snapshot, struct model *models)
{
    size_t shown = 0;
    for (unsigned number = 0; number < MODEL_NAMES; number++) {
        struct model *model = &models[number];
        char name[128];
        name_of(number, name);
        const struct counter_row *row = store_counters(snapshot, name);
        check_row(row, model);
        shown += row != NULL;
        model->window = 0;
        if (model->known && ++model->idle > MODEL_LIFE) {
            model->total = 0;
        }
    }
    assert_int_equal(snapshot->counter_count, shown);
}

static void reused_places_never_mix_two_series(void **state)
{
    (void)state;
    const char *overrides[] = {"flush.expire_counters=30s", NULL};
    struct store *store = store_new(overrides, MODEL_WORKERS);
    static struct model models[MODEL_NAMES];
    uint64_t seed = 2026;
    for (unsigned window = 0; window < 300; window++) {
        unsigned samples = (unsigned)(store_random(&seed) % 120);
        for (unsigned i = 0; i < samples; i++) {
            put_random(store, models, &seed);
            if (store_random(&seed) % 40 == 0) {
                store->now_ns += 1000;
                store_collect(store);
            }
        }
        check_window(store_close(store, 10), models);
    }
    /* Places were reused, or there would be one a name. */
    assert_true(registry_count(store->registry, METRIC_COUNTER) < MODEL_NAMES / 2);
    assert_true(store->shards[0].held[METRIC_COUNTER].end < MODEL_NAMES);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_series_add_up),
        cmocka_unit_test(tags_in_a_name_are_tags_like_any_other),
        cmocka_unit_test(spellings_of_two_styles_are_not_taken_for_each_other),
        cmocka_unit_test(the_longest_tags_amid_a_name_still_count),
        cmocka_unit_test(shards_lead_to_one_series),
        cmocka_unit_test(types_of_one_name_are_kept_apart),
        cmocka_unit_test(a_sample_beyond_a_limit_is_refused_by_name),
        cmocka_unit_test(a_weight_out_of_range_is_refused_without_a_least_rate),
        cmocka_unit_test(sums_stay_finite_whatever_is_sent),
        cmocka_unit_test(at_the_memory_budget_samples_are_refused_and_nothing_breaks),
        cmocka_unit_test(long_names_do_not_run_out_before_the_series_limit),
        cmocka_unit_test(a_forgotten_name_comes_back_to_its_series),
        cmocka_unit_test(a_name_that_cannot_be_remembered_still_counts),
        cmocka_unit_test(shuffled_tags_take_one_place_and_bounded_memory),
        cmocka_unit_test(reused_places_never_mix_two_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
