/* SPDX-License-Identifier: MIT */
#include "server/metrics/exemplar.h"

#include <stdlib.h>
#include <string.h>

#define PROBES 8

void exemplars_init(struct exemplars *exemplars, uint32_t count_max)
{
    *exemplars = (struct exemplars){.count_max = count_max};
}

void exemplars_deinit(struct exemplars *exemplars)
{
    free(exemplars->slots);
    exemplars->slots = NULL;
}

void exemplar_fill(struct exemplar *exemplar, const struct trace_ids *ids)
{
    exemplar->trace_length = (uint8_t)ids->trace_length;
    exemplar->span_length = (uint8_t)ids->span_length;
    if (ids->trace_length > 0) {
        memcpy(exemplar->ids, ids->trace, ids->trace_length);
    }
    if (ids->span_length > 0) {
        memcpy(exemplar->ids + ids->trace_length, ids->span, ids->span_length);
    }
}

/* Places of one kind are dense: they are spread by a multiplication (Knuth, TAOCP 6.4). */
static struct exemplar *slot_at(const struct exemplars *exemplars, uint32_t place, uint32_t probe)
{
    uint32_t first = place * UINT32_C(2654435769) >> 8;
    return &exemplars->slots[(first + probe) & (exemplars->count_max - 1)];
}

static struct exemplar *find(const struct exemplars *exemplars, uint32_t place, uint32_t generation)
{
    for (uint32_t probe = 0; exemplars->slots && probe < PROBES; probe++) {
        struct exemplar *slot = slot_at(exemplars, place, probe);
        if (slot->stamp_ns > 0 && slot->place == place && slot->generation == generation) {
            return slot;
        }
    }
    return NULL;
}

/* Empty ones are the oldest. */
static struct exemplar *oldest(const struct exemplars *exemplars, uint32_t place)
{
    struct exemplar *found = slot_at(exemplars, place, 0);
    for (uint32_t probe = 1; probe < PROBES; probe++) {
        struct exemplar *slot = slot_at(exemplars, place, probe);
        if (slot->stamp_ns < found->stamp_ns) {
            found = slot;
        }
    }
    return found;
}

void exemplars_put(struct exemplars *exemplars, const struct exemplar *exemplar)
{
    if (!exemplars->slots) {
        exemplars->slots = calloc(exemplars->count_max, sizeof(*exemplars->slots));
    }
    if (!exemplars->slots) {
        return;
    }
    struct exemplar *slot = find(exemplars, exemplar->place, exemplar->generation);
    slot = slot ? slot : oldest(exemplars, exemplar->place);
    if (slot->stamp_ns <= exemplar->stamp_ns) {
        *slot = *exemplar;
    }
}

const struct exemplar *exemplars_find(const struct exemplars *exemplars, uint32_t place,
                                      uint32_t generation)
{
    return find(exemplars, place, generation);
}

void exemplars_copy(struct exemplars *to, const struct exemplars *from)
{
    *to = (struct exemplars){.count_max = from->count_max};
    if (from->slots) {
        to->slots = malloc(from->count_max * sizeof(*to->slots));
    }
    if (to->slots) {
        memcpy(to->slots, from->slots, from->count_max * sizeof(*to->slots));
    }
}
