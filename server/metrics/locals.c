/* SPDX-License-Identifier: MIT */
#include "server/metrics/locals.h"

#include <stdlib.h>

#include "server/core/lines.h"

bool locals_init(struct locals *locals, uint64_t count_max)
{
    *locals = (struct locals){.count_max = (uint32_t)count_max,
                              .chunks_max = (uint32_t)(count_max / LOCALS_CHUNK + 1)};
    locals->chunks = calloc(locals->chunks_max, sizeof(struct local_chunk *));
    locals->of_owner = calloc(locals->chunks_max, sizeof(uint32_t *));
    return locals->chunks && locals->of_owner;
}

void locals_deinit(struct locals *locals)
{
    for (uint32_t i = 0; i < locals->chunks_max; i++) {
        free(locals->chunks ? locals->chunks[i] : NULL);
        free(locals->of_owner ? locals->of_owner[i] : NULL);
    }
    free(locals->chunks);
    free(locals->of_owner);
    free(locals->free);
    *locals = (struct locals){0};
}

uint32_t locals_find(const struct locals *locals, uint32_t owner)
{
    const uint32_t *chunk = locals->of_owner[owner / LOCALS_CHUNK];
    return chunk ? chunk[owner % LOCALS_CHUNK] - 1 : LOCALS_NONE;
}

static bool reserve(struct locals *locals, uint32_t local, uint32_t owner)
{
    struct local_chunk **chunk = &locals->chunks[local / LOCALS_CHUNK];
    uint32_t **back = &locals->of_owner[owner / LOCALS_CHUNK];
    *chunk = *chunk ? *chunk : calloc(1, sizeof(struct local_chunk));
    *back = *back ? *back : calloc(LOCALS_CHUNK, sizeof(uint32_t));
    return *chunk && *back;
}

uint32_t locals_take(struct locals *locals, uint32_t owner)
{
    bool reused = locals->free_count > 0;
    if (!reused && locals->count >= locals->count_max) {
        return LOCALS_NONE;
    }
    uint32_t local = reused ? locals->free[locals->free_count - 1] : locals->count;
    if (!reserve(locals, local, owner)) {
        return LOCALS_NONE;
    }
    locals->free_count -= reused;
    locals->count += !reused;
    struct local_chunk *chunk = locals->chunks[local / LOCALS_CHUNK];
    atomic_store_explicit(&chunk->owner[local % LOCALS_CHUNK], owner, memory_order_relaxed);
    chunk->spelling[local % LOCALS_CHUNK] = LINES_NONE;
    locals->of_owner[owner / LOCALS_CHUNK][owner % LOCALS_CHUNK] = local + 1;
    return local;
}

void locals_hide(struct locals *locals, uint32_t local)
{
    uint32_t owner = locals_owner(locals, local);
    locals->of_owner[owner / LOCALS_CHUNK][owner % LOCALS_CHUNK] = 0;
}

void locals_give(struct locals *locals, uint32_t local)
{
    if (locals->free_count == locals->free_capacity) {
        uint32_t capacity = locals->free_capacity ? locals->free_capacity * 2 : 64;
        uint32_t *grown = realloc(locals->free, capacity * sizeof(*grown));
        if (!grown) {
            /* Then the id is lost, which costs its cells and nothing else. */
            return;
        }
        locals->free = grown;
        locals->free_capacity = capacity;
    }
    locals->free[locals->free_count++] = local;
}
