/* SPDX-License-Identifier: MIT */
#include "server/core/table.h"

#include <stdlib.h>

#define SLOTS_MIN 64

bool table_init(struct table *table)
{
    *table = (struct table){.slots = calloc(SLOTS_MIN, sizeof(struct table_slot)),
                            .mask = SLOTS_MIN - 1};
    return table->slots != NULL;
}

void table_deinit(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

static void place(struct table_slot *slots, size_t mask, struct table_slot entry)
{
    size_t at = entry.hash & mask;
    while (slots[at].hash != 0) {
        at = (at + 1) & mask;
    }
    slots[at] = entry;
}

static bool grow(struct table *table)
{
    size_t capacity = (table->mask + 1) * 2;
    struct table_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i <= table->mask; i++) {
        if (table->slots[i].hash != 0) {
            place(slots, capacity - 1, table->slots[i]);
        }
    }
    free(table->slots);
    table->slots = slots;
    table->mask = capacity - 1;
    return true;
}

bool table_insert(struct table *table, uint64_t hash, uint32_t id, uint32_t state)
{
    if ((table->count + 1) * 2 > table->mask + 1 && !grow(table)) {
        return false;
    }
    place(table->slots, table->mask, (struct table_slot){hash, id, state});
    table->count++;
    return true;
}

/* Closes the gap by moving back every later slot of the run that would not be found past it, so
 * that no tombstones are needed (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
void table_remove(struct table *table, struct table_slot *slot)
{
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
