/* SPDX-License-Identifier: MIT
 *
 * A shard is one worker's own store: the map from a name as it was sent (name bytes, raw tag bytes,
 * type) to a local id, and two slices, of which one is open. Everything that outlives a slice
 * belongs to the registry.
 *
 * Only the worker's thread calls it, but for shard_owner(), which the flusher may call for local
 * ids below the count published with a slice until that slice is given back.
 *
 * Local ids are dense within a kind. One that is forgotten stays reserved until no slice can hold
 * samples of it: there are two slices, so after the second hand-over from now.
 */
#ifndef SERVER_METRICS_SHARD_H
#define SERVER_METRICS_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "proto/statsd.h"
#include "server/core/pool.h"
#include "server/metrics/locals.h"
#include "server/metrics/registry.h"
#include "server/metrics/slice.h"
#include "server/metrics/spelling.h"

/* What a spelling leads to: a kind and a local id of it. */
#define SHARD_STATE_KIND_SHIFT 30
#define SHARD_STATE_LOCAL_MASK ((UINT32_C(1) << SHARD_STATE_KIND_SHIFT) - 1)

struct retired {
    uint64_t hand_over; /* number of the first hand-over after it was forgotten */
    uint32_t local;
    uint8_t kind;
};

struct shard {
    struct spellings spellings; /* each leads to a kind and a local id */
    struct locals locals[METRIC_KINDS];
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
    uint64_t names_refused; /* new names refused, each time one was */
};

/* False without memory. `registry` and `pool` must outlive the shard. */
bool shard_init(struct shard *shard, const struct config *config, struct registry *registry,
                struct pool *pool);
void shard_deinit(struct shard *shard);

/* The way of a spelling that is not known yet: the registry decides. Returns 0 with what it leads
 * to from now on, or an enum loss_reason. Allocates and locks. */
unsigned shard_admit(struct shard *shard, const struct spelling_key *key, uint32_t *state);

/* Hands out the open slice, stamped, and opens the other one, which must have been given back
 * (cleared). */
struct slice *shard_swap(struct shard *shard, uint64_t now_ns);

/* Drops the spelling of a local id: the next sample of that name starts as a new one. */
void shard_forget(struct shard *shard, enum metric_kind kind, uint32_t local);

/* The registry index a local id leads to. */
static inline uint32_t shard_owner(const struct shard *shard, enum metric_kind kind, uint32_t local)
{
    return locals_owner(&shard->locals[kind], local);
}

#endif
