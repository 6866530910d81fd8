/* SPDX-License-Identifier: MIT
 *
 * A slab is address space, aligned to its size, that is opened from low to high as the pool grows:
 * the rest is not there for the kernel, which therefore does not make a huge page of it too early.
 * Slabs go back to the system with the pool only.
 */
#include "server/core/pool_page.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "server/core/pool_poison.h"
#include "server/core/require.h"

#define SLAB_BYTES ((size_t)2 * 1024 * 1024)
#define SLAB_PAGES ((unsigned)(SLAB_BYTES / POOL_PAGE_BYTES))
#define OPEN_BYTES_MIN ((uint64_t)64 * 1024)

/* The first page of a slab. That one is never free and has no description of its own. */
struct pool_slab {
    struct pool_slab *next;
    struct pool_slab *next_with_pages;
    unsigned opened; /* pages from the start that memory was asked for */
    unsigned free;
    uint64_t free_bits[SLAB_PAGES / 64];
    struct pool_page pages[SLAB_PAGES - 1];
};

_Static_assert(sizeof(struct pool_slab) <= POOL_PAGE_BYTES, "a slab is described by a page");

static struct pool_slab *slab_of(const void *memory)
{
    return (struct pool_slab *)((uintptr_t)memory & ~(uintptr_t)(SLAB_BYTES - 1));
}

static unsigned number_of(const struct pool_page *page)
{
    return (unsigned)(page - slab_of(page)->pages) + 1;
}

static char *memory_of(const struct pool_page *page)
{
    return (char *)slab_of(page) + (size_t)number_of(page) * POOL_PAGE_BYTES;
}

void pool_pages_deinit(struct pool_pages *pages)
{
    for (struct pool_slab *slab = pages->slabs; slab;) {
        struct pool_slab *next = slab->next;
        pool_unpoison(slab, slab->opened * (size_t)POOL_PAGE_BYTES);
        REQUIRE(munmap(slab, SLAB_BYTES) == 0);
        slab = next;
    }
    pages->slabs = pages->with_pages = NULL;
}

/* Address space for a slab. The kernel places mappings downwards: what is kept is the highest slab
 * in twice as much, so that slabs lie side by side. */
