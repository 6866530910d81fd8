/* SPDX-License-Identifier: MIT
 *
 * Memory goes page -> batch -> block. A page serves one class until all of its blocks are back;
 * caches and the pool exchange whole batches, so that the lock is held for a few instructions a
 * block, which touch the description of its page but not the block.
 */
#include "server/core/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/core/pool_page.h"
#include "server/core/pool_poison.h"
#include "server/core/pool_private.h"
#include "server/core/require.h"

/* Classes are 32, 40, … 128 bytes, then eight an octave to 36 KiB: at most an eighth of a block is
 * lost. */
#define BLOCK_BYTES_MIN POOL_PAGE_BLOCK_MIN
#define FINE_BYTES_MAX 128
#define FINE_CLASSES 13
#define CLASSES (FINE_CLASSES + 8 * 8 + 1)

#define BATCH_BYTES 4096
#define BATCH_BLOCKS_MAX 64

/* What a free block in a cache holds. */
struct free_block {
    struct free_block *next;
};

_Static_assert(sizeof(struct free_block) <= BLOCK_BYTES_MIN, "a free block must hold its link");

struct pool {
    pthread_mutex_t lock;
    struct pool_pages pages;
    /* A ring a class of the pages that have free blocks and blocks in use: the fuller half is put
     * in front and used first, so that emptier ones drain. */
    struct pool_link partial[CLASSES];
    struct pool_share share;
};

struct shelf {
    struct free_block *first;
    uint32_t count;
    uint16_t batch; /* blocks a batch of this class */
    bool filled;    /* since the last cache_trim() */
};

struct pool_cache {
    struct pool *pool;
    struct shelf shelves[CLASSES];
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

static uint16_t class_batch(unsigned size_class)
{
    size_t blocks = BATCH_BYTES / class_bytes(size_class);
    return blocks < 1 ? 1 : blocks > BATCH_BLOCKS_MAX ? BATCH_BLOCKS_MAX : (uint16_t)blocks;
}

POOL_READS_POISONED static struct free_block *block_next(const struct free_block *block)
{
    return block->next;
}

POOL_READS_POISONED static void block_link(struct free_block *block, struct free_block *next)
{
    block->next = next;
}

uint64_t pool_bytes_max(const struct pool *pool)
{
    return pool->pages.bytes_max;
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
    pool->pages.bytes_max = bytes_max;
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        struct pool_link *ring = &pool->partial[size_class];
        *ring = (struct pool_link){ring, ring};
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool) {
        return;
    }
    pool_pages_deinit(&pool->pages);
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
    return atomic_load_explicit(&pool->pages.bytes, memory_order_relaxed);
}

