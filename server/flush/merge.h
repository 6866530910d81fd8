/* SPDX-License-Identifier: MIT
 *
 * Slices into the registry: adds what the workers handed over to the open window's accumulators and
 * clears the slices. Flusher only.
 */
#ifndef SERVER_FLUSH_MERGE_H
#define SERVER_FLUSH_MERGE_H

#include <stddef.h>

#include "server/metrics/registry.h"
#include "server/metrics/slice.h"

/* Merges the slices of one round, lower workers first, and clears them. All are in hand at once
 * because of gauges: the latest set over all workers wins (ties to the lower worker), then come the
 * deltas of workers that were stamped no earlier than that set. Returns how many series lost
 * samples or resolution at the memory budget. */
size_t merge_slices(struct registry *registry, struct slice *const *slices, size_t count,
                    struct pool_cache *cache);

/* Marks a series as touched by a sample of that moment (monotonic); one that had expired begins
 * anew. */
void merge_touch(struct series *series, enum metric_kind kind, uint64_t now_ns);

#endif
