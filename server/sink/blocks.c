/* SPDX-License-Identifier: MIT */
#include "server/sink/blocks.h"

#include <stdlib.h>
#include <string.h>

char *blocks_begin(struct blocks *blocks, size_t room)
{
    size_t capacity = room > BLOCK_BYTES ? room : BLOCK_BYTES;
    struct block *block = blocks->failed ? NULL : malloc(sizeof(*block) + capacity);
    if (!block) {
        blocks->failed = true;
        return NULL;
    }
    block->next = NULL;
    block->length = 0;
    block->capacity = capacity;
    if (blocks->last) {
        blocks->last->next = block;
    } else {
        blocks->first = block;
    }
    blocks->last = block;
    return block->bytes;
}

char *blocks_room(struct blocks *blocks, size_t room)
{
    struct block *last = blocks->last;
    if (last && last->capacity - last->length >= room && !blocks->failed) {
        return last->bytes + last->length;
    }
    return blocks_begin(blocks, room);
}

void blocks_finish(struct blocks *blocks)
{
    struct block *last = blocks->last;
    if (!last) {
        return;
    }
    struct block **link = &blocks->first;
    while (*link != last) {
        link = &(*link)->next;
    }
    struct block *cut = realloc(last, sizeof(*last) + last->length);
    if (cut) {
        cut->capacity = cut->length;
        *link = cut;
        blocks->last = cut;
    }
}

size_t blocks_memory(const struct blocks *blocks)
{
    size_t bytes = 0;
    for (const struct block *block = blocks->first; block; block = block->next) {
        bytes += sizeof(*block) + block->capacity;
    }
    return bytes;
}

void blocks_deinit(struct blocks *blocks)
{
    while (blocks->first) {
        struct block *next = blocks->first->next;
        free(blocks->first);
        blocks->first = next;
    }
    *blocks = (struct blocks){0};
}

size_t blocks_resume(const struct blocks *blocks, size_t offset, bool whole_blocks)
{
    const struct block *block = blocks->first;
    size_t start = 0;
    while (block && offset - start >= block->length) {
        start += block->length;
        block = block->next;
    }
    if (!block || whole_blocks) {
        return start;
    }
    const char *end = memrchr(block->bytes, '\n', offset - start);
    return end ? start + (size_t)(end + 1 - block->bytes) : start;
}
