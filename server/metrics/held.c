/* SPDX-License-Identifier: MIT */
#include "server/metrics/held.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/lines.h"

_Static_assert(LINES_NONE == UINT32_MAX, "chains are cleared by bytes");

bool held_init(struct held *held, uint64_t count_max)
{
    *held = (struct held){.chunks_max = (uint32_t)(count_max / HELD_CHUNK + 1)};
    held->chunks = calloc(held->chunks_max, sizeof(struct held_chunk *));
    return held->chunks != NULL;
}

void held_deinit(struct held *held)
{
    for (uint32_t i = 0; held->chunks && i < held->chunks_max; i++) {
        if (held->chunks[i]) {
            free(held->chunks[i]->chains);
            free(held->chunks[i]);
        }
    }
    free(held->chunks);
    *held = (struct held){0};
}

static struct held_chunk *chunk_of(const struct held *held, uint32_t index)
{
    return held->chunks[index / HELD_CHUNK];
}

bool held_reserve(struct held *held, uint32_t index)
{
    struct held_chunk **chunk = &held->chunks[index / HELD_CHUNK];
    if (!*chunk) {
        *chunk = calloc(1, sizeof(struct held_chunk));
    }
    return *chunk != NULL;
}

void held_put(struct held *held, uint32_t index)
{
    uint32_t at = index % HELD_CHUNK;
    chunk_of(held, index)->bits[at / 64] |= UINT64_C(1) << (at % 64);
    held->end = held->end > index ? held->end : index + 1;
}

void held_drop(struct held *held, uint32_t index)
{
    uint32_t at = index % HELD_CHUNK;
    chunk_of(held, index)->bits[at / 64] &= ~(UINT64_C(1) << (at % 64));
}

bool held_has(const struct held *held, uint32_t index)
{
    const struct held_chunk *chunk = chunk_of(held, index);
    uint32_t at = index % HELD_CHUNK;
    return chunk && (chunk->bits[at / 64] >> (at % 64) & 1);
}

uint32_t *held_chain(struct held *held, uint32_t index)
{
    struct held_chunk *chunk = chunk_of(held, index);
    if (!chunk->chains) {
        chunk->chains = malloc(HELD_CHUNK * sizeof(uint32_t));
        if (chunk->chains) {
            memset(chunk->chains, 0xff, HELD_CHUNK * sizeof(uint32_t));
        }
    }
    return held_chain_if_any(held, index);
}

uint32_t *held_chain_if_any(const struct held *held, uint32_t index)
{
    const struct held_chunk *chunk = chunk_of(held, index);
    return chunk->chains ? &chunk->chains[index % HELD_CHUNK] : NULL;
}
