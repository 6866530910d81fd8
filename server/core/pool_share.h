/* SPDX-License-Identifier: MIT
 *
 * A share of a pool's budget for what is kept whole where there is room and can do with less where
 * there is not: samples of timers, members of sets. It keeps such things from taking the memory
 * that their smaller forms would then need. Nothing has a share unless it is opened, and asking
 * costs one load then. Blocks go through the caller's own pool_cache; any thread.
 */
#ifndef SERVER_CORE_POOL_SHARE_H
#define SERVER_CORE_POOL_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"

/* Opens the share with so many bytes, before threads take part. */
void pool_share_open(struct pool *pool, uint64_t bytes_max);

bool pool_share_is_open(const struct pool_cache *cache);

/* A block of at least `bytes`, aligned to 8, not zeroed, of any size: above POOL_BLOCK_BYTES_MAX it
 * comes from the system, counted against the budget all the same. NULL where the share or the
 * budget is used up, which is counted. */
void *pool_share_take(struct pool_cache *cache, size_t bytes);

/* Gives such a block back, as with pool_give(). */
void pool_share_give(struct pool_cache *cache, void *block, size_t bytes);

/* How often a block was refused. */
uint64_t pool_share_refused(const struct pool *pool);

#endif
