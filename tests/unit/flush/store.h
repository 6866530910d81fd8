/* SPDX-License-Identifier: MIT
 *
 * The way from a line to a snapshot without sockets and threads, for tests: a registry, a few
 * shards with their hand-overs, and a clock that the test turns. A test plays the workers and the
 * flusher itself.
 */
#ifndef TESTS_UNIT_FLUSH_STORE_H
#define TESTS_UNIT_FLUSH_STORE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/flush/derive.h"
#include "server/flush/expire.h"
#include "server/flush/handover.h"
#include "server/flush/merge.h"
#include "server/flush/published.h"
#include "server/metrics/figures.h"
#include "server/metrics/shard_group.h"

#define STORE_WORKERS_MAX 4
#define STORE_SECOND UINT64_C(1000000000)

struct store {
    struct config *config;
    struct pool *pool;
    struct registry *registry;
    struct pool_cache *cache;
    struct graveyard graveyard;
    struct published published;
    struct detector *detector; /* NULL unless the test makes one */
    struct shard shards[STORE_WORKERS_MAX];
    struct handover handovers[STORE_WORKERS_MAX];
    size_t workers;
    uint64_t now_ns, started_ns, sequence, windows;
};

/* `overrides` are as of --set, ended by NULL. */
static inline struct config *store_config(const char *const *overrides)
{
    size_t count = 0;
    while (overrides && overrides[count]) {
        count++;
    }
    struct config_sources sources = {
        .path = "/dev/null", .overrides = overrides, .override_count = count};
    struct config *config = config_load(&sources, stderr, NULL);
    REQUIRE(config);
    return config;
}

static inline struct store *store_new(const char *const *overrides, size_t workers)
{
    struct store *store = calloc(1, sizeof(*store));
    REQUIRE(store && workers <= STORE_WORKERS_MAX);
    store->config = store_config(overrides);
    store->pool = pool_new(store->config->limits.memory_bytes);
    store->cache = pool_cache_new(store->pool);
    store->registry = registry_new(store->config, store->pool);
    REQUIRE(store->pool && store->cache && store->registry);
    graveyard_init(&store->graveyard, store->registry, store->cache);
    published_init(&store->published);
    store->workers = workers;
    store->now_ns = store->started_ns = 1000 * STORE_SECOND;
    for (size_t i = 0; i < workers; i++) {
        REQUIRE(shard_init(&store->shards[i], store->config, store->registry, store->pool));
        REQUIRE(handover_init(&store->handovers[i], &store->shards[i]));
    }
    return store;
}

static inline void store_free(struct store *store)
{
    published_deinit(&store->published);
    graveyard_deinit(&store->graveyard);
    for (size_t i = 0; i < store->workers; i++) {
        handover_deinit(&store->handovers[i]);
        shard_deinit(&store->shards[i]);
    }
    detector_free(store->detector);
    registry_free(store->registry, store->cache);
    pool_cache_free(store->cache);
    pool_free(store->pool);
    config_free(store->config);
    free(store);
}

/* Stores the samples of a datagram; answers the latest loss, 0 when there was none. */
static inline unsigned store_put_in(struct shard *shard, const char *datagram, uint64_t stamp_ns)
{
    struct statsd_parser parser;
    struct statsd_item items[16];
    unsigned loss = 0;
    size_t count;
    statsd_parser_init(&parser, STATSD_AUTO);
    statsd_parser_feed(&parser, datagram, (uint32_t)strlen(datagram));
    while ((count = statsd_parser_read(&parser, items, 16)) > 0) {
        for (size_t i = 0; i < count; i++) {
            REQUIRE(items[i].kind == STATSD_SAMPLE);
            unsigned one = shard_store(shard, datagram, &items[i], stamp_ns);
            loss = one ? one : loss;
        }
    }
    return loss;
}

static inline unsigned store_put(struct store *store, size_t worker, const char *datagram)
{
    return store_put_in(&store->shards[worker], datagram, store->now_ns);
}

/* Merges what the workers have to hand over. */
static inline size_t store_merge(struct store *store)
{
    struct slice *slices[STORE_WORKERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < store->workers; i++) {
        struct slice *slice = handover_take(&store->handovers[i], store->now_ns);
        if (slice) {
            slices[count++] = slice;
        }
    }
    size_t lost = merge_slices(store->registry, slices, count, store->cache);
    for (size_t i = 0; i < store->workers; i++) {
        handover_return(&store->handovers[i]);
    }
    return lost;
}

