/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/core/pool_share.h"

#define MIB (UINT64_C(1) << 20)

static void nothing_has_a_share_unless_it_is_opened(void **state)
{
    (void)state;
    struct pool *pool = pool_new(MIB);
    struct pool_cache *cache = pool_cache_new(pool);
    assert_false(pool_share_is_open(cache));
    assert_null(pool_share_take(cache, 8));
    assert_int_equal(pool_share_refused(pool), 1);
    assert_non_null(pool_take(cache, 8));
    pool_cache_free(cache);
    pool_free(pool);
}

static void a_share_ends_before_the_budget(void **state)
{
    (void)state;
    struct pool *pool = pool_new(MIB);
    struct pool_cache *cache = pool_cache_new(pool);
    void *blocks[512], *rest;
    size_t count = 0;
    pool_share_open(pool, MIB / 2);
    assert_true(pool_share_is_open(cache));
    while ((blocks[count] = pool_share_take(cache, 4096))) {
        memset(blocks[count++], 0xa5, 4096);
    }
    assert_int_equal(count, MIB / 2 / 4096);
    assert_int_equal(pool_share_refused(pool), 1);
    rest = pool_take(cache, 4096);
    assert_non_null(rest);
    pool_give(cache, rest, 4096);
    for (size_t i = 0; i < count; i++) {
        pool_share_give(cache, blocks[i], 4096);
    }
    for (size_t i = 0; i < count; i++) {
        blocks[i] = pool_share_take(cache, 4096);
        assert_non_null(blocks[i]);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

/* They come from the system, and their bytes are the budget's while they are out. */
static void large_blocks_are_counted(void **state)
{
    (void)state;
    struct pool *pool = pool_new(MIB);
    struct pool_cache *cache = pool_cache_new(pool);
    pool_share_open(pool, 2 * MIB);
    char *block = pool_share_take(cache, MIB / 2);
    assert_non_null(block);
    block[MIB / 2 - 1] = 1;
    assert_true(pool_bytes(pool) >= MIB / 2);
    assert_null(pool_share_take(cache, MIB / 2 + 1));
    pool_share_give(cache, block, MIB / 2);
    assert_int_equal(pool_bytes(pool), 0);
    pool_share_give(cache, NULL, 8);
    pool_cache_free(cache);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_a_share_unless_it_is_opened),
        cmocka_unit_test(a_share_ends_before_the_budget),
        cmocka_unit_test(large_blocks_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
