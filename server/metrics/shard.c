/* SPDX-License-Identifier: MIT
 *
 * The way of a sample: hash of the raw bytes → slot → spelling compared in full → local id → cell
 * of the open slice. Nothing on it allocates, locks or writes what another thread reads.
 */
#include "server/metrics/shard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"
#include "server/core/require.h"
#include "server/metrics/figures.h"

/* A name as it was sent: the header, then the name, then the raw tags. */
struct spelling {
    uint32_t state; /* as in the table's slot */
    uint32_t tags_length;
    uint16_t name_length;
    uint8_t type;
    char bytes[];
};

#define SPELLING_BYTES offsetof(struct spelling, bytes)
#define STATE_KIND_SHIFT 30
#define STATE_LOCAL_MASK ((UINT32_C(1) << STATE_KIND_SHIFT) - 1)
#define MEMBER_SEED UINT64_C(0x5e7)

/* Sums of up to 1e8 counts, and squares of up to 1e8 timer values, stay finite within these. */
#define COUNT_MAX 1e300
#define TIMER_MAX 1e150

struct key {
    const char *name, *tags;
    uint32_t name_length, tags_length;
    uint8_t type;
    uint64_t hash;
};

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
    lines_init(&shard->names, pool);
    bool made = shard->cache && table_init(&shard->table) &&
                slice_init(&shard->slices[0], shard->series_max) &&
                slice_init(&shard->slices[1], shard->series_max);
    for (int kind = 0; made && kind < METRIC_KINDS; kind++) {
        shard->kinds[kind].chunks = calloc(shard->slices[0].chunks_max, sizeof(void *));
        made = shard->kinds[kind].chunks != NULL;
    }
    return made;
}

static void deinit_kind(struct shard *shard, struct shard_kind *kind)
{
    for (uint32_t i = 0; kind->chunks && i < shard->slices[0].chunks_max; i++) {
        free(kind->chunks[i]);
    }
    free(kind->chunks);
    free(kind->free);
}

void shard_deinit(struct shard *shard)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        deinit_kind(shard, &shard->kinds[kind]);
    }
    slice_deinit(&shard->slices[0], shard->cache);
    slice_deinit(&shard->slices[1], shard->cache);
    lines_deinit(&shard->names);
    table_deinit(&shard->table);
    free(shard->retired);
    if (shard->cache) {
        pool_cache_free(shard->cache);
    }
}

static struct key key_of(const char *datagram, const struct statsd_item *item)
{
    struct key key = {.name = datagram + item->name.offset,
                      .tags = datagram + item->tags.offset,
                      .name_length = item->name.length,
                      .tags_length = item->tags.length,
                      .type = item->type};
    uint64_t hash = hash_bytes(key.name, key.name_length, (uint64_t)key.type + 1);
    if (key.tags_length > 0) {
        hash ^= hash_bytes(key.tags, key.tags_length, STATSD_TYPES + 1) * 31;
    }
    key.hash = table_hash(hash);
    return key;
}

static bool is_spelled(const struct spelling *spelling, const struct key *key)
{
    return spelling->name_length == key->name_length && spelling->tags_length == key->tags_length &&
           spelling->type == key->type &&
           memcmp(spelling->bytes, key->name, key->name_length) == 0 &&
           memcmp(spelling->bytes + key->name_length, key->tags, key->tags_length) == 0;
}

static struct table_slot *find(const struct shard *shard, const struct key *key)
{
    struct table_slot *slot = table_first(&shard->table, key->hash);
    while (slot && !is_spelled(lines_at(&shard->names, slot->id), key)) {
        slot = table_next(&shard->table, slot);
    }
    return slot;
}

static bool push(uint32_t **stack, uint32_t *count, uint32_t *capacity, uint32_t value)
{
    if (*count == *capacity) {
        uint32_t wanted = *capacity ? *capacity * 2 : 64;
        uint32_t *grown = realloc(*stack, wanted * sizeof(*grown));
        if (!grown) {
            return false;
        }
        *stack = grown;
        *capacity = wanted;
    }
    (*stack)[(*count)++] = value;
    return true;
}

