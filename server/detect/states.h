/* SPDX-License-Identifier: MIT
 *
 * Where the states of the method auto live: for each kind a growing row of chunks, addressed by
 * identity->index and the statistic's slot like baselines, but in smaller chunks and within a
 * budget of bytes: states take 1.2 KiB where baselines take 16 bytes. What the budget has no room
 * for has no state, whoever came first keeps his; room is given back by states_deinit() only.
 *
 * One thread at a time.
 */
#ifndef SERVER_DETECT_STATES_H
#define SERVER_DETECT_STATES_H

#include <stddef.h>
#include <stdint.h>

#include "server/detect/auto.h"
#include "server/detect/baselines.h"

#define STATES_CHUNK_BITS 6
#define STATES_CHUNK_SERIES (1u << STATES_CHUNK_BITS)

struct states_kind {
    struct auto_state **chunks; /* NULL where no index came yet */
    size_t count;
};

/* All zero is empty. */
struct states {
    struct states_kind kinds[METRIC_KINDS];
    size_t bytes; /* taken from the system */
};

void states_deinit(struct states *states);

/* Makes room for the index where that takes `states` to no more than `bytes_max`. NULL at the
 * budget or without memory. */
struct auto_state *states_add(struct states *states, enum metric_kind kind, uint32_t index,
                              unsigned slot, size_t bytes_max);

/* The state of a statistic, fresh (all zero) where nothing was learnt yet; NULL where there is no
 * room. */
static inline struct auto_state *states_find(const struct states *states, enum metric_kind kind,
                                             uint32_t index, unsigned slot)
{
    const struct states_kind *of_kind = &states->kinds[kind];
    size_t number = index >> STATES_CHUNK_BITS;
    struct auto_state *chunk = number < of_kind->count ? of_kind->chunks[number] : NULL;
    size_t width = kind == METRIC_TIMER ? BASELINES_SLOTS_MAX : 1;
    return chunk != NULL ? &chunk[(index & (STATES_CHUNK_SERIES - 1)) * width + slot] : NULL;
}

#endif
