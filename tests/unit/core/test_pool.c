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
#include "tests/unit/random.h"

struct block {
    unsigned char *memory;
    size_t bytes;
    unsigned char mark;
};

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
    size_t same = 0;
    while (same < block->bytes && block->memory[same] == block->mark) {
        same++;
    }
    assert_int_equal(same, block->bytes);
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
    static const uint64_t budgets[] = {65536, 100000, 1000000, 5000000};
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

static void a_budget_below_two_pages_gives_nothing(void **state)
{
    (void)state;
    struct pool *pool = pool_new(20000);
    struct pool_cache *cache = pool_cache_new(pool);
    assert_null(pool_take(cache, 1));
    assert_null(pool_take(cache, POOL_BLOCK_BYTES_MAX));
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

static void memory_freed_by_one_class_serves_every_other(void **state)
{
    (void)state;
    static const size_t sizes[] = {32, 88, 264, 2048, 5000, 16384, POOL_BLOCK_BYTES_MAX};
    static void *blocks[40000];
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    for (size_t i = 0; i < 100; i++) {
        size_t bytes = sizes[i * i % (sizeof sizes / sizeof *sizes)];
        size_t count = take_all(cache, bytes, blocks, 40000);
        assert_true(count * bytes > (1 << 20) * 8 / 10);
        assert_true(pool_bytes(pool) <= 1 << 20);
        give_all(cache, bytes, blocks, count);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

static void shuffle(unsigned *numbers, unsigned count, uint64_t *seed)
{
    for (unsigned i = count - 1; i > 0; i--) {
        unsigned other = (unsigned)(random_next(seed) % (i + 1)), number = numbers[i];
        numbers[i] = numbers[other];
        numbers[other] = number;
    }
}

#define GROWING 5000

/* Every block moves to the next size, in random order; none has reached the one after it. */
static void all_grow(struct pool_cache *cache, void **blocks, size_t from, size_t to,
                     uint64_t *seed)
{
    static unsigned order[GROWING];
    for (unsigned i = 0; i < GROWING; i++) {
        order[i] = i;
    }
    shuffle(order, GROWING, seed);
    for (unsigned i = 0; i < GROWING; i++) {
        void *grown = pool_take(cache, to);
        assert_non_null(grown);
        pool_give(cache, blocks[order[i]], from);
        blocks[order[i]] = grown;
    }
}

static void blocks_that_all_grow_need_room_for_two_sizes_at_most(void **state)
{
    (void)state;
    static const size_t sizes[] = {32, 64, 88, 128, 192, 264, 240};
    static void *blocks[GROWING];
    struct pool *pool = pool_new(UINT64_C(1) << 26);
    struct pool_cache *cache = pool_cache_new(pool);
    uint64_t seed = 3;
    for (unsigned round = 0; round < 5; round++) {
        assert_int_equal(take_all(cache, sizes[0], blocks, GROWING), GROWING);
        for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
            all_grow(cache, blocks, sizes[i - 1], sizes[i], &seed);
        }
        give_all(cache, 240, blocks, GROWING);
    }
    assert_true(pool_bytes(pool) < GROWING * (264 + 240) * 5 / 4);
    pool_cache_free(cache);
    pool_free(pool);
}

static void partly_used_pages_are_filled_before_new_ones(void **state)
{
    (void)state;
    static void *blocks[20000];
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct pool_cache *cache = pool_cache_new(pool);
    assert_int_equal(take_all(cache, 128, blocks, 20000), 20000);
    uint64_t bytes = pool_bytes(pool), seed = 5;
    for (unsigned i = 0; i < 200000; i++) {
        void **block = &blocks[random_next(&seed) % 20000];
        if (*block) {
            pool_give(cache, *block, 128);
            *block = NULL;
        } else {
            *block = pool_take(cache, 128);
        }
    }
    assert_int_equal(pool_bytes(pool), bytes);
    pool_cache_free(cache);
    pool_free(pool);
}

#define SLOTS 8000

/* Slots are filled and emptied at random, while the sizes wander from 32 to 256 bytes. Answers the
 * most that was in use. */
static uint64_t wander(struct pool_cache *caches[2], struct block blocks[SLOTS], uint64_t *seed)
{
    uint64_t held = 0, held_max = 0;
    for (unsigned i = 0; i < 400000; i++) {
        struct block *block = &blocks[random_next(seed) % SLOTS];
        struct pool_cache *cache = caches[random_next(seed) % 2];
        if (block->memory) {
            check(block);
            held -= block->bytes;
            pool_give(cache, block->memory, block->bytes);
            block->memory = NULL;
            continue;
        }
        block->bytes = 32 + 16 * (i / 28000) + random_next(seed) % 16;
        block->mark = (unsigned char)i;
        block->memory = pool_take(cache, block->bytes);
        assert_non_null(block->memory);
        fill(block);
        held += block->bytes;
        held_max = held > held_max ? held : held_max;
    }
    return held_max;
}

static void random_use_leaves_no_holes_that_stay(void **state)
{
    (void)state;
    static struct block blocks[SLOTS];
    memset(blocks, 0, sizeof blocks);
    struct pool *pool = pool_new(UINT64_C(1) << 26);
    struct pool_cache *caches[2] = {pool_cache_new(pool), pool_cache_new(pool)};
    uint64_t seed = 7, held_max = wander(caches, blocks, &seed);
    uint64_t bytes = pool_bytes(pool);
    /* The sizes of now, those on the way out, what caches hold. */
    assert_true(bytes < 3 * held_max);
    for (unsigned i = 0; i < SLOTS; i++) {
        pool_give(caches[i % 2], blocks[i].memory, blocks[i].bytes);
    }
    pool_cache_free(caches[0]);
    /* All of it is whole again. */
    static void *wide[1000];
    size_t count = (size_t)(bytes / POOL_BLOCK_BYTES_MAX) * 3 / 4;
    assert_in_range(count, 1, 1000);
    assert_int_equal(take_all(caches[1], POOL_BLOCK_BYTES_MAX, wide, count), count);
    assert_int_equal(pool_bytes(pool), bytes);
    pool_cache_free(caches[1]);
    pool_free(pool);
}

/* One block of each page stays in use. */
static void at_the_budget_larger_free_blocks_serve(void **state)
{
    (void)state;
    static void *blocks[2000];
    struct pool *pool = pool_new(1 << 20);
    struct pool_cache *cache = pool_cache_new(pool);
    size_t count = take_all(cache, 1024, blocks, 2000);
    assert_in_range(count, 900, 1024);
    for (size_t i = 0; i < count; i++) {
        if (i % 16 != 0) {
            pool_give(cache, blocks[i], 1024);
        }
    }
    static void *small[2000];
    size_t served = take_all(cache, 100, small, 2000);
    assert_true(served > count * 15 / 16 - 16);
    give_all(cache, 100, small, served);
    assert_true(take_all(cache, 1024, small, 2000) > count * 15 / 16 - 100);
    pool_cache_free(cache);
    pool_free(pool);
}

static void blocks_of_whole_cache_lines_lie_on_cache_lines(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct pool_cache *cache = pool_cache_new(pool);
    for (size_t bytes = 24; bytes < 8000; bytes += 8) {
        void *block = pool_take(cache, bytes);
        assert_non_null(block);
        assert_true(pool_block_bytes(bytes) % 64 != 0 || (uintptr_t)block % 64 == 0);
    }
    pool_cache_free(cache);
    pool_free(pool);
}

/* So that the kernel is not asked for memory nobody needs. */
static void the_first_blocks_of_a_class_share_few_pages_of_the_kernel(void **state)
{
    (void)state;
    struct pool *pool = pool_new(UINT64_C(1) << 24);
    struct pool_cache *cache = pool_cache_new(pool);
    static void *blocks[30];
    assert_int_equal(take_all(cache, 128, blocks, 30), 30);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal((uintptr_t)blocks[i] / 4096, (uintptr_t)blocks[0] / 4096);
    }
    assert_true(pool_bytes(pool) <= 64 * 1024);
    pool_cache_free(cache);
    pool_free(pool);
}

#define EXCHANGE_SLOTS 512

struct exchange {
    struct pool *pool;
    _Atomic(uint64_t *) slots[EXCHANGE_SLOTS];
};

/* Blocks whose words all hold the block's size change hands through the slots. */
static void *trade(void *argument)
{
    struct exchange *exchange = argument;
    struct pool_cache *cache = pool_cache_new(exchange->pool);
    uint64_t seed = (uintptr_t)&cache | 1;
    uintptr_t faults = 0;
    for (unsigned i = 0; i < 40000; i++) {
        /* The sizes wander, as those of timers do, and now and then there is a large one. */
        uint64_t words = i % 100 == 0 ? 700 : 4 + i / 4000 * 3 + random_next(&seed) % 4;
        uint64_t *block = pool_take(cache, words * sizeof *block);
        faults += block == NULL;
        for (unsigned word = 0; block && word < words; word++) {
            block[word] = words;
        }
        uint64_t *other =
            atomic_exchange(&exchange->slots[random_next(&seed) % EXCHANGE_SLOTS], block);
        words = other ? other[0] : 1;
        for (unsigned word = 1; word < words; word++) {
            faults += other[word] != words;
        }
        pool_give(cache, other, words * sizeof *other);
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
    /* All that is out are the blocks in the slots. */
    assert_true(pool_bytes(exchange.pool) <= 2 * 1024 * 1024);
    pool_free(exchange.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(every_size_has_room_for_itself),
        cmocka_unit_test(the_budget_is_kept_and_used),
        cmocka_unit_test(a_budget_below_two_pages_gives_nothing),
        cmocka_unit_test(blocks_given_back_are_used_again),
        cmocka_unit_test(blocks_pass_from_cache_to_cache),
        cmocka_unit_test(memory_freed_by_one_class_serves_every_other),
        cmocka_unit_test(blocks_that_all_grow_need_room_for_two_sizes_at_most),
        cmocka_unit_test(partly_used_pages_are_filled_before_new_ones),
        cmocka_unit_test(random_use_leaves_no_holes_that_stay),
        cmocka_unit_test(at_the_budget_larger_free_blocks_serve),
        cmocka_unit_test(blocks_of_whole_cache_lines_lie_on_cache_lines),
        cmocka_unit_test(the_first_blocks_of_a_class_share_few_pages_of_the_kernel),
        cmocka_unit_test(threads_share_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
