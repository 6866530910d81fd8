/* SPDX-License-Identifier: MIT
 *
 * A hash table from 64-bit hashes to a pair of 32-bit numbers: open addressing, linear probing, at
 * most half full, 16 bytes a slot. It knows no keys: the caller walks the slots whose hash matches
 * and compares. One thread at a time.
 */
#ifndef SERVER_CORE_TABLE_H
#define SERVER_CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t hash; /* 0 marks a free slot; table_hash() never gives it */
    uint32_t id;
    uint32_t state;
};

struct table {
    struct table_slot *slots;
    size_t mask;
    size_t count;
};

/* False without memory. */
bool table_init(struct table *table);
void table_deinit(struct table *table);

/* Enters a pair whose key is not in the table. False without memory: nothing is changed. */
bool table_insert(struct table *table, uint64_t hash, uint32_t id, uint32_t state);

/* Removes a slot found by table_first() or table_next(); every other slot pointer becomes invalid.
 */
void table_remove(struct table *table, struct table_slot *slot);

static inline uint64_t table_hash(uint64_t hash)
{
    return hash ? hash : 1;
}

static inline struct table_slot *table_match(const struct table *table, size_t at, uint64_t hash)
{
    for (;; at = (at + 1) & table->mask) {
        struct table_slot *slot = &table->slots[at];
        if (slot->hash == hash) {
            return slot;
        }
        if (slot->hash == 0) {
            return NULL;
        }
    }
}

/* The first slot with this hash (as table_hash() gives it), NULL when there is none. */
static inline struct table_slot *table_first(const struct table *table, uint64_t hash)
{
    return table_match(table, hash & table->mask, hash);
}

/* The next slot with the same hash behind `slot`. */
static inline struct table_slot *table_next(const struct table *table,
                                            const struct table_slot *slot)
{
    size_t at = (size_t)(slot - table->slots);
    return table_match(table, (at + 1) & table->mask, slot->hash);
}

#endif
