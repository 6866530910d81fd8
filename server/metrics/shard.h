/* SPDX-License-Identifier: MIT
 *
 * A shard is one worker's own store: the map from a name as it was sent (name bytes, raw tag bytes,
 * type) to the place of its series in the registry, and two slices, of which one is open. The cell
 * of a series in a slice has the same place. Everything that outlives a slice belongs to the
 * registry.
 *
 * A shard holds the series that it leads to, so that the registry cannot give the place to another.
 * One that is forgotten stays held until no slice can have samples of it: there are two slices, so
 * until the second hand-over from then. Only the worker's thread calls it.
 */
#ifndef SERVER_METRICS_SHARD_H
#define SERVER_METRICS_SHARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "proto/statsd.h"
#include "server/core/pool.h"
#include "server/metrics/held.h"
#include "server/metrics/registry.h"
#include "server/metrics/slice.h"
#include "server/metrics/spelling.h"

struct retired {
    uint64_t hand_over; /* number of the first hand-over after it was forgotten */
    uint32_t place;
};

struct shard {
    struct spellings spellings;
    struct held held[METRIC_KINDS];
    struct slice slices[2];
    struct slice *open;
    uint64_t hand_overs;
    struct retired *retired; /* first come, first freed */
    uint32_t retired_count, retired_capacity;
    struct registry *registry;
    struct pool *pool;
    struct pool_cache *cache;
    uint64_t name_bytes_max, tag_bytes_max, series_max;
    double rate_min;
    bool exemplars;         /* trace_id and span_id are no tags of a series */
    uint64_t names_refused; /* new names refused, each time one was */
    /* The Unix seconds that samples of the open window may be stamped with. Its own thread changes
     * them at a swap; the first ones come from another. */
    _Atomic int64_t open_from_s, open_until_s;
};

/* False without memory. `registry` and `pool` must outlive the shard. */
bool shard_init(struct shard *shard, const struct config *config, struct registry *registry,
                struct pool *pool);
void shard_deinit(struct shard *shard);

/* The way of a spelling that is not known yet: the registry decides. Returns 0 with the place that
 * it leads to from now on, or an enum loss_reason. Allocates and locks. */
unsigned shard_admit(struct shard *shard, const struct spelling_key *key, uint32_t *place);

/* The same of a sample whose tags may have the ids of a trace, where the shard keeps exemplars:
 * they are taken out of the spelling, which is then looked for, and admitted if need be. A series
 * that is known is found without a lock. `value` is what the exemplar shows. */
unsigned shard_admit_traced(struct shard *shard, const struct spelling_key *key, double value,
                            uint64_t stamp_ns, uint32_t *place);

/* Hands out the open slice, stamped, and opens the other one, which must have been given back
 * (cleared). */
struct slice *shard_swap(struct shard *shard, uint64_t now_ns);

/* From now on the open slice is one of a window that takes stamps in [from_s, until_s). Until it is
 * told, a shard takes any. */
void shard_open_window(struct shard *shard, int64_t from_s, int64_t until_s);

/* Whether a sample stamped so belongs to the open window. */
static inline bool shard_takes_stamp(const struct shard *shard, int64_t stamp_s)
{
    return stamp_s >= atomic_load_explicit(&shard->open_from_s, memory_order_relaxed) &&
           stamp_s < atomic_load_explicit(&shard->open_until_s, memory_order_relaxed);
}

/* Drops the spellings of a series, if it is held: the next sample of it starts as one of a new
 * name. */
void shard_forget(struct shard *shard, uint32_t place);

#endif
