/* SPDX-License-Identifier: MIT */
#include "server/core/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    /* Advice only: a kernel without huge pages refuses it, and small ones do. */
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void *large_take(size_t bytes)
{
    /* malloc(0) may answer NULL, which here would look like a lack of memory. */
    return bytes < LARGE_BYTES_MIN ? malloc(bytes ? bytes : 1) : map(bytes);
}

void *large_take_cleared(size_t bytes)
{
    return bytes < LARGE_BYTES_MIN ? calloc(1, bytes ? bytes : 1) : map(bytes);
}

void large_give(void *memory, size_t bytes)
{
    if (bytes < LARGE_BYTES_MIN) {
        free(memory);
    } else if (memory) {
        munmap(memory, bytes);
    }
}

void large_advise(void *memory, size_t bytes)
{
    const uintptr_t page = 4096;
    if (bytes >= LARGE_BYTES_MIN) {
        uintptr_t begin = ((uintptr_t)memory + page - 1) & ~(page - 1);
        uintptr_t end = ((uintptr_t)memory + bytes) & ~(page - 1);
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    }
}
