/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384

struct memory_block {
    struct memory_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static struct memory_block *add_block(struct memory *memory, size_t size)
{
    struct memory_block *block = calloc(1, sizeof(*block) + size);
    if (block) {
        block->size = size;
        block->next = memory->blocks;
        memory->blocks = block;
    }
    return block;
}

void *memory_take(struct memory *memory, size_t bytes)
{
    size_t step = alignof(max_align_t);
    bytes = (bytes + step - 1) / step * step;
    struct memory_block *block = memory->blocks;
    if (!block || block->size - block->used < bytes) {
        block = add_block(memory, bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
    }
    if (!block) {
        return NULL;
    }
    block->used += bytes;
    return block->bytes + block->used - bytes;
}

char *memory_copy(struct memory *memory, const char *text, size_t length)
{
    char *copy = memory_take(memory, length + 1);
    return copy ? memcpy(copy, text, length) : NULL;
}

void memory_free(struct memory *memory)
{
    while (memory->blocks) {
        struct memory_block *next = memory->blocks->next;
        free(memory->blocks);
        memory->blocks = next;
    }
}
