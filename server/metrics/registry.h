/* SPDX-License-Identifier: MIT
 *
 * The registry: every known series by its canonical identity, with what outlives a slice: the open
 * window's accumulator, running totals, gauge values, when it was last seen, and the last window's
 * sketch.
 *
 * Two sides, two rules. The directory (identity → index, and the free indexes) is guarded by a
 * mutex: workers call registry_resolve() when they see a spelling for the first time, never on the
 * steady path. The series' accumulators belong to the flusher alone. An index is dense within its
 * kind and is reused after registry_remove(); storage is in chunks that never move.
 *
 * Memory: an entry costs 32 bytes a counter, 32 a gauge, 152 a timer, 32 a set, plus its identity
 * (in whole lines of 64 bytes) and about 16 bytes of directory, all counted against the pool's
 * budget or bounded by series_max.
 */
#ifndef SERVER_METRICS_REGISTRY_H
#define SERVER_METRICS_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "proto/name_tags.h"
#include "server/core/lines.h"
#include "server/core/pool.h"
#include "server/core/table.h"
#include "server/metrics/events.h"
#include "server/metrics/exemplar.h"
#include "server/metrics/identity.h"
#include "server/metrics/set.h"
#include "server/metrics/timer.h"

#define REGISTRY_CHUNK 1024
#define REGISTRY_EXEMPLARS 4096
#define REGISTRY_REFUSED_WORDS 64

struct series {
    uint64_t seen_ns;      /* monotonic end of the latest slice with samples; 0 = none yet */
    _Atomic uint32_t line; /* of its identity, and 1; 0: this index is free */
    uint16_t holders;      /* how often workers lead here or did a moment ago; under the lock */
    bool touched : 1;      /* had samples in the open window */
    bool expired : 1;      /* not shown any more; removed once `holders` is 0 */
    bool forgetting : 1;   /* the workers were told to let go of it */
    bool unseen : 1;       /* no sample was merged yet when a window closed */
};

struct counter_series {
    struct series series;
    double count; /* of the open window */
    double total; /* positive increments since first seen */
};

struct gauge_series {
    struct series series;
    double value;
    uint64_t set_ns; /* stamp of the set that counts */
};

/* What of closed windows cumulative histograms are made of. The sketch is only replaced, never
 * changed, since snapshots show it. */
struct timer_kept {
    struct sketch *total; /* NULL unless wanted (derive.h) */
    double carry;         /* the fraction of a unit that is not in it yet */
    double buckets[];     /* cumulative classic buckets, then the highest shown */
};

struct timer_series {
    struct series series;
    struct timer window;
    double total_count, total_sum; /* of closed windows */
    double *quantiles;             /* of the latest closed window with samples */
    struct sketch *sketch;         /* of the same window */
    uint64_t quantiles_ns;         /* monotonic end of that window */
    struct timer_kept *kept;       /* NULL unless histograms are shown somewhere */
};

struct set_series {
    struct series series;
    struct set *window;
    struct set *last; /* of the latest closed window with samples */
};

struct registry_kind {
    void **chunks;
    _Atomic uint32_t count; /* indexes ever used are below */
    uint32_t *free;         /* stack of free indexes */
    uint32_t free_count, free_capacity;
};

struct registry {
    pthread_mutex_t lock;
    struct table directory; /* identity hash → line of the identity */
    struct registry_kind kinds[METRIC_KINDS];
    struct lines identities; /* workers read those of the series they lead to */
    struct pool *pool;
    uint32_t chunks_max;
    uint64_t series_max;
    uint64_t tags_max;
    bool clean_names; /* profile etsy */
    uint32_t generation;
    struct tag *own_tags; /* metrics.tags, pointing into own_text */
    size_t own_tag_count;
    char *own_text;
    _Atomic uint64_t series_count; /* of all kinds */
    _Atomic uint64_t series_by_type[STATSD_TYPES];
    struct events events;       /* of the open window; the flusher's */
    struct exemplars exemplars; /* the flusher's */
    _Atomic uint64_t events_lost[EVENT_LOSSES];
    /* A bit by hash for each name refused at the limit since registry_take_refused(). */
    uint64_t refused[REGISTRY_REFUSED_WORDS];
};

/* NULL without memory. `config` is read during the call only. */
struct registry *registry_new(const struct config *config, struct pool *pool);

/* `cache` takes back what the series hold. */
void registry_free(struct registry *registry, struct pool_cache *cache);

/* Any thread. Finds or makes the series of this type, name and raw tags, as name_tags_resolve()
 * leaves them (with profile etsy, of what cleaning leaves of the name), and counts one more holder
 * on it. Returns 0 with its place, or an enum loss_reason.
 */
unsigned registry_resolve(struct registry *registry, enum statsd_type type, enum tags_style style,
                          const struct name_tags_text *sent, uint32_t *place);

/* Any thread: one holder less on this series. */
void registry_release(struct registry *registry, uint32_t place);

/* Flusher: the series at an index below registry_count(). */
static inline uint32_t registry_count(const struct registry *registry, enum metric_kind kind)
{
    return atomic_load_explicit(&registry->kinds[kind].count, memory_order_acquire);
}
void *registry_at(const struct registry *registry, enum metric_kind kind, uint32_t index);

/* The identity of a series, NULL where the index is free. */
static inline struct identity *registry_identity_of(const struct registry *registry,
                                                    const struct series *series)
{
    uint32_t line = atomic_load_explicit(&series->line, memory_order_acquire);
    return line ? lines_at(&registry->identities, line - 1) : NULL;
}

/* Any thread that holds the series at this place (registry_resolve()). */
static inline const struct identity *registry_identity_at(const struct registry *registry,
                                                          uint32_t place)
{
    return registry_identity_of(registry,
                                registry_at(registry, place_kind(place), place_index(place)));
}

/* Flusher: the identity, NULL where the index is free or no sample has been merged yet. */
static inline const struct identity *registry_identity(const struct registry *registry,
                                                       const struct series *series)
{
    return series->seen_ns > 0 ? registry_identity_of(registry, series) : NULL;
}

/* Flusher: takes an expired series out of the directory when no worker holds it any more, frees
 * what it holds, and returns its identity, which the caller frees with registry_free_identity()
 * once no snapshot shows it. NULL when workers still do. */
struct identity *registry_remove(struct registry *registry, enum metric_kind kind, uint32_t index,
                                 struct pool_cache *cache);
void registry_free_identity(struct registry *registry, struct identity *identity);

/* How many different names were refused at the limit since the last call: at least, and never more
 * than REGISTRY_REFUSED_WORDS * 64. */
uint64_t registry_take_refused(struct registry *registry);

#endif
