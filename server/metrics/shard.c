/* SPDX-License-Identifier: MIT
 *
 * The side of a shard that may allocate and lock: names that come and names that go. The samples'
 * own way is shard_group.c.
 */
#include "server/metrics/shard.h"

#include <stdlib.h>
#include <string.h>

#include "server/metrics/figures.h"

/* Beyond so many on average, spellings are looked up in the registry each time. */
#define SPELLINGS_A_SERIES 2

/* Sums of up to 1e8 counts, and squares of up to 1e8 timer values, stay finite within these. */
#define COUNT_MAX 1e300
#define TIMER_MAX 1e150

bool shard_init(struct shard *shard, const struct config *config, struct registry *registry,
                struct pool *pool)
{
    *shard = (struct shard){
        .registry = registry,
        .pool = pool,
        .name_bytes_max = config->limits.max_name_bytes,
        .tag_bytes_max = config->limits.max_tag_bytes,
        .series_max = config->limits.max_series,
        .rate_min = config->metrics.min_sample_rate,
    };
    shard->open = &shard->slices[0];
    shard->cache = pool_cache_new(pool);
    bool made = shard->cache &&
                spellings_init(&shard->spellings, &registry->identities, pool,
                               shard->series_max * SPELLINGS_A_SERIES) &&
                slice_init(&shard->slices[0], shard->series_max) &&
                slice_init(&shard->slices[1], shard->series_max);
    for (int kind = 0; made && kind < METRIC_KINDS; kind++) {
        made = locals_init(&shard->locals[kind], shard->series_max);
    }
    return made;
}

void shard_deinit(struct shard *shard)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        locals_deinit(&shard->locals[kind]);
    }
    slice_deinit(&shard->slices[0], shard->cache);
    slice_deinit(&shard->slices[1], shard->cache);
    spellings_deinit(&shard->spellings);
    free(shard->retired);
    if (shard->cache) {
        pool_cache_free(shard->cache);
    }
}

/* A local id that leads to series `owner`, with its cells in both slices, so that a swap never has
 * to allocate. */
static uint32_t take_local(struct shard *shard, enum metric_kind kind, uint32_t owner)
{
    uint32_t local = locals_take(&shard->locals[kind], owner);
    if (local != LOCALS_NONE && (!slice_reserve(&shard->slices[0], kind, local) ||
                                 !slice_reserve(&shard->slices[1], kind, local))) {
        locals_hide(&shard->locals[kind], local);
        locals_give(&shard->locals[kind], local);
        return LOCALS_NONE;
    }
    return local;
}

/* The local id for a series of the registry: the one it has already, by another spelling, or a new
 * one. Either way the registry counts one local id here. */
static uint32_t local_of(struct shard *shard, enum metric_kind kind, uint32_t owner)
{
    uint32_t local = locals_find(&shard->locals[kind], owner);
    if (local == LOCALS_NONE) {
        local = take_local(shard, kind, owner);
        if (local != LOCALS_NONE) {
            return local;
        }
    }
    registry_release(shard->registry, kind, owner);
    return local;
}

/* What cannot be remembered for want of memory comes this way again. */
unsigned shard_admit(struct shard *shard, const struct spelling_key *key, uint32_t *state)
{
    uint32_t owner;
    enum metric_kind kind = metric_kind_of((enum statsd_type)key->type);
    unsigned loss = registry_resolve(shard->registry, (enum statsd_type)key->type, key->name,
                                     key->name_length, key->tags, key->tags_length, &owner);
    uint32_t local = loss == 0 ? local_of(shard, kind, owner) : LOCALS_NONE;
    if (loss == 0 && local == LOCALS_NONE) {
        loss = LOSS_MEMORY_LIMIT;
    }
    if (loss == LOSS_SERIES_LIMIT || loss == LOSS_MEMORY_LIMIT) {
        shard->names_refused++;
    }
    if (loss) {
        return loss;
    }
    *state = (uint32_t)kind << SHARD_STATE_KIND_SHIFT | local;
    spellings_enter(&shard->spellings, key, *state,
                    registry_identity_of(shard->registry, kind, owner),
                    locals_spelling(&shard->locals[kind], local));
    return 0;
}

/* Local ids forgotten before the slice that has just come back was handed over are free. */
static void free_retired(struct shard *shard)
{
    uint32_t done = 0;
    while (done < shard->retired_count && shard->retired[done].hand_over < shard->hand_overs) {
        const struct retired *old = &shard->retired[done++];
        uint32_t owner = shard_owner(shard, (enum metric_kind)old->kind, old->local);
        registry_release(shard->registry, (enum metric_kind)old->kind, owner);
        locals_give(&shard->locals[old->kind], old->local);
    }
    shard->retired_count -= done;
    if (done > 0) {
        memmove(shard->retired, shard->retired + done,
                shard->retired_count * sizeof(*shard->retired));
    }
}

struct slice *shard_swap(struct shard *shard, uint64_t now_ns)
{
    struct slice *given = shard->open;
    shard->hand_overs++;
    free_retired(shard);
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        given->count[kind] = shard->locals[kind].count;
    }
    given->ended_ns = now_ns;
    shard->open = given == &shard->slices[0] ? &shard->slices[1] : &shard->slices[0];
    return given;
}

static bool retire(struct shard *shard, enum metric_kind kind, uint32_t local)
{
    if (shard->retired_count == shard->retired_capacity) {
        uint32_t capacity = shard->retired_capacity ? shard->retired_capacity * 2 : 64;
        struct retired *grown = realloc(shard->retired, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        shard->retired = grown;
        shard->retired_capacity = capacity;
    }
    shard->retired[shard->retired_count++] =
        (struct retired){shard->hand_overs + 1, local, (uint8_t)kind};
    return true;
}

void shard_forget(struct shard *shard, enum metric_kind kind, uint32_t local)
{
    struct locals *locals = &shard->locals[kind];
    bool known = locals_find(locals, locals_owner(locals, local)) == local;
    if (known && retire(shard, kind, local)) {
        uint32_t owner = locals_owner(locals, local);
        spellings_forget(&shard->spellings, registry_identity_of(shard->registry, kind, owner),
                         locals_spelling(locals, local));
        locals_hide(locals, local);
    }
}
