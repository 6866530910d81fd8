/* SPDX-License-Identifier: MIT */
#include "server/detect/states.h"

#include <stdlib.h>

static bool grow(struct states *states, struct states_kind *kind, size_t number, size_t bytes_max)
{
    size_t count = number + 1 + kind->count / 2;
    size_t bytes = (count - kind->count) * sizeof(struct auto_state *);
    struct auto_state **chunks = states->bytes + bytes <= bytes_max
                                     ? realloc(kind->chunks, count * sizeof(struct auto_state *))
                                     : NULL;
    if (chunks == NULL) {
        return false;
    }
    for (size_t i = kind->count; i < count; i++) {
        chunks[i] = NULL;
    }
    states->bytes += bytes;
    kind->chunks = chunks;
    kind->count = count;
    return true;
}

static void add_chunk(struct states *states, enum metric_kind kind, size_t number, size_t bytes_max)
{
    size_t count = (size_t)STATES_CHUNK_SERIES * baselines_slot_count(kind);
    size_t bytes = count * sizeof(struct auto_state);
    if (states->bytes + bytes > bytes_max) {
        return;
    }
    struct auto_state *chunk = calloc(count, sizeof(*chunk));
    states->kinds[kind].chunks[number] = chunk;
    states->bytes += chunk != NULL ? bytes : 0;
}

struct auto_state *states_add(struct states *states, enum metric_kind kind, uint32_t index,
                              unsigned slot, size_t bytes_max)
{
    struct states_kind *of_kind = &states->kinds[kind];
    size_t number = index >> STATES_CHUNK_BITS;
    if (number >= of_kind->count && !grow(states, of_kind, number, bytes_max)) {
        return NULL;
    }
    if (of_kind->chunks[number] == NULL) {
        add_chunk(states, kind, number, bytes_max);
    }
    return states_find(states, kind, index, slot);
}

void states_deinit(struct states *states)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (size_t i = 0; i < states->kinds[kind].count; i++) {
            free(states->kinds[kind].chunks[i]);
        }
        free(states->kinds[kind].chunks);
    }
    *states = (struct states){0};
}
