/* SPDX-License-Identifier: MIT */
#include "server/metrics/registry.h"

#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "server/core/pool_share.h"
#include "server/core/require.h"
#include "server/metrics/figures.h"

#define IDENTITY_SEED UINT64_C(0x1d)

/* Room for the longest name and tags that the configuration can allow, and tags of its own, with
 * every byte escaped. */
#define DRAFT_BYTES_MAX ((size_t)256 * 1024)

/* As limits.max_name allows at most. */
#define NAME_BYTES_MAX 4096

static const size_t series_bytes[METRIC_KINDS] = {
    [METRIC_COUNTER] = sizeof(struct counter_series),
    [METRIC_GAUGE] = sizeof(struct gauge_series),
    [METRIC_TIMER] = sizeof(struct timer_series),
    [METRIC_SET] = sizeof(struct set_series),
};

static bool read_own_tags(struct registry *registry, const char *text)
{
    registry->own_text = strdup(text ? text : "");
    registry->own_tags = calloc(IDENTITY_TAGS_MAX, sizeof(struct tag));
    if (!registry->own_text || !registry->own_tags) {
        return false;
    }
    int count = tags_parse(TAGS_COLON, registry->own_text, strlen(registry->own_text),
                           registry->own_tags, IDENTITY_TAGS_MAX / 2);
    registry->own_tag_count = count < 0 ? 0 : (size_t)count;
    return count >= 0;
}

/* Of the budget, for samples and members that are all kept. */
#define SHARE_OF_MEMORY 2

struct registry *registry_new(const struct config *config, struct pool *pool)
{
    if (config->metrics.timers == TIMERS_EXACT) {
        pool_share_open(pool, config->limits.memory_bytes / SHARE_OF_MEMORY);
    }
    struct registry *registry = calloc(1, sizeof(*registry));
    if (!registry) {
        return NULL;
    }
    pthread_mutex_init(&registry->lock, NULL);
    registry->pool = pool;
    exemplars_init(&registry->exemplars, REGISTRY_EXEMPLARS);
    registry->series_max = config->limits.max_series;
    registry->chunks_max = (uint32_t)(registry->series_max / REGISTRY_CHUNK + 1);
    registry->tags_max = config->limits.max_tags;
    registry->clean_names = config->server.profile == PROFILE_ETSY;
    bool made = table_init(&registry->directory) && lines_init(&registry->identities, pool) &&
                read_own_tags(registry, config->metrics.tags);
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        registry->kinds[kind].chunks = calloc(registry->chunks_max, sizeof(void *));
        made = made && registry->kinds[kind].chunks;
    }
    if (!made) {
        registry_free(registry, NULL);
        return NULL;
    }
    return registry;
}

void *registry_at(const struct registry *registry, enum metric_kind kind, uint32_t index)
{
    char *chunk = registry->kinds[kind].chunks[index / REGISTRY_CHUNK];
    return chunk + (size_t)(index % REGISTRY_CHUNK) * series_bytes[kind];
}

static void clear_series(struct series *series, enum metric_kind kind, struct pool_cache *cache)
{
    if (kind == METRIC_TIMER) {
        struct timer_series *timer = (struct timer_series *)series;
        timer_clear(&timer->window, cache);
        sketch_free(&timer->sketch, cache);
        free(timer->quantiles);
        if (timer->kept) {
            sketch_free(&timer->kept->total, cache);
            free(timer->kept);
        }
    } else if (kind == METRIC_SET) {
        struct set_series *set = (struct set_series *)series;
        set_free(&set->window, cache);
        set_free(&set->last, cache);
    }
}

static void free_kind(struct registry *registry, enum metric_kind kind, struct pool_cache *cache)
{
    struct registry_kind *store = &registry->kinds[kind];
    for (uint32_t i = 0; i < store->count; i++) {
        struct series *series = registry_at(registry, kind, i);
        if (atomic_load(&series->line) != 0) {
            clear_series(series, kind, cache);
        }
    }
    for (uint32_t i = 0; store->chunks && i < registry->chunks_max; i++) {
        free(store->chunks[i]);
    }
    free(store->chunks);
    free(store->free);
}

