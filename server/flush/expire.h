/* SPDX-License-Identifier: MIT
 *
 * The end of a series: derive_snapshot() marks one as expired, expire_series() has the workers
 * forget it and, when none leads to it any more, removes it from the registry. Samples that come
 * meanwhile bring it back as it was. At limits.max_series those idle for over an hour go, the
 * longest idle first. Flusher only.
 */
#ifndef SERVER_FLUSH_EXPIRE_H
#define SERVER_FLUSH_EXPIRE_H

#include <stddef.h>
#include <stdint.h>

#include "server/detect/detector.h"
#include "server/flush/graveyard.h"
#include "server/flush/handover.h"
#include "server/metrics/registry.h"

struct expire_options {
    struct registry *registry;
    struct graveyard *graveyard;
    struct detector *detector; /* may be NULL */
    struct pool_cache *cache;
    struct handover *handovers;
    size_t handover_count;
    uint64_t now_ns;
    uint64_t sequence; /* of the first snapshot that does not show what is removed */
};

/* After a window was closed. Returns how many series were removed. */
size_t expire_series(const struct expire_options *options);

/* Before a window is derived, so that neither its rows nor its anomalies show them: marks up to
 * `wanted` series as expired that have been idle for over an hour, the longest idle first. Returns
 * how many. */
size_t expire_longest_idle(const struct expire_options *options, uint64_t wanted);

/* Between two windows, of a series that is shown: it is shown no more, what the open window has of
 * it is dropped, and its next sample begins anew. expire_series() removes it. */
void expire_now(const struct expire_options *options, enum metric_kind kind, uint32_t index);

#endif
