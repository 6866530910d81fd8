/* SPDX-License-Identifier: MIT
 *
 * Growing the chunk directories, and which statistic has which slot.
 */
#include "server/detect/baselines.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

struct slots {
    unsigned count;
    enum statistic statistics[BASELINES_SLOTS_MAX];
};

static const struct slots slots_of[METRIC_KINDS] = {
    [METRIC_COUNTER] = {1, {STATISTIC_RATE}},
    [METRIC_GAUGE] = {1, {STATISTIC_VALUE}},
    [METRIC_TIMER] = {3, {STATISTIC_MEAN, STATISTIC_P99, STATISTIC_RATE}},
    [METRIC_SET] = {1, {STATISTIC_UNIQUE}},
};

unsigned baselines_slot_count(enum metric_kind kind)
{
    return slots_of[kind].count;
}

unsigned baselines_slot(enum metric_kind kind, enum statistic statistic)
{
    const struct slots *slots = &slots_of[kind];
    unsigned slot = 0;
    while (slot < slots->count && slots->statistics[slot] != statistic) {
        slot++;
    }
    REQUIRE(slot < slots->count);
    return slot;
}

enum statistic baselines_statistic(enum metric_kind kind, unsigned slot)
{
    REQUIRE(slot < slots_of[kind].count);
    return slots_of[kind].statistics[slot];
}

static bool grow_places(struct baselines *baselines, struct baselines_kind *kind, size_t number)
{
    size_t count = number + 1 + kind->place_count / 2;
    struct baselines_place *places = realloc(kind->places, count * sizeof(*places));
    if (places == NULL) {
        return false;
    }
    for (size_t i = kind->place_count; i < count; i++) {
        places[i].chunk = NULL;
    }
    baselines->bytes += (count - kind->place_count) * sizeof(*places);
    kind->places = places;
    kind->place_count = count;
    return true;
}

static bool add_chunk(struct baselines *baselines, enum metric_kind kind, size_t number)
{
    size_t slots = (size_t)BASELINES_CHUNK_SERIES * slots_of[kind].count;
    size_t bytes = sizeof(struct baselines_chunk) + slots * sizeof(struct baseline);
    struct baselines_chunk *chunk = calloc(1, bytes);
    if (chunk == NULL) {
        return false;
    }
    baselines->kinds[kind].places[number].chunk = chunk;
    baselines->bytes += bytes;
    return true;
}

struct baselines_entry baselines_add(struct baselines *baselines, enum metric_kind kind,
                                     uint32_t index)
{
    struct baselines_kind *of_kind = &baselines->kinds[kind];
    size_t number = index >> BASELINES_CHUNK_BITS;
    bool room = number < of_kind->place_count || grow_places(baselines, of_kind, number);
    if (room && of_kind->places[number].chunk == NULL) {
        room = add_chunk(baselines, kind, number);
    }
    if (!room) {
        return (struct baselines_entry){0};
    }
    return baselines_find(baselines, kind, index);
}

bool baselines_make_held(struct baselines *baselines, enum metric_kind kind,
                         const struct baselines_entry *entry)
{
    size_t slots = (size_t)BASELINES_CHUNK_SERIES * slots_of[kind].count;
    if (entry->chunk->held == NULL) {
        entry->chunk->held = calloc(slots, sizeof(uint32_t));
        baselines->bytes += entry->chunk->held != NULL ? slots * sizeof(uint32_t) : 0;
    }
    return entry->chunk->held != NULL;
}

void baselines_clear_classes(struct baselines *baselines)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (size_t i = 0; i < baselines->kinds[kind].place_count; i++) {
            struct baselines_chunk *chunk = baselines->kinds[kind].places[i].chunk;
            if (chunk != NULL) {
                memset(chunk->classes, 0, sizeof(chunk->classes));
            }
        }
    }
}

void baselines_deinit(struct baselines *baselines)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        struct baselines_kind *of_kind = &baselines->kinds[kind];
        for (size_t i = 0; i < of_kind->place_count; i++) {
            if (of_kind->places[i].chunk != NULL) {
                free(of_kind->places[i].chunk->held);
            }
            free(of_kind->places[i].chunk);
        }
        free(of_kind->places);
    }
    *baselines = (struct baselines){0};
}
