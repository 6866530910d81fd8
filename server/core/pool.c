/* SPDX-License-Identifier: MIT
 *
 * Memory goes slab -> batch -> block. The pool cuts a batch of blocks of one size class off its
 * newest slab; caches and the pool exchange whole batches, so that the lock is held for a few
 * instructions however many blocks change hands. A block never leaves its class, except at the
 * budget: then a free block of a larger class is cut up. Slabs go back to the system with the
 * pool only.
 */
#include "server/core/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "server/core/pool_poison.h"
#include "server/core/pool_private.h"
#include "server/core/require.h"

/* Classes are 32, 40, … 128 bytes, then eight an octave to 36 KiB: at most an eighth of a block is
 * lost. */
#define BLOCK_BYTES_MIN 32
#define FINE_BYTES_MAX 128
#define FINE_CLASSES 13
#define CLASSES (FINE_CLASSES + 8 * 8 + 1)

#define BATCH_BYTES 4096
#define BATCH_BLOCKS_MAX 64

#define PAGE_BYTES 4096
#define SLAB_BYTES_MIN (64 * 1024)
#define SLAB_BYTES_MAX (2 * 1024 * 1024)

/* What a free block holds. `next_batch` and `count` are set in the first block of a batch only. */
struct free_block {
    struct free_block *next;
    struct free_block *next_batch;
    uint64_t count;
};

_Static_assert(sizeof(struct free_block) <= BLOCK_BYTES_MIN, "a free block must hold its links");

/* At the start of each slab; a cache line, so that blocks of whole lines stay on their lines. */
struct slab {
    _Alignas(64) struct slab *next;
    size_t bytes;
};

struct pool {
    pthread_mutex_t lock;
    uint64_t bytes_max;
    _Atomic uint64_t bytes; /* written under the lock */
    struct slab *slabs;
    char *fresh; /* the uncut rest of the newest slab */
    char *fresh_end;
    struct free_block *batches[CLASSES];
    struct pool_share share;
};

struct shelf {
    struct free_block *first;
    uint32_t count;
    uint32_t batch; /* blocks a batch of this class */
};

struct pool_cache {
    struct pool *pool;
    struct shelf shelves[CLASSES];
};

/* Uncut memory that is to become `count` blocks. */
struct range {
    char *memory;
    size_t count;
};

static unsigned class_of(size_t bytes)
{
    if (bytes <= FINE_BYTES_MAX) {
        return bytes <= BLOCK_BYTES_MIN ? 0 : (unsigned)((bytes + 7) / 8 - 4);
    }
    size_t last = bytes - 1;
    unsigned octave = 63U - (unsigned)__builtin_clzll(last);
    return FINE_CLASSES + (octave - 7) * 8 + (unsigned)(last >> (octave - 3) & 7);
}

static size_t class_bytes(unsigned size_class)
{
    if (size_class < FINE_CLASSES) {
        return BLOCK_BYTES_MIN + 8 * (size_t)size_class;
    }
    unsigned step = size_class - FINE_CLASSES;
    return (size_t)(step % 8 + 9) << (step / 8 + 4);
}

size_t pool_block_bytes(size_t bytes)
{
    return class_bytes(class_of(bytes));
}

static uint32_t class_batch(unsigned size_class)
{
    size_t blocks = BATCH_BYTES / class_bytes(size_class);
    return blocks < 1 ? 1 : blocks > BATCH_BLOCKS_MAX ? BATCH_BLOCKS_MAX : (uint32_t)blocks;
}

POOL_READS_POISONED static struct free_block *block_next(const struct free_block *block)
{
    return block->next;
}

POOL_READS_POISONED static void block_link(struct free_block *block, struct free_block *next)
{
    block->next = next;
}

POOL_READS_POISONED static void batch_push(struct pool *pool, unsigned size_class,
                                           struct free_block *first, uint64_t count)
{
    first->next_batch = pool->batches[size_class];
    first->count = count;
    pool->batches[size_class] = first;
}

POOL_READS_POISONED static struct free_block *batch_pop(struct pool *pool, unsigned size_class,
                                                        uint64_t *count)
{
    struct free_block *first = pool->batches[size_class];
    if (first) {
        pool->batches[size_class] = first->next_batch;
        *count = first->count;
    }
    return first;
}

