/* SPDX-License-Identifier: MIT */
#include "server/core/pool_share.h"

#include <stdlib.h>

#include "server/core/pool_private.h"

void pool_share_open(struct pool *pool, uint64_t bytes_max)
{
    pool_share_of(pool)->bytes_max = bytes_max;
}

bool pool_share_is_open(const struct pool_cache *cache)
{
    return pool_share_of(pool_cache_pool(cache))->bytes_max > 0;
}

static bool count_in(struct pool_share *share, size_t bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&share->bytes, bytes, memory_order_relaxed);
    if (before + bytes <= share->bytes_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&share->bytes, bytes, memory_order_relaxed);
    return false;
}

static void *take_large(struct pool *pool, size_t bytes)
{
    if (!pool_reserve(pool, bytes)) {
        return NULL;
    }
    void *block = malloc(bytes);
    if (!block) {
        pool_release(pool, bytes);
    }
    return block;
}

void *pool_share_take(struct pool_cache *cache, size_t bytes)
{
    struct pool *pool = pool_cache_pool(cache);
    struct pool_share *share = pool_share_of(pool);
    bool large = bytes > POOL_BLOCK_BYTES_MAX;
    void *block = NULL;
    if (count_in(share, bytes)) {
        block = large ? take_large(pool, bytes) : pool_take(cache, bytes);
        if (!block) {
            atomic_fetch_sub_explicit(&share->bytes, bytes, memory_order_relaxed);
        }
    }
    if (!block) {
        atomic_fetch_add_explicit(&share->refused, 1, memory_order_relaxed);
    }
    return block;
}

void pool_share_give(struct pool_cache *cache, void *block, size_t bytes)
{
    if (!block) {
        return;
    }
    struct pool *pool = pool_cache_pool(cache);
    atomic_fetch_sub_explicit(&pool_share_of(pool)->bytes, bytes, memory_order_relaxed);
    if (bytes > POOL_BLOCK_BYTES_MAX) {
        free(block);
        pool_release(pool, bytes);
    } else {
        pool_give(cache, block, bytes);
    }
}

uint64_t pool_share_refused(const struct pool *pool)
{
    return atomic_load_explicit(&pool_share_of((struct pool *)(uintptr_t)pool)->refused,
                                memory_order_relaxed);
}