bool pool_reserve(struct pool *pool, uint64_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    uint64_t held = pool_bytes(pool);
    bool fits = bytes <= pool->pages.bytes_max - held;
    if (fits) {
        atomic_store_explicit(&pool->pages.bytes, held + bytes, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

void pool_release(struct pool *pool, uint64_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    REQUIRE(bytes <= pool_bytes(pool));
    atomic_store_explicit(&pool->pages.bytes, pool_bytes(pool) - bytes, memory_order_relaxed);
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

/* Into a ring, behind `link`. */
static void insert(struct pool_page *page, struct pool_link *link)
{
    page->link = (struct pool_link){link->next, link};
    link->next->previous = &page->link;
    link->next = &page->link;
}

static void take_out(struct pool_page *page)
{
    page->link.next->previous = page->link.previous;
    page->link.previous->next = page->link.next;
}

/* The page to take blocks from first; NULL when all are full. */
static struct pool_page *fullest(struct pool *pool, unsigned size_class)
{
    struct pool_link *ring = &pool->partial[size_class];
    return ring->next == ring ? NULL : (struct pool_page *)(void *)ring->next;
}

static unsigned page_take(struct pool_page *page, void **blocks, unsigned count_max)
{
    unsigned count = pool_page_take(page, blocks, count_max);
    if (page->free == 0) {
        take_out(page);
    }
    return count;
}

/* Free blocks of the pages that have some. */
static unsigned partial_take(struct pool *pool, unsigned size_class, void **blocks, unsigned batch)
{
    unsigned count = 0;
    struct pool_page *page;
    while (count < batch && (page = fullest(pool, size_class)) != NULL) {
        count += page_take(page, blocks + count, batch - count);
    }
    return count;
}

static unsigned fresh_take(struct pool *pool, unsigned size_class, void **blocks, unsigned batch)
{
    struct pool_page *page = pool_page_new(&pool->pages, size_class, class_bytes(size_class));
    if (!page) {
        return 0;
    }
    insert(page, &pool->partial[size_class]);
    return page_take(page, blocks, batch);
}

/* The last resort: one free block of the next larger class that has any. It goes back to its page
 * as what it is. */
static unsigned larger_take(struct pool *pool, unsigned size_class, void **blocks)
{
    for (unsigned larger = size_class + 1; larger < CLASSES; larger++) {
        struct pool_page *page = fullest(pool, larger);
        if (page) {
            return page_take(page, blocks, 1);
        }
    }
    return 0;
}

static void block_give(struct pool *pool, struct pool_place place)
{
    struct pool_page *page = place.page;
    struct pool_link *ring = &pool->partial[page->size_class];
    pool_page_give(place);
    if (page->free == page->blocks) {
        if (page->blocks > 1) {
            take_out(page);
        }
        pool_page_free(&pool->pages, page);
    } else if (page->free == 1) {
        insert(page, ring);
    } else if (page->free == page->blocks / 2 + 1) {
        take_out(page);
        insert(page, ring->previous);
    }
}

/* Gives the first blocks of a shelf to the pool, a batch at most: those freed last, whose links are
 * in cache. */
static void shelf_drain(struct pool_cache *cache, unsigned size_class)
{
    struct shelf *shelf = &cache->shelves[size_class];
    uint32_t count = shelf->count < shelf->batch ? shelf->count : shelf->batch;
    struct pool_place places[BATCH_BLOCKS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct free_block *block = shelf->first;
        shelf->first = block_next(block);
        places[i] = pool_page_place(block);
    }
    shelf->count -= count;
    pthread_mutex_lock(&cache->pool->lock);
    for (uint32_t i = 0; i < count; i++) {
        block_give(cache->pool, places[i]);
    }
    pthread_mutex_unlock(&cache->pool->lock);
}

/* Gives what lies on shelves that were not filled of late, or on all: each block keeps a page from
 * changing its class. */
static void cache_trim(struct pool_cache *cache, bool all)
{
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        struct shelf *shelf = &cache->shelves[size_class];
        while (shelf->first && (all || !shelf->filled)) {
            shelf_drain(cache, size_class);
        }
        shelf->filled = false;
    }
}

/* A batch for a class whose pages are all full. At the budget the cache parts with all it holds
 * before larger blocks are touched, so that what is refused once is refused again. */
static unsigned more_take(struct pool_cache *cache, unsigned size_class, void **blocks)
{
    struct pool *pool = cache->pool;
    unsigned count = 0, batch = cache->shelves[size_class].batch;
    for (unsigned all = 0; all < 2 && count == 0; all++) {
        cache_trim(cache, all);
        pthread_mutex_lock(&pool->lock);
        count = fresh_take(pool, size_class, blocks, batch);
        if (count == 0 && all) {
            count = larger_take(pool, size_class, blocks);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    return count;
}

/* Fills an empty shelf. Blocks are linked outside the lock: touching them may fault pages in. */
static bool shelf_fill(struct pool_cache *cache, unsigned size_class)
{
    struct shelf *shelf = &cache->shelves[size_class];
    void *blocks[BATCH_BLOCKS_MAX];
    pthread_mutex_lock(&cache->pool->lock);
    unsigned count = partial_take(cache->pool, size_class, blocks, shelf->batch);
    pthread_mutex_unlock(&cache->pool->lock);
    count = count > 0 ? count : more_take(cache, size_class, blocks);
    shelf->filled = true;
    shelf->count = count;
    while (count-- > 0) {
        block_link(blocks[count], shelf->first);
        shelf->first = blocks[count];
    }
    return shelf->first != NULL;
}

void pool_cache_free(struct pool_cache *cache)
{
    if (!cache) {
        return;
    }
    for (unsigned size_class = 0; size_class < CLASSES; size_class++) {
        while (cache->shelves[size_class].first) {
            shelf_drain(cache, size_class);
        }
    }
    free(cache);
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
