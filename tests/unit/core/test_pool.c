/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/pool.h"

struct block {
    unsigned char *memory;
    size_t bytes;
    unsigned char mark;
};

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Sizes spread over the octaves. */
static size_t random_bytes(uint64_t *state)
{
    uint64_t octave = random_next(state) % 16;
    size_t bytes = (size_t)(random_next(state) % (UINT64_C(1) << octave)) + 1;
    return bytes > POOL_BLOCK_BYTES_MAX ? POOL_BLOCK_BYTES_MAX : bytes;
}

static void fill(struct block *block)
{
    memset(block->memory, block->mark, block->bytes);
}

static void check(const struct block *block)
{
    for (size_t i = 0; i < block->bytes; i++) {
        assert_int_equal(block->memory[i], block->mark);
    }
}

static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 28);
    struct pool_cache *cache = pool_cache_new(pool);
    static struct block blocks[1024];
    memset(blocks, 0, sizeof blocks);
    uint64_t seed = 1;
    for (unsigned i = 0; i < 30000; i++) {
        struct block *block = &blocks[random_next(&seed) % 1024];
        if (block->memory) {
            check(block);
            pool_give(cache, block->memory, block->bytes);
        }
        block->bytes = random_bytes(&seed);
        block->mark = (unsigned char)i;
        block->memory = pool_take(cache, block->bytes);
        assert_non_null(block->memory);
        assert_int_equal((uintptr_t)block->memory % 8, 0);
        assert_in_range(pool_block_bytes(block->bytes), block->bytes,
                        block->bytes < 32 ? 32 : block->bytes + block->bytes / 8 + 8);
        fill(block);
    }
    for (unsigned i = 0; i < 1024; i++) {
        if (blocks[i].memory) {
            check(&blocks[i]);
        }
    }
    pool_cache_free(cache);
    pool_free(pool);
}

static void every_size_has_room_for_itself(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 26);
    struct pool_cache *cache = pool_cache_new(pool);
    for (size_t bytes = 1; bytes <= POOL_BLOCK_BYTES_MAX; bytes += bytes < 600 ? 1 : bytes / 37) {
        struct block pair[2] = {{.bytes = bytes, .mark = 1}, {.bytes = bytes, .mark = 2}};
        for (unsigned i = 0; i < 2; i++) {
            pair[i].memory = pool_take(cache, bytes);
            assert_non_null(pair[i].memory);
            fill(&pair[i]);
        }
        check(&pair[0]);
        pool_give(cache, pair[0].memory, bytes);
        pool_give(cache, pair[1].memory, bytes);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

static size_t take_all(struct pool_cache *cache, size_t bytes, void **blocks, size_t count_max)
{
    size_t count = 0;
    while (count < count_max && (blocks[count] = pool_take(cache, bytes)) != NULL) {
        count++;
    }
    return count;
}

static void give_all(struct pool_cache *cache, size_t bytes, void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pool_give(cache, blocks[i], bytes);
    }
}

static void the_budget_is_kept_and_used(void **state)
{
    (void)state;
    static const uint64_t budgets[] = {8192, 65536, 100000, 1000000, 5000000};
    static const size_t sizes[] = {32, 100, 1024, 4000};
    static void *blocks[200000];
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            struct pool *pool = pool_new(budgets[b]);
            struct pool_cache *cache = pool_cache_new(pool);
            size_t count = take_all(cache, sizes[s], blocks, 200000);
            assert_true(pool_bytes(pool) <= budgets[b]);
            assert_true((double)(count * sizes[s]) > 0.4 * (double)budgets[b]);
            pool_cache_free(cache);
            pool_free(pool);
        }
    }
}

static void a_budget_below_a_page_gives_nothing(void **state)
{
    (void)state;
    struct pool *pool = pool_new(4000);
    struct pool_cache *cache = pool_cache_new(pool);
    assert_null(pool_take(cache, 1));
    pool_give(cache, NULL, 1);
    assert_int_equal(pool_bytes(pool), 0);
    pool_cache_free(cache);
    pool_free(pool);
}

