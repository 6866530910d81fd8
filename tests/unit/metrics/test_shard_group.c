/* SPDX-License-Identifier: MIT
 *
 * A group must leave behind what its samples one after the other leave behind: that is the property
 * tested here, with few names, so that most groups hold new ones and several samples of one series.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/flush/store.h"

static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* One to 64 lines; about one in ten is refused by a limit. */
static void make_lines(uint64_t *seed, char *out, size_t size)
{
    static const char *const types[] = {"c", "g", "ms", "h", "d", "s"};
    size_t count = 1 + random_next(seed) % SHARD_GROUP_MAX, length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *type = types[random_next(seed) % 6];
        const char *sign = *type == 'g' && random_next(seed) % 2 ? "+" : "";
        const char *rate = random_next(seed) % 4 ? "" : "|@0.25";
        const char *tags = random_next(seed) % 3 ? "" : random_next(seed) % 2 ? "|#a,b" : "|#b,a";
        unsigned name = (unsigned)(random_next(seed) % 40);
        const char *prefix = random_next(seed) % 10 ? "n" : "too.long.a.name.for.the.limit.here";
        length += (size_t)snprintf(out + length, size - length, "%s%u:%s%u|%s%s%s\n", prefix, name,
                                   sign, (unsigned)(random_next(seed) % 100), type, rate, tags);
    }
}

static size_t parse(const char *lines, struct statsd_item *items)
{
    struct statsd_parser parser;
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, lines, (uint32_t)strlen(lines));
    return statsd_parser_read(&parser, items, SHARD_GROUP_MAX);
}

/* Stores the lines as one group; `losses` as for each sample alone. */
static void put_group(struct store *store, const char *lines, const struct statsd_item *items,
                      size_t count, unsigned *losses)
{
    static struct shard_group group;
    size_t places[SHARD_GROUP_MAX], added = 0;
    group.count = 0;
    for (size_t i = 0; i < count; i++) {
        losses[i] = shard_group_add(&group, &store->shards[0], lines, &items[i]);
        if (losses[i] == 0) {
            places[added++] = i;
        }
    }
    assert_int_equal(group.count, added);
    shard_group_store(&group, &store->shards[0], store->now_ns);
    for (size_t i = 0; i < added; i++) {
        losses[places[i]] = group.entries[i].loss;
    }
}

static void assert_same_rows(const struct snapshot *a, const struct snapshot *b)
{
    assert_int_equal(a->counter_count, b->counter_count);
    for (size_t i = 0; i < a->counter_count; i++) {
        assert_true(a->counters[i].count == b->counters[i].count);
        assert_true(a->counters[i].total == b->counters[i].total);
    }
    assert_int_equal(a->gauge_count, b->gauge_count);
    for (size_t i = 0; i < a->gauge_count; i++) {
        assert_true(a->gauges[i].value == b->gauges[i].value);
    }
    assert_int_equal(a->timer_count, b->timer_count);
    for (size_t i = 0; i < a->timer_count; i++) {
        assert_true(a->timers[i].count == b->timers[i].count);
        assert_true(a->timers[i].total_sum == b->timers[i].total_sum);
        assert_true(a->timers[i].min == b->timers[i].min);
        assert_int_equal(a->timers[i].samples, b->timers[i].samples);
    }
    assert_int_equal(a->set_count, b->set_count);
    for (size_t i = 0; i < a->set_count; i++) {
        assert_true(a->sets[i].unique == b->sets[i].unique);
    }
}

static void does_what_its_samples_do_one_by_one(void **state)
{
    (void)state;
    const char *overrides[] = {"limits.max_name=20", "limits.max_series=150", NULL};
    struct store *grouped = store_new(overrides, 1), *single = store_new(overrides, 1);
    uint64_t seed = 4711, refused = 0;
    for (int round = 0; round < 400; round++) {
        char lines[SHARD_GROUP_MAX * 80];
        struct statsd_item items[SHARD_GROUP_MAX];
        unsigned losses[SHARD_GROUP_MAX];
        make_lines(&seed, lines, sizeof(lines));
        size_t count = parse(lines, items);
        put_group(grouped, lines, items, count, losses);
        for (size_t i = 0; i < count; i++) {
            unsigned loss = shard_store(&single->shards[0], lines, &items[i], single->now_ns);
            assert_int_equal(losses[i], loss);
            refused += loss != 0;
        }
        if (round % 20 == 19) {
            assert_same_rows(store_close(grouped, 10), store_close(single, 10));
        }
    }
    assert_true(refused > 100);
    store_free(grouped);
    store_free(single);
}

static void gauges_keep_their_order_within_a_group(void **state)
{
    (void)state;
    struct store *store = store_new(NULL, 1);
    const char *lines = "g:5|g\nc:1|c\ng:+3|g\ng:7|g\ng:-2|g";
    struct statsd_item items[SHARD_GROUP_MAX];
    unsigned losses[SHARD_GROUP_MAX];
    put_group(store, lines, items, parse(lines, items), losses);
    const struct snapshot *snapshot = store_close(store, 10);
    assert_true(snapshot->gauges[0].value == 5);
    assert_int_equal(snapshot->counter_count, 1);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_its_samples_do_one_by_one),
        cmocka_unit_test(gauges_keep_their_order_within_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
