/* SPDX-License-Identifier: MIT
 *
 * Memory for the small blocks that grow with the traffic (sketches, sets, names) under one budget.
 * A pool is shared by all threads and keeps the budget; each thread allocates through a pool_cache
 * of its own, that holds free blocks by size class and goes to the pool, under its lock, once for
 * many blocks. A block may be freed into another thread's cache than it came from. Memory changes
 * its size class by pages of 16 KiB, when all blocks of a page are free. So the steady state calls
 * no malloc and takes no lock, sizes that nobody wants any more keep no memory, and a flood of new
 * series ends at the budget instead of the machine's memory.
 */
#ifndef SERVER_CORE_POOL_H
#define SERVER_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct pool_cache;

/* `bytes_max` bounds what the pool takes from the system, in pages; below two pages that is
 * nothing. NULL when there is no memory. */
struct pool *pool_new(uint64_t bytes_max);

/* All caches must be freed before; blocks still in use become invalid. */
void pool_free(struct pool *pool);

/* Bytes taken from the system at present; any thread. */
uint64_t pool_bytes(const struct pool *pool);

/* The budget, as it was given. */
uint64_t pool_bytes_max(const struct pool *pool);

/* Counts memory that the caller takes from the system himself against the same budget, and off it
 * again. pool_reserve() is false, and counts nothing, when the budget would be passed. Any thread.
 */
bool pool_reserve(struct pool *pool, uint64_t bytes);
void pool_release(struct pool *pool, uint64_t bytes);

/* A cache for one thread. NULL when there is no memory. */
struct pool_cache *pool_cache_new(struct pool *pool);

/* Gives the cached free blocks back to the pool. */
void pool_cache_free(struct pool_cache *cache);

/* A block of at least `bytes` (1 to POOL_BLOCK_BYTES_MAX), aligned to 8, not zeroed; NULL at the
 * budget or without memory. */
#define POOL_BLOCK_BYTES_MAX 36864
void *pool_take(struct pool_cache *cache, size_t bytes);

/* What a block for `bytes` takes of the pool, and all of it may be used when that much is asked
 * for.
 */
size_t pool_block_bytes(size_t bytes);

/* Gives a block back; `bytes` as it was asked for. NULL is allowed. */
void pool_give(struct pool_cache *cache, void *block, size_t bytes);

#endif
