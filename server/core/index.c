/* SPDX-License-Identifier: MIT */
#include "server/core/index.h"

#include <stdlib.h>

bool index_init(struct index *index)
{
    *index = (struct index){0};
    return table_init(&index->table);
}

void index_deinit(struct index *index)
{
    table_deinit(&index->table);
    free(index->items);
    *index = (struct index){0};
}

static bool grow(struct index *index)
{
    uint32_t capacity = index->capacity ? index->capacity * 2 : 64;
    union index_item *grown = realloc(index->items, capacity * sizeof(*grown));
    if (grown) {
        index->items = grown;
        index->capacity = capacity;
    }
    return grown != NULL;
}

bool index_insert(struct index *index, uint32_t hash, void *pointer)
{
    uint32_t at = index->free;
    bool fresh = at == index->count;
    if ((fresh && at == index->capacity && !grow(index)) ||
        !table_insert(&index->table, hash, at)) {
        return false;
    }
    index->free = fresh ? at + 1 : index->items[at].next_free;
    index->count += fresh;
    index->items[at].pointer = pointer;
    return true;
}

void index_remove(struct index *index, uint32_t hash, const void *pointer)
{
    struct table_slot *slot = index_first(index, hash);
    while (slot && index_at(index, slot) != pointer) {
        slot = index_next(index, slot);
    }
    if (slot) {
        uint32_t at = slot->value;
        table_remove(&index->table, slot);
        index->items[at].next_free = index->free;
        index->free = at;
    }
}