/* The flusher looks at every id below the published count, and one whose spelling could not be
 * entered leads nowhere: such an id says index 0, which exists, and has no name to be forgotten. */
static struct local_chunk *new_chunk(void)
{
    struct local_chunk *chunk = calloc(1, sizeof(*chunk));
    for (uint32_t i = 0; chunk && i < SLICE_CHUNK; i++) {
        chunk->name[i] = LINES_NONE;
    }
    return chunk;
}

/* A local id with its cells in both slices, so that a swap never has to allocate. */
static bool take_local(struct shard *shard, enum metric_kind kind, uint32_t *local)
{
    struct shard_kind *store = &shard->kinds[kind];
    if (store->free_count > 0) {
        *local = store->free[--store->free_count];
        return true;
    }
    if (store->count >= shard->series_max) {
        return false;
    }
    struct local_chunk **chunk = &store->chunks[store->count / SLICE_CHUNK];
    if (!*chunk) {
        *chunk = new_chunk();
    }
    if (!*chunk || !slice_reserve(&shard->slices[0], kind, store->count) ||
        !slice_reserve(&shard->slices[1], kind, store->count)) {
        return false;
    }
    *local = store->count++;
    return true;
}

static void give_local(struct shard *shard, enum metric_kind kind, uint32_t local)
{
    struct shard_kind *store = &shard->kinds[kind];
    /* Without memory for the stack the id is lost, which costs its cells and nothing else. */
    push(&store->free, &store->free_count, &store->free_capacity, local);
}

static uint32_t spell(struct shard *shard, const struct key *key, uint32_t state)
{
    uint32_t line = lines_take(&shard->names, SPELLING_BYTES + key->name_length + key->tags_length);
    if (line != LINES_NONE) {
        struct spelling *spelling = lines_at(&shard->names, line);
        spelling->state = state;
        spelling->tags_length = key->tags_length;
        spelling->name_length = (uint16_t)key->name_length;
        spelling->type = key->type;
        memcpy(spelling->bytes, key->name, key->name_length);
        memcpy(spelling->bytes + key->name_length, key->tags, key->tags_length);
    }
    return line;
}

static void unspell(struct shard *shard, uint32_t line)
{
    const struct spelling *spelling = lines_at(&shard->names, line);
    lines_give(&shard->names, line, SPELLING_BYTES + spelling->name_length + spelling->tags_length);
}

/* Enters a spelling that leads to registry index `owner`. */
static bool enter(struct shard *shard, const struct key *key, uint32_t owner, uint32_t *state)
{
    enum metric_kind kind = metric_kind_of((enum statsd_type)key->type);
    uint32_t local;
    if (!take_local(shard, kind, &local)) {
        return false;
    }
    *state = (uint32_t)kind << STATE_KIND_SHIFT | local;
    uint32_t line = spell(shard, key, *state);
    if (line == LINES_NONE || !table_insert(&shard->table, key->hash, line, *state)) {
        if (line != LINES_NONE) {
            unspell(shard, line);
        }
        give_local(shard, kind, local);
        return false;
    }
    struct local_chunk *chunk = shard->kinds[kind].chunks[local / SLICE_CHUNK];
    atomic_store_explicit(&chunk->owner[local % SLICE_CHUNK], owner, memory_order_relaxed);
    chunk->name[local % SLICE_CHUNK] = line;
    return true;
}

/* The path of a spelling that is not in the table: the registry decides. */
static unsigned admit(struct shard *shard, const struct key *key, uint32_t *state)
{
    uint32_t owner;
    unsigned loss = registry_resolve(shard->registry, (enum statsd_type)key->type, key->name,
                                     key->name_length, key->tags, key->tags_length, &owner);
    if (loss == 0 && !enter(shard, key, owner, state)) {
        registry_release(shard->registry, metric_kind_of((enum statsd_type)key->type), owner);
        loss = LOSS_MEMORY_LIMIT;
    }
    if (loss == LOSS_SERIES_LIMIT || loss == LOSS_MEMORY_LIMIT) {
        shard->names_refused++;
    }
    return loss;
}

