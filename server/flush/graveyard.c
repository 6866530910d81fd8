/* SPDX-License-Identifier: MIT */
#include "server/flush/graveyard.h"

#include <stdlib.h>
#include <string.h>

void graveyard_init(struct graveyard *graveyard, struct registry *registry,
                    struct pool_cache *cache)
{
    *graveyard = (struct graveyard){.registry = registry, .cache = cache};
}

void graveyard_deinit(struct graveyard *graveyard)
{
    graveyard_sweep(graveyard, UINT64_MAX);
    free(graveyard->graves);
    graveyard->graves = NULL;
}

void graveyard_bury(struct graveyard *graveyard, enum grave_kind kind, void *body,
                    uint64_t sequence)
{
    if (!body) {
        return;
    }
    if (graveyard->count == graveyard->capacity) {
        size_t capacity = graveyard->capacity ? graveyard->capacity * 2 : 256;
        struct grave *grown = realloc(graveyard->graves, capacity * sizeof(*grown));
        if (!grown) {
            return;
        }
        graveyard->graves = grown;
        graveyard->capacity = capacity;
    }
    graveyard->graves[graveyard->count++] = (struct grave){sequence, body, kind};
}

static void free_body(struct graveyard *graveyard, struct grave *grave)
{
    if (grave->kind == GRAVE_IDENTITY) {
        registry_free_identity(graveyard->registry, grave->body);
    } else if (grave->kind == GRAVE_SKETCH) {
        struct sketch *sketch = grave->body;
        sketch_free(&sketch, graveyard->cache);
    } else {
        struct set *set = grave->body;
        set_free(&set, graveyard->cache);
    }
}

void graveyard_sweep(struct graveyard *graveyard, uint64_t oldest_alive)
{
    size_t done = 0;
    while (done < graveyard->count && graveyard->graves[done].sequence <= oldest_alive) {
        free_body(graveyard, &graveyard->graves[done++]);
    }
    graveyard->count -= done;
    if (done > 0) {
        memmove(graveyard->graves, graveyard->graves + done,
                graveyard->count * sizeof(*graveyard->graves));
    }
}
