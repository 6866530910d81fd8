/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "server/metrics/set.h"
#include "tests/unit/metrics/pool_fixture.h"

/* Member i as a good hash would have it (the finalizer of SplitMix64). */
static uint64_t hash_of(uint64_t i)
{
    i += 0x9e3779b97f4a7c15U;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9U;
    i = (i ^ i >> 27) * 0x94d049bb133111ebU;
    return i ^ i >> 31;
}

static struct set *set_of(uint64_t first, uint64_t count, struct pool_cache *cache)
{
    struct set *set = NULL;
    for (uint64_t i = first; i < first + count; i++) {
        assert_true(set_add(&set, hash_of(i), cache));
    }
    return set;
}

static void assert_estimate(const struct set *set, double members, double tolerance)
{
    double unique = set_unique(set);
    if (!(fabs(unique - members) <= tolerance * members)) {
        fail_msg("%.0f for %.0f members", unique, members);
    }
    assert_true(unique == floor(unique));
}

static void counts_exactly_to_256(void **state)
{
    struct fixture *fixture = *state;
    struct set *set = NULL;
    assert_true(set_unique(set) == 0);
    for (unsigned i = 0; i < SET_EXACT_MEMBERS; i++) {
        /* Old members come again and again. */
        for (unsigned j = 0; j <= i; j += 1 + i / 7) {
            assert_true(set_add(&set, hash_of(j), fixture->cache));
        }
        assert_true(set_add(&set, hash_of(i), fixture->cache));
        assert_true(set_unique(set) == i + 1);
    }
    set_free(&set, fixture->cache);
    assert_null(set);
}

static void hashes_alike_in_their_low_bits_stay_apart(void **state)
{
    struct fixture *fixture = *state;
    struct set *set = NULL;
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(set_add(&set, i << 40, fixture->cache));
    }
    assert_true(set_unique(set) == 200);
    set_free(&set, fixture->cache);
}

static void merges_exactly_to_256(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint64_t count, other_first, other_count;
        double expected;
    } cases[] = {
        {0, 0, 0, 0},        {0, 0, 5, 5},         {5, 0, 0, 5},         {5, 0, 5, 5},
        {5, 3, 5, 8},        {128, 128, 128, 256}, {200, 100, 156, 256}, {256, 0, 256, 256},
        {256, 10, 100, 256}, {1, 1, 255, 256},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct set *set = set_of(0, cases[i].count, fixture->cache);
        struct set *other = set_of(cases[i].other_first, cases[i].other_count, fixture->cache);
        assert_true(set_merge(&set, other, fixture->cache));
        assert_true(set_unique(set) == cases[i].expected);
        assert_true(set_unique(other) == (double)cases[i].other_count);
        set_free(&set, fixture->cache);
        set_free(&other, fixture->cache);
    }
}

static void estimates_within_one_percent_on_average(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t cardinalities[] = {257,   300,   500,   1000,  2000,   5000,  10000,
                                             15000, 20000, 40000, 60000, 100000, 200000};
    double errors = 0;
    unsigned trials = 0;
    for (size_t c = 0; c < sizeof cardinalities / sizeof *cardinalities; c++) {
        for (uint64_t trial = 0; trial < 4; trial++) {
            uint64_t members = cardinalities[c];
            struct set *set = set_of((c * 4 + trial + 1) << 32, members, fixture->cache);
            assert_estimate(set, (double)members, 0.04);
            errors += fabs(set_unique(set) / (double)members - 1);
            trials++;
            set_free(&set, fixture->cache);
        }
    }
    assert_true(errors / trials < 0.01);
}

static void a_union_is_the_set_of_all_members(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t counts[][2] = {{200, 200}, {300, 10},   {10, 300},   {1000, 0},
                                         {0, 1000},  {5000, 256}, {256, 5000}, {30000, 40000},
                                         {256, 1},   {1, 256}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        /* The second half of the first set is in the second too. */
        uint64_t first = counts[i][0] / 2;
        uint64_t end = counts[i][0] > first + counts[i][1] ? counts[i][0] : first + counts[i][1];
        struct set *a = set_of(0, counts[i][0], fixture->cache);
        struct set *b = set_of(first, counts[i][1], fixture->cache);
        struct set *all = set_of(0, end, fixture->cache), *ab = NULL, *ba = NULL;
        assert_true(set_merge(&ab, a, fixture->cache) && set_merge(&ab, b, fixture->cache));
        assert_true(set_merge(&ba, b, fixture->cache) && set_merge(&ba, a, fixture->cache));
        assert_true(set_unique(ab) == set_unique(all));
        assert_true(set_unique(ba) == set_unique(all));
        struct set **sets[] = {&a, &b, &all, &ab, &ba};
        for (size_t j = 0; j < 5; j++) {
            set_free(sets[j], fixture->cache);
        }
    }
}

static void a_member_known_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct set *set = set_of(0, 3000, fixture->cache);
    double unique = set_unique(set);
    for (uint64_t i = 0; i < 3000; i++) {
        set_add(&set, hash_of(i), fixture->cache);
    }
    assert_true(set_unique(set) == unique);
    set_free(&set, fixture->cache);
}

/* Adds members from `first` on until one is refused; how many there are. */
static uint64_t add_until_refused(struct set **set, uint64_t first, uint64_t count_max,
                                  struct pool_cache *cache)
{
    uint64_t count = 0;
    while (count < count_max && set_add(set, hash_of(first + count), cache)) {
        count++;
    }
    return count;
}

static void what_is_refused_at_the_budget_changes_nothing(void **state)
{
    (void)state;
    static const uint64_t budgets[] = {32768, 49152};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        struct pool *pool = pool_new(budgets[i]);
        struct pool_cache *cache = pool_cache_new(pool);
        struct set *set = NULL, *other = NULL;
        uint64_t members = add_until_refused(&set, 0, 1000, cache);
        assert_in_range(members, 3, SET_EXACT_MEMBERS);
        assert_true(set_unique(set) == (double)members);
        assert_int_equal(add_until_refused(&set, 0, members, cache), members);
        uint64_t others = add_until_refused(&other, 1000, 30, cache);
        bool merged = set_merge(&set, other, cache);
        assert_true(set_unique(set) == (double)(members + (merged ? others : 0)));
        assert_true(set_unique(other) == (double)others);
        set_free(&set, cache);
        set_free(&other, cache);
        pool_cache_free(cache);
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_exactly_to_256),
        cmocka_unit_test(hashes_alike_in_their_low_bits_stay_apart),
        cmocka_unit_test(merges_exactly_to_256),
        cmocka_unit_test(estimates_within_one_percent_on_average),
        cmocka_unit_test(a_union_is_the_set_of_all_members),
        cmocka_unit_test(a_member_known_changes_nothing),
        cmocka_unit_test(what_is_refused_at_the_budget_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