/* A whole round: every worker is asked and answers at once. */
static inline void store_collect(struct store *store)
{
    for (size_t i = 0; i < store->workers; i++) {
        handover_ask(&store->handovers[i], false);
        handover_give(&store->handovers[i], handover_question(&store->handovers[i]), store->now_ns);
    }
    store_merge(store);
}

static inline struct derive_options store_describe(struct store *store)
{
    const struct snapshot *closed = store->published.closed;
    return (struct derive_options){
        .config = store->config,
        .registry = store->registry,
        .cache = store->cache,
        .graveyard = &store->graveyard,
        .detector = store->detector,
        .sequence = ++store->sequence,
        .window = store->windows,
        .now_ns = store->now_ns,
        .timestamp = (double)store->now_ns / 1e9,
        .window_seconds = (double)(store->now_ns - store->started_ns) / 1e9,
        .active = closed ? closed->active : NULL,
        .active_count = closed ? closed->active_count : 0,
    };
}

static inline void store_sweep(struct store *store)
{
    graveyard_sweep(&store->graveyard, published_sweep(&store->published));
}

static inline size_t store_expire(struct store *store)
{
    struct expire_options options = {
        .registry = store->registry,
        .graveyard = &store->graveyard,
        .detector = store->detector,
        .cache = store->cache,
        .handovers = store->handovers,
        .handover_count = store->workers,
        .now_ns = store->now_ns,
        .sequence = store->sequence + 1,
    };
    return expire_series(&options);
}

/* Collects and closes the window after `seconds`. The snapshot stays valid until the next close,
 * for longer with a reference of its own. */
static inline const struct snapshot *store_close_as(struct store *store, double seconds, bool final)
{
    store->now_ns = store->started_ns + (uint64_t)(seconds * 1e9);
    store_collect(store);
    struct derive_options options = store_describe(store);
    options.close = true;
    options.final = final;
    options.window = ++store->windows;
    REQUIRE(published_reserve(&store->published));
    struct snapshot *snapshot = derive_snapshot(&options);
    REQUIRE(snapshot);
    published_add(&store->published, snapshot);
    store->started_ns = store->now_ns;
    store_expire(store);
    store_sweep(store);
    return snapshot;
}

static inline const struct snapshot *store_close(struct store *store, double seconds)
{
    return store_close_as(store, seconds, false);
}

/* Collects and looks into the open window, which has lasted for `seconds`. */
static inline const struct snapshot *store_view(struct store *store, double seconds)
{
    store->now_ns = store->started_ns + (uint64_t)(seconds * 1e9);
    store_collect(store);
    struct derive_options options = store_describe(store);
    REQUIRE(published_reserve(&store->published));
    struct snapshot *snapshot = derive_snapshot(&options);
    REQUIRE(snapshot);
    published_add(&store->published, snapshot);
    store_sweep(store);
    return snapshot;
}

static inline bool store_is(const struct identity *identity, const char *name)
{
    return identity->name_length == strlen(name) &&
           memcmp(identity_name(identity), name, identity->name_length) == 0;
}

/* The first row of this name, NULL when there is none. */
#define STORE_FIND(type, rows, count)                                              \
    static inline const struct type *store_##rows(const struct snapshot *snapshot, \
                                                  const char *name)                \
    {                                                                              \
        for (size_t i = 0; i < snapshot->count; i++) {                             \
            if (store_is(snapshot->rows[i].identity, name)) {                      \
                return &snapshot->rows[i];                                         \
            }                                                                      \
        }                                                                          \
        return NULL;                                                               \
    }
STORE_FIND(counter_row, counters, counter_count)
STORE_FIND(gauge_row, gauges, gauge_count)
STORE_FIND(timer_row, timers, timer_count)
STORE_FIND(set_row, sets, set_count)

/* cmocka's own compares floats. */
#define assert_near(value, expected, distance) \
    store_assert_near(value, expected, distance, __FILE__, __LINE__)
static inline void store_assert_near(double value, double expected, double distance,
                                     const char *file, int line)
{
    if (!(fabs(value - expected) <= distance)) {
        print_error("%.17g is not within %g of %.17g\n", value, distance, expected);
        _fail(file, line);
    }
}

/* xorshift64, for properties; `seed` is not 0. */
static inline uint64_t store_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
