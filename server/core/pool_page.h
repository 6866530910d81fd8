/* SPDX-License-Identifier: MIT
 *
 * Pages of memory that serve one size of blocks for as long as one of their blocks is in use, and
 * then whoever comes next. They lie in slabs of 2 MiB, whose first page describes the others, so
 * that the page of a block is found from its address and nothing is written to free blocks. Private
 * to pool.c, whose lock protects all of it but pool_page_place().
 */
#ifndef SERVER_CORE_POOL_PAGE_H
#define SERVER_CORE_POOL_PAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_PAGE_BYTES 16384
#define POOL_PAGE_BLOCK_MIN 32
#define POOL_PAGE_WORDS (POOL_PAGE_BYTES / POOL_PAGE_BLOCK_MIN / 64)

/* In a list of its owner's. */
struct pool_link {
    struct pool_link *next, *previous;
};

/* One page, or a run of some where the blocks are large. */
struct pool_page {
    _Alignas(64) struct pool_link link;
    uint32_t block_bytes;
    uint16_t blocks;
    uint16_t free;       /* of them */
    uint8_t pages;       /* in the run */
    uint8_t before;      /* how many pages of its run lie before this one */
    uint16_t size_class; /* the owner's */
    uint64_t free_bits[POOL_PAGE_WORDS];
};

struct pool_slab;

/* All of it; zero and `bytes_max` is a valid start. */
struct pool_pages {
    uint64_t bytes_max;
    _Atomic uint64_t bytes;       /* counted against `bytes_max`; written under the lock */
    struct pool_slab *slabs;      /* the newest first, which alone may have unopened pages */
    struct pool_slab *with_pages; /* those that have free pages */
};

/* Where a block lies. */
struct pool_place {
    struct pool_page *page;
    unsigned index;
};

void pool_pages_deinit(struct pool_pages *pages);

/* A page all of whose blocks are free and poisoned; NULL at the budget or without memory. */
struct pool_page *pool_page_new(struct pool_pages *pages, unsigned size_class, size_t block_bytes);

/* Gives back a page all of whose blocks are free. */
void pool_page_free(struct pool_pages *pages, struct pool_page *page);

/* Takes up to `count_max` free blocks, the lowest first; the answer is how many. Touches none. */
unsigned pool_page_take(struct pool_page *page, void **blocks, unsigned count_max);

/* Where a block in use lies. Needs no lock: its page does not change while it is in use. */
struct pool_place pool_page_place(void *block);

/* Makes the block at a place free. */
void pool_page_give(struct pool_place place);

#endif
