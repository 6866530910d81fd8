/* SPDX-License-Identifier: MIT
 *
 * What malloc() says of itself (mallinfo2(3)): sketches, sets and names come from the pool and are
 * not in it. Walks malloc's lists of free blocks under their locks: tens of microseconds. Where
 * another malloc takes the place of glibc's, the figures are 0. Any thread.
 */
#ifndef SERVER_RESOURCES_ALLOCATOR_H
#define SERVER_RESOURCES_ALLOCATOR_H

#include <stdint.h>

struct allocator_figures {
    uint64_t used_bytes; /* in blocks that are in use, those mapped on their own included */
    uint64_t free_bytes; /* held, in no block */
};

void allocator_figures_read(struct allocator_figures *figures);

#endif
