/* SPDX-License-Identifier: MIT */
#include "server/core/table.h"

#include "server/core/large.h"

#define SLOTS_MIN 64

/* Slots of before that move with each insertion. Two would do to be done before the next growth. */
#define MOVES 16

static size_t slots_bytes(size_t slots)
{
    return slots * sizeof(struct table_slot);
}

static void free_before(struct table *table)
{
    large_give(table->before, slots_bytes((table->mask + 1) / 2));
    table->before = NULL;
}

bool table_init(struct table *table)
{
    *table =
        (struct table){.slots = large_take_cleared(slots_bytes(SLOTS_MIN)), .mask = SLOTS_MIN - 1};
    return table->slots != NULL;
}

void table_deinit(struct table *table)
{
    free_before(table);
    large_give(table->slots, slots_bytes(table->mask + 1));
    *table = (struct table){0};
}

static void place(struct table *table, struct table_slot entry)
{
    size_t at = entry.hash & table->mask;
    while (table->slots[at].hash != 0) {
        at = (at + 1) & table->mask;
    }
    table->slots[at] = entry;
}

/* Moved slots stay where they were, so that the runs of the others are not broken; lookups pass
 * them over by their place. */
static void move(struct table *table, size_t moves)
{
    size_t slots = (table->mask + 1) / 2;
    for (; table->before && moves > 0; moves--) {
        if (table->before[table->moved].hash != 0) {
            place(table, table->before[table->moved]);
        }
        if (++table->moved == slots) {
            free_before(table);
        }
    }
}

static bool grow(struct table *table)
{
    move(table, SIZE_MAX);
    size_t capacity = (table->mask + 1) * 2;
    struct table_slot *slots = large_take_cleared(slots_bytes(capacity));
    if (!slots) {
        return false;
    }
    table->before = table->slots;
    table->moved = 0;
    table->slots = slots;
    table->mask = capacity - 1;
    return true;
}

bool table_insert(struct table *table, uint32_t hash, uint32_t value)
{
    if ((table->count + 1) * 2 > table->mask + 1 && !grow(table)) {
        return false;
    }
    move(table, MOVES);
    place(table, (struct table_slot){hash, value});
    table->count++;
    return true;
}

struct table_slot *table_match_before(const struct table *table, size_t at, uint32_t hash)
{
    size_t mask = table->mask / 2;
    struct table_slot *slot = table_match(table->before, mask, at, hash);
    while (slot && (size_t)(slot - table->before) < table->moved) {
        slot = table_match(table->before, mask, (size_t)(slot - table->before) + 1, hash);
    }
    return slot;
}

static bool is_before(const struct table *table, const struct table_slot *slot)
{
    return table->before && slot >= table->before && slot <= table->before + table->mask / 2;
}

struct table_slot *table_next(const struct table *table, const struct table_slot *slot)
{
    if (is_before(table, slot)) {
        return table_match_before(table, (size_t)(slot - table->before) + 1, slot->hash);
    }
    size_t at = (size_t)(slot - table->slots);
    struct table_slot *next = table_match(table->slots, table->mask, at + 1, slot->hash);
    return next || !table->before ? next : table_match_before(table, slot->hash, slot->hash);
}

/* A slot of before has a twin among the new ones once all have moved. */
static struct table_slot *moved_twin(struct table *table, const struct table_slot *slot)
{
    struct table_slot wanted = *slot;
    move(table, SIZE_MAX);
    struct table_slot *twin = table_first(table, wanted.hash);
    while (twin->value != wanted.value) {
        twin = table_next(table, twin);
    }
    return twin;
}

/* Closes the gap by moving back every later slot of the run that would not be found past it, so
 * that no tombstones are needed (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
void table_remove(struct table *table, struct table_slot *slot)
{
    if (is_before(table, slot)) {
        slot = moved_twin(table, slot);
    }
    size_t gap = (size_t)(slot - table->slots);
    for (size_t at = (gap + 1) & table->mask; table->slots[at].hash != 0;
         at = (at + 1) & table->mask) {
        size_t home = table->slots[at].hash & table->mask;
        if (((at - home) & table->mask) >= ((at - gap) & table->mask)) {
            table->slots[gap] = table->slots[at];
            gap = at;
        }
    }
    table->slots[gap] = (struct table_slot){0};
    table->count--;
}
