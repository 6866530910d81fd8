/* SPDX-License-Identifier: MIT */
#include "server/core/large.h"

#include <stdlib.h>
#include <sys/mman.h>

void *large_take(size_t bytes)
{
    if (bytes < LARGE_BYTES_MIN) {
        /* malloc(0) may answer NULL, which here would look like a lack of memory. */
        return malloc(bytes ? bytes : 1);
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    /* Advice only: a kernel without huge pages refuses it, and small ones do. */
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void large_give(void *memory, size_t bytes)
{
    if (bytes < LARGE_BYTES_MIN) {
        free(memory);
    } else if (memory) {
        munmap(memory, bytes);
    }
}
