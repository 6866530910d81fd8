/* SPDX-License-Identifier: MIT
 *
 * Exemplars: of a series the latest sample that came with the ids of a trace. A table of them is
 * bounded: a series has a few slots that it can be in, and where all are taken, the oldest goes.
 * Memory is taken with the first one. Whoever owns a table is the only one to touch it.
 */
#ifndef SERVER_METRICS_EXEMPLAR_H
#define SERVER_METRICS_EXEMPLAR_H

#include <stdint.h>

#include "proto/trace_tags.h"

struct exemplar {
    uint64_t stamp_ns; /* monotonic, when it was received; 0 = an empty slot */
    double value;      /* of a counter what it added, of a timer the sample as sent */
    uint32_t place, generation;
    uint8_t trace_length, span_length;
    char ids[TRACE_IDS_MAX]; /* the trace's, then the span's */
};

struct exemplars {
    struct exemplar *slots; /* NULL as long as there was none */
    uint32_t count_max;     /* a power of two */
};

void exemplars_init(struct exemplars *exemplars, uint32_t count_max);
void exemplars_deinit(struct exemplars *exemplars);

/* `ids` can be shown (trace_tags.h). */
void exemplar_fill(struct exemplar *exemplar, const struct trace_ids *ids);

/* Enters a copy, unless a later one of the series is there. Without memory it is not kept. */
void exemplars_put(struct exemplars *exemplars, const struct exemplar *exemplar);

/* NULL where there is none of this series. */
const struct exemplar *exemplars_find(const struct exemplars *exemplars, uint32_t place,
                                      uint32_t generation);

/* `to` becomes a copy; it is empty without memory. */
void exemplars_copy(struct exemplars *to, const struct exemplars *from);

#endif
