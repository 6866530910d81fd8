/* SPDX-License-Identifier: MIT
 *
 * A hash table from 32-bit hashes to pointers: a table of positions in a list of pointers. Like the
 * table it knows no keys. One thread at a time.
 */
#ifndef SERVER_CORE_INDEX_H
#define SERVER_CORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/table.h"

union index_item {
    void *pointer;
    uint32_t next_free;
};

struct index {
    struct table table;
    union index_item *items;
    uint32_t count, capacity; /* positions ever used are below `count` */
    uint32_t free;            /* the head of the list of free positions; `count` at its end */
};

/* False without memory. */
bool index_init(struct index *index);
void index_deinit(struct index *index);

/* Enters a pointer under a hash of table_hash(). False without memory: nothing is changed. */
bool index_insert(struct index *index, uint32_t hash, void *pointer);

/* Takes it out again; nothing happens where it is not in. */
void index_remove(struct index *index, uint32_t hash, const void *pointer);

static inline struct table_slot *index_first(const struct index *index, uint32_t hash)
{
    return table_first(&index->table, hash);
}

static inline struct table_slot *index_next(const struct index *index,
                                            const struct table_slot *slot)
{
    return table_next(&index->table, slot);
}

static inline void *index_at(const struct index *index, const struct table_slot *slot)
{
    return index->items[slot->value].pointer;
}

#endif
