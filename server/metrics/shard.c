/* SPDX-License-Identifier: MIT
 *
 * The side of a shard that may allocate and lock: names that come and names that go. The samples'
 * own way is shard_group.c.
 */
#include "server/metrics/shard.h"

#include <stdlib.h>
#include <string.h>

#include "proto/name_tags.h"
#include "proto/trace_tags.h"
#include "server/core/require.h"
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
        .exemplars = config->prometheus.exemplars,
        .open_from_s = INT64_MIN,
        .open_until_s = INT64_MAX,
    };
    shard->open = &shard->slices[0];
    shard->cache = pool_cache_new(pool);
    bool made = shard->cache &&
                spellings_init(&shard->spellings, &registry->identities, pool,
                               shard->series_max * SPELLINGS_A_SERIES) &&
                slice_init(&shard->slices[0], shard->series_max) &&
                slice_init(&shard->slices[1], shard->series_max);
    for (int i = 0; made && i < 2; i++) {
        exemplars_init(&shard->slices[i].exemplars, SLICE_EXEMPLARS);
    }
    shard->slices[0].sequential = shard->slices[1].sequential =
        config->server.profile == PROFILE_ETSY;
    for (int kind = 0; made && kind < METRIC_KINDS; kind++) {
        made = held_init(&shard->held[kind], shard->series_max);
    }
    return made;
}

void shard_deinit(struct shard *shard)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        held_deinit(&shard->held[kind]);
    }
    slice_deinit(&shard->slices[0], shard->cache);
    slice_deinit(&shard->slices[1], shard->cache);
    spellings_deinit(&shard->spellings);
    free(shard->retired);
    if (shard->cache) {
        pool_cache_free(shard->cache);
    }
}

/* Cells in both slices, so that a swap never has to allocate. */
static bool reserve(struct shard *shard, uint32_t place)
{
    enum metric_kind kind = place_kind(place);
    uint32_t index = place_index(place);
    return held_reserve(&shard->held[kind], index) &&
           slice_reserve(&shard->slices[0], kind, index) &&
           slice_reserve(&shard->slices[1], kind, index);
}

/* The registry counts a shard once on each series that it holds. */
static bool hold(struct shard *shard, uint32_t place)
{
    struct held *held = &shard->held[place_kind(place)];
    bool reserved = reserve(shard, place);
    if (!reserved || held_has(held, place_index(place))) {
        registry_release(shard->registry, place);
    } else {
        held_put(held, place_index(place));
    }
    return reserved;
}

/* Names and tags are within the configuration's limits, and a name may hold its tags. */
static unsigned resolve(struct shard *shard, const struct spelling_key *key, uint32_t *place)
{
    char scratch[SPELLING_BYTES_MAX];
    struct name_tags_text text = {.name = key->name,
                                  .tags = key->tags,
                                  .name_length = key->name_length,
                                  .tags_length = key->tags_length};
    REQUIRE(text.name_length + text.tags_length <= sizeof(scratch));
    name_tags_resolve(spelling_style(key), &text, scratch);
    return registry_resolve(shard->registry, spelling_type(key), spelling_style(key), &text, place);
}

/* What cannot be remembered for want of memory comes this way again. */
unsigned shard_admit(struct shard *shard, const struct spelling_key *key, uint32_t *place)
{
    unsigned loss = resolve(shard, key, place);
    if (loss == 0 && !hold(shard, *place)) {
        loss = LOSS_MEMORY_LIMIT;
    }
    if (loss == LOSS_SERIES_LIMIT || loss == LOSS_MEMORY_LIMIT) {
        shard->names_refused++;
    }
    if (loss == 0) {
        const struct identity *identity = registry_identity_at(shard->registry, *place);
        uint32_t *chain = spelling_is_identity(identity, key)
                              ? NULL
                              : held_chain(&shard->held[place_kind(*place)], place_index(*place));
        spellings_enter(&shard->spellings, key, identity, chain);
    }
    return loss;
}

/* What name_tags_resolve() leaves has its tags behind the name. */
static enum tags_style resolved_style(enum tags_style style)
{
    if (style == TAGS_INSIDE) {
        return TAGS_EQUALS;
    }
    return style == TAGS_COLON_CLEAN ? TAGS_COLON : style;
}

/* Counters show what was added, and only timers are shown in buckets. */
static bool has_exemplar(uint32_t place, double value)
{
    return place_kind(place) == METRIC_TIMER || (place_kind(place) == METRIC_COUNTER && value >= 0);
}

static void keep_exemplar(struct shard *shard, const struct trace_ids *ids, uint32_t place,
                          double value, uint64_t stamp_ns)
{
    if (has_exemplar(place, value) && trace_ids_can_be_shown(ids)) {
        struct exemplar exemplar = {.stamp_ns = stamp_ns, .value = value, .place = place};
        exemplar_fill(&exemplar, ids);
        exemplars_put(&shard->open->exemplars, &exemplar);
    }
}

unsigned shard_admit_traced(struct shard *shard, const struct spelling_key *key, double value,
                            uint64_t stamp_ns, uint32_t *place)
{
    char scratch[SPELLING_BYTES_MAX], tags[SPELLING_BYTES_MAX];
    enum tags_style style = resolved_style(spelling_style(key));
    struct name_tags_text text = {.name = key->name,
                                  .tags = key->tags,
                                  .name_length = key->name_length,
                                  .tags_length = key->tags_length};
    REQUIRE(text.name_length + text.tags_length <= sizeof(scratch));
    name_tags_resolve(spelling_style(key), &text, scratch);
    struct trace_ids ids;
    size_t left = trace_tags_cut(style, text.tags, text.tags_length, tags, &ids);
    if (left == text.tags_length) {
        return shard_admit(shard, key, place);
    }
    struct spelling_key plain = {
        .name = text.name,
        .tags = tags,
        .name_length = (uint32_t)text.name_length,
        .tags_length = (uint32_t)left,
        .form = spelling_form(spelling_type(key), left > 0 ? style : TAGS_COLON)};
    spelling_key_hash(&plain);
    unsigned loss =
        spellings_find(&shard->spellings, &plain, place) ? 0 : shard_admit(shard, &plain, place);
    if (loss == 0) {
        keep_exemplar(shard, &ids, *place, value, stamp_ns);
    }
    return loss;
}

/* Series forgotten before the slice that has just come back was handed over are let go. */
static void free_retired(struct shard *shard)
{
    uint32_t done = 0;
    while (done < shard->retired_count && shard->retired[done].hand_over < shard->hand_overs) {
        registry_release(shard->registry, shard->retired[done++].place);
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
        given->count[kind] = shard->held[kind].end;
    }
    given->ended_ns = now_ns;
    shard->open = given == &shard->slices[0] ? &shard->slices[1] : &shard->slices[0];
    return given;
}

void shard_open_window(struct shard *shard, int64_t from_s, int64_t until_s)
{
    atomic_store_explicit(&shard->open_from_s, from_s, memory_order_relaxed);
    atomic_store_explicit(&shard->open_until_s, until_s, memory_order_relaxed);
}

static bool retire(struct shard *shard, uint32_t place)
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
    shard->retired[shard->retired_count++] = (struct retired){shard->hand_overs + 1, place};
    return true;
}

void shard_forget(struct shard *shard, uint32_t place)
{
    struct held *held = &shard->held[place_kind(place)];
    uint32_t index = place_index(place);
    if (held_has(held, index) && retire(shard, place)) {
        spellings_forget(&shard->spellings, registry_identity_at(shard->registry, place),
                         held_chain_if_any(held, index));
        held_drop(held, index);
    }
}