void registry_free(struct registry *registry, struct pool_cache *cache)
{
    if (!registry) {
        return;
    }
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        free_kind(registry, (enum metric_kind)kind, cache);
    }
    table_deinit(&registry->directory);
    lines_deinit(&registry->identities);
    events_deinit(&registry->events);
    exemplars_deinit(&registry->exemplars);
    free(registry->own_tags);
    free(registry->own_text);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

static bool has_key(const struct tag *tags, size_t count, const struct tag *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (tags[i].key_length == wanted->key_length &&
            memcmp(tags[i].key, wanted->key, wanted->key_length) == 0) {
            return true;
        }
    }
    return false;
}

/* The sender's tags and those of the configuration whose keys he did not send, in canonical order.
 * Returns how many, or -1 for too many. */
static int canonical_tags(const struct registry *registry, enum tags_style style, const char *text,
                          size_t length, struct tag *tags)
{
    int sent = length == 0 ? 0 : tags_parse(style, text, length, tags, registry->tags_max);
    if (sent < 0) {
        return -1;
    }
    size_t count = (size_t)sent;
    for (size_t i = 0; i < registry->own_tag_count; i++) {
        if (!has_key(tags, (size_t)sent, &registry->own_tags[i])) {
            tags[count++] = registry->own_tags[i];
        }
    }
    return (int)(count > (size_t)sent ? tags_sort(tags, count) : count);
}

/* A copy of `draft` that belongs to the registry. Under the lock. */
static struct identity *keep_identity(struct registry *registry, const struct identity *draft)
{
    uint32_t line = lines_take(&registry->identities, identity_bytes(draft));
    if (line == LINES_NONE) {
        return NULL;
    }
    struct identity *identity = lines_at(&registry->identities, line);
    memcpy(identity, draft, identity_bytes(draft));
    identity->line = line;
    return identity;
}

static void drop_identity(struct registry *registry, const struct identity *identity)
{
    if (identity) {
        lines_give(&registry->identities, identity->line, identity_bytes(identity));
    }
}

void registry_free_identity(struct registry *registry, struct identity *identity)
{
    pthread_mutex_lock(&registry->lock);
    drop_identity(registry, identity);
    pthread_mutex_unlock(&registry->lock);
}

static uint32_t hash_of(const struct identity *identity)
{
    return table_hash(identity_hash(identity, IDENTITY_SEED));
}

static struct table_slot *find(const struct registry *registry, const struct identity *wanted)
{
    struct table_slot *slot = table_first(&registry->directory, hash_of(wanted));
    for (; slot; slot = table_next(&registry->directory, slot)) {
        if (identity_equal(lines_at(&registry->identities, slot->value), wanted)) {
            return slot;
        }
    }
    return NULL;
}

/* A free index with its storage in place, or false. */
static bool take_index(struct registry *registry, enum metric_kind kind, uint32_t *index)
{
    struct registry_kind *store = &registry->kinds[kind];
    if (store->free_count > 0) {
        *index = store->free[--store->free_count];
        return true;
    }
    uint32_t count = atomic_load_explicit(&store->count, memory_order_relaxed);
    void **chunk = &store->chunks[count / REGISTRY_CHUNK];
    if (!*chunk) {
        *chunk = calloc(REGISTRY_CHUNK, series_bytes[kind]);
    }
    if (!*chunk) {
        return false;
    }
    atomic_store_explicit(&store->count, count + 1, memory_order_release);
    *index = count;
    return true;
}