static struct pool_slab *slab_reserve(void)
{
    char *memory =
        mmap(NULL, 2 * SLAB_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    size_t after = (uintptr_t)memory & (SLAB_BYTES - 1);
    char *slab = memory + SLAB_BYTES - after;
    REQUIRE(munmap(memory, (size_t)(slab - memory)) == 0);
    REQUIRE(after == 0 || munmap(slab + SLAB_BYTES, after) == 0);
    return (struct pool_slab *)(void *)slab;
}

/* Makes used pages free or free pages used. */
static void mark(struct pool_pages *pages, struct pool_slab *slab, unsigned begin, unsigned end,
                 bool to_free)
{
    for (unsigned i = begin; i < end; i++) {
        slab->free_bits[i / 64] ^= UINT64_C(1) << i % 64;
    }
    if (to_free) {
        if (slab->free == 0) {
            slab->next_with_pages = pages->with_pages;
            pages->with_pages = slab;
        }
        slab->free += end - begin;
    } else {
        slab->free -= end - begin;
    }
}

static uint64_t pages_held(const struct pool_pages *pages)
{
    return atomic_load_explicit(&pages->bytes, memory_order_relaxed);
}

/* How many pages to ask of the system: few at first, more as the pool grows, at least `count`, and
 * what the budget leaves. */
static unsigned pages_to_open(const struct pool_pages *pages, unsigned count)
{
    uint64_t held = pages_held(pages);
    uint64_t left = (pages->bytes_max - held) / POOL_PAGE_BYTES;
    uint64_t bytes = held / 8 < OPEN_BYTES_MIN ? OPEN_BYTES_MIN
                     : held / 8 > SLAB_BYTES   ? SLAB_BYTES
                                               : held / 8;
    uint64_t open = bytes / POOL_PAGE_BYTES;
    open = open < count ? count : open;
    return (unsigned)(open < left ? open : left);
}

/* Asks the system for the pages from `begin` to `end`; from 0 on is what makes it a slab. */
static bool slab_open(struct pool_pages *pages, struct pool_slab *slab, unsigned begin,
                      unsigned end)
{
    size_t bytes = (end - begin) * (size_t)POOL_PAGE_BYTES;
    char *memory = (char *)slab + begin * (size_t)POOL_PAGE_BYTES;
    if (mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    pool_poison(memory, bytes);
    if (begin == 0) {
        pool_unpoison(slab, sizeof *slab);
        slab->next = pages->slabs;
        pages->slabs = slab;
    }
    slab->opened = end;
    mark(pages, slab, begin > 0 ? begin : 1, end, true);
    atomic_store_explicit(&pages->bytes, pages_held(pages) + bytes, memory_order_relaxed);
    return true;
}

/* Opens pages of the newest slab, of a new one when there are none left. Perhaps fewer than
 * `count`; false when none. */
static bool pages_open(struct pool_pages *pages, unsigned count)
{
    struct pool_slab *slab = pages->slabs;
    if (slab && slab->opened < SLAB_PAGES) {
        unsigned open = pages_to_open(pages, count), left = SLAB_PAGES - slab->opened;
        return open > 0 &&
               slab_open(pages, slab, slab->opened, slab->opened + (open < left ? open : left));
    }
    unsigned open = pages_to_open(pages, count + 1);
    slab = open < 2 ? NULL : slab_reserve();
    if (!slab) {
        return false;
    }
    bool opened = slab_open(pages, slab, 0, open);
    REQUIRE(opened || munmap(slab, SLAB_BYTES) == 0);
    return opened;
}

/* The lowest run of free pages; 0 when there is none. */
static unsigned slab_find(const struct pool_slab *slab, unsigned run)
{
    unsigned length = 0;
    for (unsigned i = 1; i < slab->opened; i++) {
        length = slab->free_bits[i / 64] >> i % 64 & 1 ? length + 1 : 0;
        if (length == run) {
            return i + 1 - run;
        }
    }
    return 0;
}

static struct pool_page *run_find(struct pool_pages *pages, unsigned run)
{
    for (struct pool_slab **at = &pages->with_pages; *at; at = &(*at)->next_with_pages) {
        struct pool_slab *slab = *at;
        unsigned first = slab->free < run ? 0 : slab_find(slab, run);
        if (first > 0) {
            mark(pages, slab, first, first + run, false);
            *at = slab->free > 0 ? slab : slab->next_with_pages;
            return &slab->pages[first - 1];
        }
    }
    return NULL;
}

static struct pool_page *run_take(struct pool_pages *pages, unsigned run)
{
    struct pool_page *page = run_find(pages, run);
    while (!page && pages_open(pages, run)) {
        page = run_find(pages, run);
    }
    return page;
}

/* The shortest run of which at most an eighth is lost. */
static unsigned run_for(size_t block_bytes)
{
    unsigned run = 1;
    while (run * (size_t)POOL_PAGE_BYTES % block_bytes > run * (size_t)POOL_PAGE_BYTES / 8) {
        run++;
    }
    return run;
}

struct pool_page *pool_page_new(struct pool_pages *pages, unsigned size_class, size_t block_bytes)
{
    unsigned run = run_for(block_bytes);
    unsigned shortest = (unsigned)((block_bytes + POOL_PAGE_BYTES - 1) / POOL_PAGE_BYTES);
    struct pool_page *page = run_take(pages, run);
    while (!page && run > shortest) {
        page = run_take(pages, --run);
    }
    if (!page) {
        return NULL;
    }
    for (unsigned i = 0; i < run; i++) {
        page[i].before = (uint8_t)i;
    }
    page->block_bytes = (uint32_t)block_bytes;
    page->blocks = page->free = (uint16_t)(run * (size_t)POOL_PAGE_BYTES / block_bytes);
    page->pages = (uint8_t)run;
    page->size_class = (uint16_t)size_class;
    for (unsigned word = 0; word * 64 < page->blocks; word++) {
        unsigned bits = page->blocks - word * 64;
        page->free_bits[word] = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
    }
    return page;
}

void pool_page_free(struct pool_pages *pages, struct pool_page *page)
{
    REQUIRE(page->free == page->blocks);
    unsigned first = number_of(page);
    mark(pages, slab_of(page), first, first + page->pages, true);
}

unsigned pool_page_take(struct pool_page *page, void **blocks, unsigned count_max)
{
    char *memory = memory_of(page);
    unsigned count = 0;
    for (unsigned word = 0; count < count_max && word * 64 < page->blocks; word++) {
        uint64_t bits = page->free_bits[word];
        for (; bits && count < count_max; bits &= bits - 1) {
            size_t index = word * 64 + (unsigned)__builtin_ctzll(bits);
            blocks[count++] = memory + index * page->block_bytes;
        }
        page->free_bits[word] = bits;
    }
    page->free = (uint16_t)(page->free - count);
    return count;
}

struct pool_place pool_page_place(void *block)
{
    struct pool_slab *slab = slab_of(block);
    size_t offset = (size_t)((char *)block - (char *)slab);
    struct pool_page *page = &slab->pages[offset / POOL_PAGE_BYTES - 1];
    page -= page->before;
    return (struct pool_place){
        .page = page,
        .index = (uint32_t)((char *)block - memory_of(page)) / page->block_bytes,
    };
}

void pool_page_give(struct pool_place place)
{
    uint64_t *word = &place.page->free_bits[place.index / 64];
    uint64_t bit = UINT64_C(1) << place.index % 64;
    REQUIRE(!(*word & bit));
    *word |= bit;
    place.page->free++;
}
