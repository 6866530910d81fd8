/* SPDX-License-Identifier: MIT
 *
 * A hash table from 32-bit hashes to 32-bit numbers: open addressing, linear probing, at most half
 * full, 8 bytes a slot. It knows no keys: the caller walks the slots whose hash matches and
 * compares. It grows in steps: for a while after an insertion that fills it, the slots of before
 * stand beside the new ones and move over a few at a time, so that no insertion costs much more
 * than another. One thread at a time.
 */
#ifndef SERVER_CORE_TABLE_H
#define SERVER_CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint32_t hash; /* 0 marks a free slot; table_hash() never gives it */
    uint32_t value;
};

struct table {
    struct table_slot *slots;
    size_t mask;
    size_t count;
    struct table_slot *before; /* of half the size, while slots move over; else NULL */
    size_t moved;              /* slots of `before` below this one have moved */
};

/* False without memory. */
bool table_init(struct table *table);
void table_deinit(struct table *table);

/* Enters a pair whose key is not in the table. False without memory: nothing is changed. Slot
 * pointers become invalid. */
bool table_insert(struct table *table, uint32_t hash, uint32_t value);

/* Removes a slot found by table_first() or table_next(); every slot pointer becomes invalid. */
void table_remove(struct table *table, struct table_slot *slot);

static inline uint32_t table_hash(uint64_t hash)
{
    uint32_t half = (uint32_t)hash;
    return half ? half : 1;
}

static inline struct table_slot *table_match(struct table_slot *slots, size_t mask, size_t at,
                                             uint32_t hash)
{
    for (at &= mask;; at = (at + 1) & mask) {
        if (slots[at].hash == hash) {
            return &slots[at];
        }
        if (slots[at].hash == 0) {
            return NULL;
        }
    }
}

/* Of the slots that have not moved yet. */
struct table_slot *table_match_before(const struct table *table, size_t at, uint32_t hash);

/* The first slot with this hash (as table_hash() gives it), NULL when there is none. */
static inline struct table_slot *table_first(const struct table *table, uint32_t hash)
{
    struct table_slot *slot = table_match(table->slots, table->mask, hash, hash);
    if (__builtin_expect(!slot && table->before, 0)) {
        slot = table_match_before(table, hash, hash);
    }
    return slot;
}

/* The next slot with the same hash behind `slot`. */
struct table_slot *table_next(const struct table *table, const struct table_slot *slot);

#endif