static bool push_free(struct registry_kind *store, uint32_t index)
{
    if (store->free_count == store->free_capacity) {
        uint32_t capacity = store->free_capacity ? store->free_capacity * 2 : 64;
        uint32_t *grown = realloc(store->free, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        store->free = grown;
        store->free_capacity = capacity;
    }
    store->free[store->free_count++] = index;
    return true;
}

static void refuse_name(struct registry *registry, uint32_t hash)
{
    uint32_t bit = hash % (REGISTRY_REFUSED_WORDS * UINT32_C(64));
    registry->refused[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* Enters an identity that is the registry's already at a free index. */
static bool enter(struct registry *registry, struct identity *identity)
{
    enum metric_kind kind = (enum metric_kind)identity->kind;
    if (!take_index(registry, kind, &identity->index)) {
        return false;
    }
    if (!table_insert(&registry->directory, hash_of(identity), identity->line)) {
        push_free(&registry->kinds[kind], identity->index);
        return false;
    }
    return true;
}

/* Under the lock. */
static unsigned add(struct registry *registry, const struct identity *draft, uint32_t *place)
{
    if (registry->series_count >= registry->series_max) {
        refuse_name(registry, hash_of(draft));
        return LOSS_SERIES_LIMIT;
    }
    struct identity *identity = keep_identity(registry, draft);
    if (!identity || !enter(registry, identity)) {
        drop_identity(registry, identity);
        return LOSS_MEMORY_LIMIT;
    }
    struct series *series =
        registry_at(registry, (enum metric_kind)identity->kind, identity->index);
    identity->generation = ++registry->generation;
    series->holders = 1;
    *place = identity_place(identity);
    atomic_store_explicit(&series->line, identity->line + 1, memory_order_release);
    atomic_fetch_add(&registry->series_count, 1);
    atomic_fetch_add(&registry->series_by_type[identity->type], 1);
    return 0;
}

static unsigned find_or_add(struct registry *registry, const struct identity *draft,
                            uint32_t *place)
{
    const struct table_slot *slot = find(registry, draft);
    if (!slot) {
        return add(registry, draft, place);
    }
    const struct identity *identity = lines_at(&registry->identities, slot->value);
    struct series *series =
        registry_at(registry, (enum metric_kind)identity->kind, identity->index);
    series->holders++;
    *place = identity_place(identity);
    return 0;
}

unsigned registry_resolve(struct registry *registry, enum statsd_type type, enum tags_style style,
                          const struct name_tags_text *sent, uint32_t *place)
{
    struct tag list[IDENTITY_TAGS_MAX];
    const char *name = sent->name;
    size_t name_length = sent->name_length;
    char clean[NAME_BYTES_MAX];
    if (registry->clean_names && name_length <= sizeof(clean)) {
        name_length = text_clean_name(clean, name, name_length);
        name = clean;
        if (name_length == 0) {
            return LOSS_NO_NAME_LEFT;
        }
    }
    int tag_count = canonical_tags(registry, style, sent->tags, sent->tags_length, list);
    if (tag_count < 0) {
        return LOSS_TOO_MANY_TAGS;
    }
    _Alignas(struct identity) char draft_bytes[DRAFT_BYTES_MAX];
    if (identity_bytes_max(name_length, list, (size_t)tag_count) > sizeof(draft_bytes)) {
        return LOSS_TAGS_TOO_LONG;
    }
    struct identity *draft = (struct identity *)(void *)draft_bytes;
    identity_init(draft, type, name, name_length, list, (size_t)tag_count);
    if (identity_bytes(draft) > (size_t)LINES_RUN_MAX * LINE_BYTES) {
        return LOSS_TAGS_TOO_LONG;
    }
    pthread_mutex_lock(&registry->lock);
    unsigned loss = find_or_add(registry, draft, place);
    pthread_mutex_unlock(&registry->lock);
    return loss;
}

void registry_release(struct registry *registry, uint32_t place)
{
    pthread_mutex_lock(&registry->lock);
    struct series *series = registry_at(registry, place_kind(place), place_index(place));
    REQUIRE(series->holders > 0);
    series->holders--;
    pthread_mutex_unlock(&registry->lock);
}

struct identity *registry_remove(struct registry *registry, enum metric_kind kind, uint32_t index,
                                 struct pool_cache *cache)
{
    struct series *series = registry_at(registry, kind, index);
    struct identity *identity = registry_identity_of(registry, series);
    pthread_mutex_lock(&registry->lock);
    if (series->holders > 0 || !push_free(&registry->kinds[kind], index)) {
        pthread_mutex_unlock(&registry->lock);
        return NULL;
    }
    struct table_slot *slot = find(registry, identity);
    REQUIRE(slot);
    table_remove(&registry->directory, slot);
    clear_series(series, kind, cache);
    memset(series, 0, series_bytes[kind]);
    atomic_fetch_sub(&registry->series_count, 1);
    atomic_fetch_sub(&registry->series_by_type[identity->type], 1);
    pthread_mutex_unlock(&registry->lock);
    return identity;
}

uint64_t registry_take_refused(struct registry *registry)
{
    uint64_t names = 0;
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < REGISTRY_REFUSED_WORDS; i++) {
        names += (uint64_t)__builtin_popcountll(registry->refused[i]);
        registry->refused[i] = 0;
    }
    pthread_mutex_unlock(&registry->lock);
    return names;
}
