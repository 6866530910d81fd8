/* SPDX-License-Identifier: MIT
 *
 * A window as bytes: a chain of blocks into which it is rendered once and from which it is sent,
 * possibly to several receivers. Blocks are never moved while they grow, so that a large window
 * costs its own size and no more. What is asked for as one room lies in one block: a line, or the
 * frame that a receiver takes as a whole, never spans two.
 *
 * One thread at a time fills it; once it is finished it does not change and may be read by others.
 */
#ifndef SERVER_SINK_BLOCKS_H
#define SERVER_SINK_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

/* Room in a block; one that is asked for more has that. */
#define BLOCK_BYTES ((size_t)64 * 1024)

struct block {
    struct block *next;
    size_t length;
    size_t capacity;
    char bytes[];
};

/* All zero is empty. */
struct blocks {
    struct block *first;
    struct block *last;
    size_t length; /* of all */
    bool failed;   /* memory ran out: later rooms are NULL */
};

/* At least `room` bytes at the end, to be written by the caller, who then says with blocks_add()
 * how many there are; NULL without memory. */
char *blocks_room(struct blocks *blocks, size_t room);

static inline void blocks_add(struct blocks *blocks, size_t written)
{
    blocks->last->length += written;
    blocks->length += written;
}

/* Begins a new block, of which `room` bytes may be had; NULL without memory. */
char *blocks_begin(struct blocks *blocks, size_t room);

/* Gives back what the last block does not use. */
void blocks_finish(struct blocks *blocks);

/* Bytes of memory that it takes. */
size_t blocks_memory(const struct blocks *blocks);

void blocks_deinit(struct blocks *blocks);

/* Where a receiver goes on that has `offset` bytes for certain: the byte behind the last LF before
 * it, or with `whole_blocks` the start of the block that it lies in. At most `offset`. */
size_t blocks_resume(const struct blocks *blocks, size_t offset, bool whole_blocks);

#endif
