/* SPDX-License-Identifier: MIT
 *
 * Where the baselines live: for each kind a growing row of chunks, addressed by identity->index and
 * the statistic's slot. A chunk never moves, so pointers to baselines stay valid until
 * baselines_deinit(). Chunks come with the highest index seen and are not given back: their number
 * is bounded by limits.max_series. It stores and finds, and judges nothing.
 *
 * One thread at a time.
 */
#ifndef SERVER_DETECT_BASELINES_H
#define SERVER_DETECT_BASELINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/detect/sigma.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

#define BASELINES_CHUNK_BITS 10
#define BASELINES_CHUNK_SERIES (1u << BASELINES_CHUNK_BITS)
#define BASELINES_SLOTS_MAX 3

/* What is kept of a series beside its baselines. */
struct baselines_series {
    uint32_t generation; /* of the identity that the baselines belong to */
    /* Counters and timers. Positive: windows in a row with samples. Negative: seconds of silence,
     * with the sign turned, of a series that was regular before. 0: silent, and not regular before.
     */
    float presence;
};

struct baselines_chunk {
    struct baselines_series series[BASELINES_CHUNK_SERIES];
    uint8_t classes[BASELINES_CHUNK_SERIES]; /* the keeper's own, 0 in a new entry */
    uint32_t *held;          /* the keeper's own, one a slot; NULL until baselines_make_held() */
    struct baseline slots[]; /* the kind's number of slots for each series, next to each other */
};

struct baselines_place {
    struct baselines_chunk *chunk; /* NULL where no index came yet */
};

struct baselines_kind {
    struct baselines_place *places;
    size_t place_count;
};

/* All zero is empty. */
struct baselines {
    struct baselines_kind kinds[METRIC_KINDS];
    size_t bytes; /* taken from the system */
};

struct baselines_entry {
    struct baselines_series *series; /* NULL: there is none */
    struct baseline *slots;
    struct baselines_chunk *chunk; /* that both are in */
};

void baselines_deinit(struct baselines *baselines);

/* Makes room for a number beside each slot of the entry's chunk, 0 at first. False without memory.
 */
bool baselines_make_held(struct baselines *baselines, enum metric_kind kind,
                         const struct baselines_entry *entry);

/* Sets the classes of all entries to 0. */
void baselines_clear_classes(struct baselines *baselines);

/* Statistics of a kind; slots[0] to slots[count - 1] of an entry. */
unsigned baselines_slot_count(enum metric_kind kind);

/* The slot of a statistic that the kind has: counters rate; gauges value; timers mean, p99, rate;
 * sets unique. */
unsigned baselines_slot(enum metric_kind kind, enum statistic statistic);
enum statistic baselines_statistic(enum metric_kind kind, unsigned slot);

/* Makes room for the index. The entry's series is NULL without memory. */
struct baselines_entry baselines_add(struct baselines *baselines, enum metric_kind kind,
                                     uint32_t index);

/* The number beside a slot of the entry; NULL where no room was made. */
static inline uint32_t *baselines_held(const struct baselines_entry *entry,
                                       const struct baseline *slot)
{
    uint32_t *held = entry->chunk->held;
    return held != NULL ? &held[slot - entry->chunk->slots] : NULL;
}

/* The class of the entry's series. */
static inline uint8_t *baselines_class(const struct baselines_entry *entry)
{
    return &entry->chunk->classes[entry->series - entry->chunk->series];
}

/* The entry at an index, all zero where nothing was stored yet; its series is NULL where there is
 * no room. */
static inline struct baselines_entry baselines_find(const struct baselines *baselines,
                                                    enum metric_kind kind, uint32_t index)
{
    const struct baselines_kind *of_kind = &baselines->kinds[kind];
    size_t number = index >> BASELINES_CHUNK_BITS;
    struct baselines_chunk *chunk =
        number < of_kind->place_count ? of_kind->places[number].chunk : NULL;
    if (chunk == NULL) {
        return (struct baselines_entry){0};
    }
    size_t offset = index & (BASELINES_CHUNK_SERIES - 1);
    size_t width = kind == METRIC_TIMER ? BASELINES_SLOTS_MAX : 1;
    return (struct baselines_entry){&chunk->series[offset], &chunk->slots[offset * width], chunk};
}

#endif