static unsigned check(const struct shard *shard, const struct statsd_item *item)
{
    if (item->name.length > shard->name_bytes_max) {
        return LOSS_NAME_TOO_LONG;
    }
    if (item->tags.length > shard->tag_bytes_max) {
        return LOSS_TAGS_TOO_LONG;
    }
    if (item->rate < shard->rate_min && item->type != STATSD_GAUGE && item->type != STATSD_SET) {
        return LOSS_RATE_BELOW_MINIMUM;
    }
    if (item->type == STATSD_COUNTER) {
        return fabs(item->value / item->rate) > COUNT_MAX ? LOSS_OUT_OF_RANGE : 0;
    }
    bool timed = item->type != STATSD_GAUGE && item->type != STATSD_SET;
    bool large = fabs(item->value) > TIMER_MAX || 1 / item->rate > COUNT_MAX;
    return timed && large ? LOSS_OUT_OF_RANGE : 0;
}

static bool add(struct shard *shard, const char *datagram, const struct statsd_item *item,
                uint32_t state, uint64_t stamp_ns)
{
    struct slice *slice = shard->open;
    uint32_t local = state & STATE_LOCAL_MASK;
    switch (state >> STATE_KIND_SHIFT) {
    case METRIC_COUNTER:
        return slice_add_counter(slice, local, item->value / item->rate);
    case METRIC_GAUGE:
        slice_add_gauge(slice, local, item->value, item->delta, stamp_ns);
        return true;
    case METRIC_TIMER:
        return slice_add_timer(slice, local, item->value, 1 / item->rate, shard->cache);
    default:
        return slice_add_member(
            slice, local, hash_bytes(datagram + item->text.offset, item->text.length, MEMBER_SEED),
            shard->cache);
    }
}

unsigned shard_store(struct shard *shard, const char *datagram, const struct statsd_item *item,
                     uint64_t stamp_ns)
{
    unsigned loss = check(shard, item);
    if (loss) {
        return loss;
    }
    struct key key = key_of(datagram, item);
    const struct table_slot *slot = find(shard, &key);
    uint32_t state;
    if (slot) {
        state = slot->state;
    } else if ((loss = admit(shard, &key, &state))) {
        return loss;
    }
    return add(shard, datagram, item, state, stamp_ns) ? 0 : LOSS_MEMORY_LIMIT;
}

/* Local ids forgotten before the slice that has just come back was handed over are free. */
static void free_retired(struct shard *shard)
{
    uint32_t done = 0;
    while (done < shard->retired_count && shard->retired[done].hand_over < shard->hand_overs) {
        const struct retired *old = &shard->retired[done++];
        uint32_t owner = shard_owner(shard, (enum metric_kind)old->kind, old->local);
        registry_release(shard->registry, (enum metric_kind)old->kind, owner);
        give_local(shard, (enum metric_kind)old->kind, old->local);
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
        given->count[kind] = shard->kinds[kind].count;
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
    uint32_t *line = &shard->kinds[kind].chunks[local / SLICE_CHUNK]->name[local % SLICE_CHUNK];
    if (*line == LINES_NONE || !retire(shard, kind, local)) {
        return;
    }
    const struct spelling *spelling = lines_at(&shard->names, *line);
    struct statsd_item item = {.type = spelling->type,
                               .name = {0, spelling->name_length},
                               .tags = {spelling->name_length, spelling->tags_length}};
    struct key key = key_of(spelling->bytes, &item);
    struct table_slot *slot = find(shard, &key);
    REQUIRE(slot && slot->id == *line);
    table_remove(&shard->table, slot);
    unspell(shard, *line);
    *line = LINES_NONE;
}