struct pool *pool_new(uint64_t bytes_max)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return NULL;
    }
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    pool->bytes_max = bytes_max;
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool) {
        return;
    }
    for (struct slab *slab = pool->slabs; slab;) {
        struct slab *next = slab->next;
        size_t bytes = slab->bytes;
        pool_unpoison(slab, bytes);
        REQUIRE(munmap(slab, bytes) == 0);
        slab = next;
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct pool_share *pool_share_of(struct pool *pool)
{
    return &pool->share;
}

struct pool *pool_cache_pool(const struct pool_cache *cache)
{
    return cache->pool;
}

uint64_t pool_bytes(const struct pool *pool)
{
    return atomic_load_explicit(&pool->bytes, memory_order_relaxed);
}

bool pool_reserve(struct pool *pool, uint64_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    uint64_t held = pool_bytes(pool);
    bool fits = bytes <= pool->bytes_max - held;
    if (fits) {
        atomic_store_explicit(&pool->bytes, held + bytes, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

void pool_release(struct pool *pool, uint64_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    REQUIRE(bytes <= pool_bytes(pool));
    atomic_store_explicit(&pool->bytes, pool_bytes(pool) - bytes, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
}

struct pool_cache *pool_cache_new(struct pool *pool)
{
    struct pool_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return NULL;
    }
    cache->pool = pool;
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        cache->shelves[size_class].batch = class_batch(size_class);
    }
    return cache;
}

void pool_cache_free(struct pool_cache *cache)
{
    if (!cache) {
        return;
    }
    struct pool *pool = cache->pool;
    pthread_mutex_lock(&pool->lock);
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        const struct shelf *shelf = &cache->shelves[size_class];
        if (shelf->first) {
            batch_push(pool, size_class, shelf->first, shelf->count);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    free(cache);
}

/* Puts memory that is too small for what is wanted on the lists of the classes it is large enough
 * for. */
static void donate(struct pool *pool, char *memory, size_t bytes)
{
    while (bytes >= BLOCK_BYTES_MIN) {
        unsigned size_class = bytes >= POOL_BLOCK_BYTES_MAX ? CLASSES - 1 : class_of(bytes + 1) - 1;
        struct free_block *block = (struct free_block *)(void *)memory;
        block_link(block, NULL);
        batch_push(pool, size_class, block, 1);
        memory += class_bytes(size_class);
        bytes -= class_bytes(size_class);
    }
}

/* How much to ask of the system: little at first, more as the pool grows, and what the budget
 * leaves. */
static size_t slab_bytes(const struct pool *pool)
{
    uint64_t held = pool_bytes(pool);
    uint64_t left = (pool->bytes_max - held) & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t bytes = held / 8 & ~(uint64_t)(PAGE_BYTES - 1);
    bytes = bytes < SLAB_BYTES_MIN   ? SLAB_BYTES_MIN
            : bytes > SLAB_BYTES_MAX ? SLAB_BYTES_MAX
                                     : bytes;
    return (size_t)(bytes < left ? bytes : left);
}

static bool slab_take(struct pool *pool, size_t block_bytes)
{
    size_t bytes = slab_bytes(pool);
    if (bytes < sizeof(struct slab) + block_bytes) {
        return false;
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    donate(pool, pool->fresh, (size_t)(pool->fresh_end - pool->fresh));
    struct slab *slab = memory;
    slab->next = pool->slabs;
    slab->bytes = bytes;
    pool->slabs = slab;
    pool->fresh = (char *)memory + sizeof *slab;
    pool->fresh_end = (char *)memory + bytes;
    pool_poison(pool->fresh, bytes - sizeof *slab);
    atomic_store_explicit(&pool->bytes, pool_bytes(pool) + bytes, memory_order_relaxed);
    return true;
}

/* Moves `fresh` to where blocks of this size lie best: on cache lines, when they are made of such.
 */
static void fresh_align(struct pool *pool, size_t block_bytes)
{
    size_t past = (size_t)((uintptr_t)pool->fresh % 64);
    size_t skip = block_bytes % 64 == 0 && past > 0 ? 64 - past : 0;
    if (skip > 0 && skip <= (size_t)(pool->fresh_end - pool->fresh)) {
        donate(pool, pool->fresh, skip);
        pool->fresh += skip;
    }
}

static bool fresh_cut(struct pool *pool, unsigned size_class, struct range *range)
{
    size_t bytes = class_bytes(size_class);
    fresh_align(pool, bytes);
    size_t fits = (size_t)(pool->fresh_end - pool->fresh) / bytes;
    if (fits == 0) {
        if (!slab_take(pool, bytes)) {
            return false;
        }
        fits = (size_t)(pool->fresh_end - pool->fresh) / bytes;
    }
    uint32_t batch = class_batch(size_class);
    range->memory = pool->fresh;
    range->count = fits < batch ? fits : batch;
    pool->fresh += range->count * bytes;
    return true;
}

/* The last resort: one free block of the next larger class that has any. */
static bool larger_cut(struct pool *pool, unsigned size_class, struct range *range)
{
    for (unsigned larger = size_class + 1; larger < CLASSES; larger++) {
        uint64_t count;
        struct free_block *block = batch_pop(pool, larger, &count);
        if (!block) {
            continue;
        }
        if (count > 1) {
            batch_push(pool, larger, block_next(block), count - 1);
        }
        size_t bytes = class_bytes(size_class);
        range->memory = (char *)block;
        range->count = class_bytes(larger) / bytes;
        donate(pool, range->memory + range->count * bytes, class_bytes(larger) % bytes);
        return true;
    }
    return false;
}

static struct free_block *range_link(const struct range *range, size_t bytes)
{
    struct free_block *next = NULL;
    for (size_t i = range->count; i-- > 0;) {
        struct free_block *block = (struct free_block *)(void *)(range->memory + i * bytes);
        block_link(block, next);
        next = block;
    }
    return next;
}

/* Fills an empty shelf. Fresh memory is linked outside the lock: touching it may fault pages in. */
static bool shelf_fill(struct pool_cache *cache, unsigned size_class)
{
    struct pool *pool = cache->pool;
    struct shelf *shelf = &cache->shelves[size_class];
    struct range range = {NULL, 0};
    uint64_t count = 0;
    pthread_mutex_lock(&pool->lock);
    shelf->first = batch_pop(pool, size_class, &count);
    if (!shelf->first && !fresh_cut(pool, size_class, &range)) {
        larger_cut(pool, size_class, &range);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!shelf->first) {
        shelf->first = range_link(&range, class_bytes(size_class));
        count = range.count;
    }
    shelf->count = (uint32_t)count;
    return shelf->first != NULL;
}

/* Gives the first batch of a full shelf to the pool: the blocks freed last, whose links are in
 * cache. */
static void shelf_drain(struct pool_cache *cache, unsigned size_class)
{
    struct shelf *shelf = &cache->shelves[size_class];
    struct free_block *first = shelf->first, *last = first;
    for (uint32_t i = 1; i < shelf->batch; i++) {
        last = block_next(last);
    }
    shelf->first = block_next(last);
    shelf->count -= shelf->batch;
    block_link(last, NULL);
    pthread_mutex_lock(&cache->pool->lock);
    batch_push(cache->pool, size_class, first, shelf->batch);
    pthread_mutex_unlock(&cache->pool->lock);
}

void *pool_take(struct pool_cache *cache, size_t bytes)
{
    REQUIRE(bytes > 0 && bytes <= POOL_BLOCK_BYTES_MAX);
    unsigned size_class = class_of(bytes);
    struct shelf *shelf = &cache->shelves[size_class];
    if (!shelf->first && !shelf_fill(cache, size_class)) {
        return NULL;
    }
    struct free_block *block = shelf->first;
    shelf->first = block_next(block);
    shelf->count--;
    pool_unpoison(block, bytes);
    return block;
}

void pool_give(struct pool_cache *cache, void *block, size_t bytes)
{
    if (!block) {
        return;
    }
    REQUIRE(bytes > 0 && bytes <= POOL_BLOCK_BYTES_MAX);
    REQUIRE(!pool_poisoned(block));
    unsigned size_class = class_of(bytes);
    struct shelf *shelf = &cache->shelves[size_class];
    pool_poison(block, class_bytes(size_class));
    block_link(block, shelf->first);
    shelf->first = block;
    shelf->count++;
    if (shelf->count > 2 * shelf->batch) {
        shelf_drain(cache, size_class);
    }
}
