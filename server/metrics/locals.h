/* SPDX-License-Identifier: MIT
 *
 * A worker's local ids of one kind: small and dense, one a series, and which series of the registry
 * each leads to, looked up both ways. The worker's, but for locals_owner(), which the flusher may
 * call too.
 */
#ifndef SERVER_METRICS_LOCALS_H
#define SERVER_METRICS_LOCALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOCALS_CHUNK 1024
#define LOCALS_NONE UINT32_MAX

struct local_chunk {
    _Atomic uint32_t owner[LOCALS_CHUNK]; /* index in the registry */
    uint32_t spelling[LOCALS_CHUNK];      /* first line of the chain of spellings */
};

struct locals {
    struct local_chunk **chunks;
    uint32_t **of_owner; /* by index in the registry: the local id and 1, or 0; chunks as well */
    uint32_t chunks_max;
    uint32_t count, count_max; /* ids ever used are below `count` */
    uint32_t *free;
    uint32_t free_count, free_capacity;
};

/* False without memory. Neither ids nor registry indexes reach `count_max`. */
bool locals_init(struct locals *locals, uint64_t count_max);
void locals_deinit(struct locals *locals);

/* The id that leads to this series, LOCALS_NONE when there is none. */
uint32_t locals_find(const struct locals *locals, uint32_t owner);

/* A free id, made to lead to this series, which no id leads to yet; LOCALS_NONE at a bound. */
uint32_t locals_take(struct locals *locals, uint32_t owner);

/* From now on locals_find() does not find this id; it stays reserved and leads where it did. */
void locals_hide(struct locals *locals, uint32_t local);

/* The id may be taken again. */
void locals_give(struct locals *locals, uint32_t local);

static inline uint32_t locals_owner(const struct locals *locals, uint32_t local)
{
    return atomic_load_explicit(&locals->chunks[local / LOCALS_CHUNK]->owner[local % LOCALS_CHUNK],
                                memory_order_relaxed);
}

static inline uint32_t *locals_spelling(const struct locals *locals, uint32_t local)
{
    return &locals->chunks[local / LOCALS_CHUNK]->spelling[local % LOCALS_CHUNK];
}

#endif
