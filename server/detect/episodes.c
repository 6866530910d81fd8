/* SPDX-License-Identifier: MIT
 *
 * A pool with a free list threaded through it.
 */
#include "server/detect/episodes.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16

static bool grow(struct episodes *episodes)
{
    uint32_t capacity = episodes->capacity == 0 ? FIRST_CAPACITY : episodes->capacity * 2;
    capacity = capacity < EPISODES_MAX ? capacity : EPISODES_MAX;
    if (capacity == episodes->capacity) {
        return false;
    }
    struct episode *items = realloc(episodes->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    episodes->items = items;
    episodes->capacity = capacity;
    return true;
}

uint16_t episodes_take(struct episodes *episodes)
{
    uint16_t handle = episodes->free;
    if (handle != 0) {
        episodes->free = episodes_at(episodes, handle)->next_free;
    } else if (episodes->made < episodes->capacity || grow(episodes)) {
        handle = (uint16_t)++episodes->made;
    } else {
        return 0;
    }
    episodes->active++;
    *episodes_at(episodes, handle) = (struct episode){0};
    return handle;
}

void episodes_give(struct episodes *episodes, uint16_t handle)
{
    struct episode *episode = episodes_at(episodes, handle);
    episode->baseline = NULL;
    episode->next_free = episodes->free;
    episodes->free = handle;
    episodes->active--;
}

void episodes_deinit(struct episodes *episodes)
{
    free(episodes->items);
    *episodes = (struct episodes){0};
}
