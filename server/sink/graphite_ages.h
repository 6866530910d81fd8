/* SPDX-License-Identifier: MIT
 *
 * For how many closed windows each gauge has been idle: etsy's gaugesMaxTTL counts flushes, not
 * seconds. One thread at a time.
 */
#ifndef SERVER_SINK_GRAPHITE_AGES_H
#define SERVER_SINK_GRAPHITE_AGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/identity.h"

struct graphite_age {
    uint32_t generation; /* of the series that had the index when this was counted */
    uint32_t idle;
};

/* All zero is empty; grows with the highest index. */
struct graphite_ages {
    struct graphite_age *items; /* by identity->index */
    size_t count;
};

/* Counts one more window of this gauge. Returns how many windows it has been idle for, 0 in the one
 * that has a sample; without memory also 0. */
uint32_t graphite_ages_count(struct graphite_ages *ages, const struct identity *identity,
                             bool updated);

void graphite_ages_deinit(struct graphite_ages *ages);

#endif
