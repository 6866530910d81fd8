/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite_ages.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct graphite_ages *ages, size_t count)
{
    size_t wanted = ages->count * 2 > count ? ages->count * 2 : count;
    struct graphite_age *items = reallocarray(ages->items, wanted, sizeof(*items));
    if (!items) {
        return false;
    }
    memset(items + ages->count, 0, (wanted - ages->count) * sizeof(*items));
    ages->items = items;
    ages->count = wanted;
    return true;
}

uint32_t graphite_ages_count(struct graphite_ages *ages, const struct identity *identity,
                             bool updated)
{
    if (identity->index >= ages->count && !grow(ages, (size_t)identity->index + 1)) {
        return 0;
    }
    struct graphite_age *age = &ages->items[identity->index];
    if (updated || age->generation != identity->generation) {
        *age = (struct graphite_age){.generation = identity->generation};
    } else if (age->idle < UINT32_MAX) {
        age->idle++;
    }
    return age->idle;
}

void graphite_ages_deinit(struct graphite_ages *ages)
{
    free(ages->items);
    *ages = (struct graphite_ages){0};
}
