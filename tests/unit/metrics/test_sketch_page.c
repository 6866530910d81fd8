/* SPDX-License-Identifier: MIT */
#include "server/metrics/sketch_page.h"

#include "tests/unit/metrics/sketch_samples.h"

#define ROUNDS 300

struct page {
    uint64_t words[SKETCH_PAGE_WORDS_MAX];
    uint64_t counts[SKETCH_PAGE_BUCKETS];
};

/* Counters of any size up to their limit, many of them zero. */
static void fill(struct page *page, unsigned code, uint64_t *seed)
{
    memset(page, 0, sizeof *page);
    for (unsigned i = 0; i < SKETCH_PAGE_BUCKETS; i++) {
        uint64_t limit = code == 6 ? UINT64_MAX / 64 : sketch_page_limit(code);
        uint64_t count = random_next(seed) & limit;
        page->counts[i] = random_next(seed) % 3 ? count : count > limit / 2 ? limit : 0;
        sketch_page_write(page->words, code, i, page->counts[i]);
    }
}

static void assert_holds(const uint64_t *words, unsigned code, const uint64_t *counts)
{
    for (unsigned i = 0; i < SKETCH_PAGE_BUCKETS; i++) {
        assert_true(sketch_page_read(words, code, i) == counts[i]);
    }
}

static void counters_do_not_touch_each_other(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (unsigned code = 0; code <= SKETCH_PAGE_CODE_MAX; code++) {
        struct page page;
        fill(&page, code, &seed);
        for (unsigned round = 0; round < ROUNDS; round++) {
            unsigned bucket = (unsigned)(random_next(&seed) % SKETCH_PAGE_BUCKETS);
            page.counts[bucket] = random_next(&seed) & sketch_page_limit(code);
            sketch_page_write(page.words, code, bucket, page.counts[bucket]);
            assert_holds(page.words, code, page.counts);
        }
    }
}

static void sums_are_those_of_the_counters(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned code = 0; code <= SKETCH_PAGE_CODE_MAX; code++) {
            struct page page;
            fill(&page, code, &seed);
            uint64_t sum = 0;
            for (unsigned bucket = 0; bucket <= SKETCH_PAGE_BUCKETS; bucket++) {
                assert_true(sketch_page_sum_before(page.words, code, bucket) == sum);
                sum += bucket < SKETCH_PAGE_BUCKETS ? page.counts[bucket] : 0;
            }
            assert_true(sketch_page_sum(page.words, code) == sum);
        }
    }
}

static void all_counters_at_their_limit_have_a_sum(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= SKETCH_PAGE_CODE_MAX; code++) {
        uint64_t words[SKETCH_PAGE_WORDS_MAX];
        memset(words, 0xff, sizeof words);
        uint64_t sum = code == 6 ? UINT64_MAX : 64 * sketch_page_limit(code);
        assert_true(sketch_page_sum(words, code) == sum);
    }
}

static void the_bucket_of_a_rank_is_the_first_that_reaches_it(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned code = 0; code <= SKETCH_PAGE_CODE_MAX; code++) {
            struct page page;
            fill(&page, code, &seed);
            uint64_t before = 0;
            for (unsigned bucket = 0; bucket < SKETCH_PAGE_BUCKETS; bucket++) {
                uint64_t count = page.counts[bucket];
                if (count > 0) {
                    uint64_t inside = before + 1 + random_next(&seed) % count;
                    assert_int_equal(sketch_page_select(page.words, code, before + 1), bucket);
                    assert_int_equal(sketch_page_select(page.words, code, inside), bucket);
                    assert_int_equal(sketch_page_select(page.words, code, before + count), bucket);
                }
                before += count;
            }
        }
    }
}

static void widening_keeps_every_count(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (unsigned code = 0; code <= SKETCH_PAGE_CODE_MAX; code++) {
        for (unsigned wide = code; wide <= SKETCH_PAGE_CODE_MAX; wide++) {
            struct page page;
            fill(&page, code, &seed);
            uint64_t out[SKETCH_PAGE_WORDS_MAX];
            sketch_page_widen(page.words, code, wide, out);
            assert_holds(out, wide, page.counts);
            sketch_page_widen(page.words, code, wide, page.words);
            assert_holds(page.words, wide, page.counts);
        }
    }
}

static void pages_are_added_whole_or_not_at_all(void **state)
{
    (void)state;
    uint64_t seed = 5;
    unsigned added = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned code = 0; code < SKETCH_PAGE_CODE_MAX; code++) {
            struct page a, b;
            fill(&a, code, &seed);
            fill(&b, code, &seed);
            bool fits = true;
            for (unsigned i = 0; i < SKETCH_PAGE_BUCKETS; i++) {
                /* Most of the rounds nearly fit. */
                b.counts[i] =
                    round % 4 ? b.counts[i] & (sketch_page_limit(code) - a.counts[i]) : b.counts[i];
                sketch_page_write(b.words, code, i, b.counts[i]);
                fits &= a.counts[i] + b.counts[i] <= sketch_page_limit(code);
            }
            assert_int_equal(sketch_page_add(a.words, b.words, code), fits);
            for (unsigned i = 0; fits && i < SKETCH_PAGE_BUCKETS; i++) {
                a.counts[i] += b.counts[i];
            }
            assert_holds(a.words, code, a.counts);
            added += fits;
        }
    }
    assert_true(added > ROUNDS);
}

static void the_widest_counters_stop_at_their_top(void **state)
{
    (void)state;
    uint64_t a[SKETCH_PAGE_WORDS_MAX], b[SKETCH_PAGE_WORDS_MAX];
    for (unsigned i = 0; i < SKETCH_PAGE_WORDS_MAX; i++) {
        a[i] = UINT64_MAX - i;
        b[i] = i / 2 * 2;
    }
    assert_true(sketch_page_add(a, b, SKETCH_PAGE_CODE_MAX));
    for (unsigned i = 0; i < SKETCH_PAGE_WORDS_MAX; i++) {
        assert_true(a[i] == UINT64_MAX - i % 2);
    }
}

static void the_code_of_a_count_is_the_narrowest(void **state)
{
    (void)state;
    static const uint64_t counts[] = {
        0, 1, 2, 3, 4, 15, 16, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    static const unsigned codes[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(sketch_page_code(counts[i]), codes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_do_not_touch_each_other),
        cmocka_unit_test(sums_are_those_of_the_counters),
        cmocka_unit_test(all_counters_at_their_limit_have_a_sum),
        cmocka_unit_test(the_bucket_of_a_rank_is_the_first_that_reaches_it),
        cmocka_unit_test(widening_keeps_every_count),
        cmocka_unit_test(pages_are_added_whole_or_not_at_all),
        cmocka_unit_test(the_widest_counters_stop_at_their_top),
        cmocka_unit_test(the_code_of_a_count_is_the_narrowest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
