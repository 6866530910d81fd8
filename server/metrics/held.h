/* SPDX-License-Identifier: MIT
 *
 * Which series of one kind a worker leads to: a bit by the registry's index, and, where spellings
 * have records of their own, the first line of their chain. The worker's alone.
 */
#ifndef SERVER_METRICS_HELD_H
#define SERVER_METRICS_HELD_H

#include <stdbool.h>
#include <stdint.h>

#define HELD_CHUNK 1024

struct held_chunk {
    uint64_t bits[HELD_CHUNK / 64];
    uint32_t *chains; /* HELD_CHUNK of them; NULL until there is one */
};

struct held {
    struct held_chunk **chunks;
    uint32_t chunks_max;
    uint32_t end; /* above every index that was ever held */
};

/* False without memory. Indexes stay below `count_max`. */
bool held_init(struct held *held, uint64_t count_max);
void held_deinit(struct held *held);

/* Makes sure that this index can be held. False without memory. */
bool held_reserve(struct held *held, uint32_t index);

/* Of an index that was reserved. */
void held_put(struct held *held, uint32_t index);
void held_drop(struct held *held, uint32_t index);

bool held_has(const struct held *held, uint32_t index);

/* The place of the chain's first line (LINES_NONE where there is no chain) of a reserved index;
 * held_chain() makes room for it and is NULL without memory, the other NULL without room. */
uint32_t *held_chain(struct held *held, uint32_t index);
uint32_t *held_chain_if_any(const struct held *held, uint32_t index);

#endif