static void blocks_given_back_are_used_again(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct pool_cache *cache = pool_cache_new(pool);
    static void *blocks[5000];
    assert_int_equal(take_all(cache, 200, blocks, 5000), 5000);
    uint64_t bytes = pool_bytes(pool);
    for (unsigned round = 0; round < 10; round++) {
        give_all(cache, 200, blocks, 5000);
        assert_int_equal(take_all(cache, 200, blocks, 5000), 5000);
    }
    assert_int_equal(pool_bytes(pool), bytes);
    pool_cache_free(cache);
    pool_free(pool);
}

static void blocks_pass_from_cache_to_cache(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct pool_cache *taker = pool_cache_new(pool), *giver = pool_cache_new(pool);
    static void *blocks[5000];
    assert_int_equal(take_all(taker, 64, blocks, 5000), 5000);
    give_all(giver, 64, blocks, 5000);
    uint64_t bytes = pool_bytes(pool);
    for (unsigned round = 0; round < 20; round++) {
        assert_int_equal(take_all(taker, 64, blocks, 4000), 4000);
        give_all(giver, 64, blocks, 4000);
    }
    assert_int_equal(pool_bytes(pool), bytes);
    pool_cache_free(giver);
    assert_int_equal(take_all(taker, 64, blocks, 5000), 5000);
    assert_int_equal(pool_bytes(pool), bytes);
    pool_cache_free(taker);
    pool_free(pool);
}

static void large_free_blocks_are_cut_up_at_the_budget(void **state)
{
    (void)state;
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    static void *blocks[20000];
    size_t large = take_all(cache, 16384, blocks, 20000);
    assert_in_range(large, 40, 64);
    give_all(cache, 16384, blocks, large);
    size_t small = take_all(cache, 112, blocks, 20000);
    assert_true(small * 112 > (large - 4) * 16384 * 9 / 10);
    pool_cache_free(cache);
    pool_free(pool);
}

#define EXCHANGE_SLOTS 512

struct exchange {
    struct pool *pool;
    _Atomic(uint64_t *) slots[EXCHANGE_SLOTS];
};

/* Blocks of 80 bytes whose words all hold one number change hands through the slots. */
static void *trade(void *argument)
{
    struct exchange *exchange = argument;
    struct pool_cache *cache = pool_cache_new(exchange->pool);
    uint64_t seed = (uintptr_t)&cache | 1;
    uintptr_t faults = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t *block = pool_take(cache, 80);
        faults += block == NULL;
        for (unsigned word = 0; block && word < 10; word++) {
            block[word] = i;
        }
        uint64_t *other =
            atomic_exchange(&exchange->slots[random_next(&seed) % EXCHANGE_SLOTS], block);
        for (unsigned word = 1; other && word < 10; word++) {
            faults += other[word] != other[0];
        }
        pool_give(cache, other, 80);
    }
    pool_cache_free(cache);
    return (void *)faults;
}

static void threads_share_a_pool(void **state)
{
    (void)state;
    static struct exchange exchange;
    exchange.pool = pool_new(UINT64_C(1) << 22);
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, trade, &exchange), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        void *faults;
        assert_int_equal(pthread_join(threads[i], &faults), 0);
        assert_null(faults);
    }
    /* All that is out are the blocks in the slots, and a few batches the caches had. */
    assert_true(pool_bytes(exchange.pool) <= 256 * 1024);
    pool_free(exchange.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(every_size_has_room_for_itself),
        cmocka_unit_test(the_budget_is_kept_and_used),
        cmocka_unit_test(a_budget_below_a_page_gives_nothing),
        cmocka_unit_test(blocks_given_back_are_used_again),
        cmocka_unit_test(blocks_pass_from_cache_to_cache),
        cmocka_unit_test(large_free_blocks_are_cut_up_at_the_budget),
        cmocka_unit_test(threads_share_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
