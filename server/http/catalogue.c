/* SPDX-License-Identifier: MIT */
#include "server/http/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"
#include "server/core/log.h"
#include "server/http/family.h"

/* Names are logged once; beyond this many the log stays silent, the counter goes on. */
#define LOGGED_NAMES_MAX 1000

#define SEED_LOGGED 0x6c6f6767

/* Rows: room for more than that is given back when they are resolved. */
#define PENDING_KEPT_MAX 16384

/* Identities lie anywhere in memory: they are fetched so many rows ahead. */
#define ROWS_AHEAD 12

/* The order new sources are resolved in. Gauges and sets have a second name to go by and so come
 * last: where one datagram uses a name in several types, most of them are shown. */
static const enum metric_kind resolve_order[METRIC_KINDS] = {METRIC_COUNTER, METRIC_TIMER,
                                                             METRIC_GAUGE, METRIC_SET};

bool catalogue_init(struct catalogue *catalogue)
{
    *catalogue = (struct catalogue){0};
    if (index_init(&catalogue->names) && index_init(&catalogue->series) &&
        table_init(&catalogue->logged)) {
        return true;
    }
    catalogue_deinit(catalogue);
    return false;
}

void catalogue_deinit(struct catalogue *catalogue)
{
    /* Half merged, the list is not whole. */
    size_t work = SIZE_MAX;
    order_step(&catalogue->order, catalogue->families, &work);
    families_free(catalogue);
    for (size_t kind = 0; kind < METRIC_KINDS; kind++) {
        free(catalogue->sources[kind]);
        free(catalogue->pending[kind]);
    }
    index_deinit(&catalogue->names);
    index_deinit(&catalogue->series);
    table_deinit(&catalogue->logged);
    buffer_deinit(&catalogue->scratch);
}

static size_t row_count(const struct snapshot *snapshot, enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return snapshot->counter_count;
    case METRIC_GAUGE:
        return snapshot->gauge_count;
    case METRIC_TIMER:
        return snapshot->timer_count;
    default:
        return snapshot->set_count;
    }
}

static const struct identity *row_identity(const struct snapshot *snapshot, enum metric_kind kind,
                                           size_t row)
{
    switch (kind) {
    case METRIC_COUNTER:
        return snapshot->counters[row].identity;
    case METRIC_GAUGE:
        return snapshot->gauges[row].identity;
    case METRIC_TIMER:
        return snapshot->timers[row].identity;
    default:
        return snapshot->sets[row].identity;
    }
}

/* Makes the sources up to `index` addressable. */
static bool reach(struct catalogue *catalogue, enum metric_kind kind, uint32_t index)
{
    size_t count = catalogue->source_count[kind];
    if (index < count) {
        return true;
    }
    size_t wanted = count ? count : 64;
    while (wanted <= index) {
        wanted *= 2;
    }
    struct source *grown = realloc(catalogue->sources[kind], wanted * sizeof(*grown));
    if (!grown) {
        return false;
    }
    memset(grown + count, 0, (wanted - count) * sizeof(*grown));
    catalogue->sources[kind] = grown;
    catalogue->source_count[kind] = wanted;
    return true;
}

static bool push_pending(struct catalogue *catalogue, enum metric_kind kind, uint32_t row)
{
    size_t capacity = catalogue->pending_capacity[kind];
    if (catalogue->pending_count[kind] == capacity) {
        capacity = capacity ? capacity * 2 : 64;
        uint32_t *grown = realloc(catalogue->pending[kind], capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        catalogue->pending[kind] = grown;
        catalogue->pending_capacity[kind] = capacity;
    }
    catalogue->pending[kind][catalogue->pending_count[kind]++] = row;
    return true;
}

/* True where the series of the registry that the source stands for is gone. */
static bool is_gone(const struct catalogue *catalogue, const struct source *source)
{
    return source->state != SOURCE_UNKNOWN && (source->stale || source->round != catalogue->round);
}

/* Takes all sources that are gone out of a series at once, so that a long chain is walked only
 * once, and the series out of its family when none is left. */
static void sweep(struct catalogue *catalogue, enum metric_kind kind, struct series *series)
{
    struct source *sources = catalogue->sources[kind];
    uint32_t *link = &series->first_source;
    while (*link != SOURCE_NONE) {
        struct source *source = &sources[*link];
        if (is_gone(catalogue, source)) {
            *link = source->next;
            *source = (struct source){0};
        } else {
            link = &source->next;
        }
    }
    if (series->first_source == SOURCE_NONE) {
        family_drop_series(catalogue, series);
    }
}

static void forget_gone(struct catalogue *catalogue, enum metric_kind kind)
{
    for (size_t index = 0; index < catalogue->source_count[kind]; index++) {
        struct source *source = &catalogue->sources[kind][index];
        if (!is_gone(catalogue, source)) {
            continue;
        }
        if (source->state == SOURCE_SHOWN) {
            sweep(catalogue, kind, source->series);
        } else {
            catalogue->refused--;
            *source = (struct source){0};
        }
    }
}

/* Sets the rows of the sources that are known and makes a list of the others. */
static bool scan(struct catalogue *catalogue, const struct snapshot *snapshot,
                 enum metric_kind kind)
{
    size_t count = row_count(snapshot, kind);
    bool complete = true;
    for (size_t row = 0; row < count; row++) {
        const struct identity *identity = row_identity(snapshot, kind, row);
        if (row + ROWS_AHEAD < count) {
            __builtin_prefetch(row_identity(snapshot, kind, row + ROWS_AHEAD));
        }
        if (!reach(catalogue, kind, identity->index)) {
            complete = false;
            continue;
        }
        struct source *source = &catalogue->sources[kind][identity->index];
        source->stale = source->generation != identity->generation;
        source->round = catalogue->round;
        source->row = (uint32_t)row;
        if (source->state == SOURCE_UNKNOWN || source->stale) {
            complete &= push_pending(catalogue, kind, (uint32_t)row);
        }
    }
    return complete;
}

/* Names have become free: whoever was refused may have one now. */
static bool retry_refused(struct catalogue *catalogue, enum metric_kind kind)
{
    bool complete = true;
    for (size_t index = 0; index < catalogue->source_count[kind]; index++) {
        struct source *source = &catalogue->sources[kind][index];
        if (source->state == SOURCE_REFUSED && push_pending(catalogue, kind, source->row)) {
            source->state = SOURCE_UNKNOWN;
            catalogue->refused--;
        } else {
            complete &= source->state != SOURCE_REFUSED;
        }
    }
    return complete;
}

static bool first_time(struct catalogue *catalogue, const struct identity *identity)
{
    uint32_t hash =
        table_hash(hash_bytes(identity_name(identity), identity->name_length, SEED_LOGGED));
    return !table_first(&catalogue->logged, hash) && catalogue->logged.count < LOGGED_NAMES_MAX &&
           table_insert(&catalogue->logged, hash, 0);
}

static void refuse(struct catalogue *catalogue, struct source *source,
                   const struct identity *identity)
{
    source->state = SOURCE_REFUSED;
    catalogue->refused++;
    if (source->counted) {
        return;
    }
    source->counted = true;
    catalogue->conflicts++;
    if (first_time(catalogue, identity)) {
        log_line(LOG_LEVEL_WARNING, "name belongs to another type in Prometheus, not shown there",
                 "metric", log_text("%.*s", identity->name_length, identity_name(identity)), "type",
                 statsd_type_name(identity->type), NULL);
    }
}

/* False without memory. */
static bool resolve(struct catalogue *catalogue, enum metric_kind kind,
                    const struct identity *identity, uint32_t row)
{
    struct source *source = &catalogue->sources[kind][identity->index];
    if (source->created == 0 || source->generation != identity->generation) {
        source->created = catalogue->before;
    }
    source->generation = identity->generation;
    source->round = catalogue->round;
    source->row = row;
    source->stale = false;
    bool clash;
    struct family *family = family_resolve(catalogue, identity, &clash);
    if (!family) {
        if (clash) {
            refuse(catalogue, source, identity);
        }
        return clash;
    }
    struct series *series = family_series(catalogue, family, identity);
    if (!series) {
        catalogue->emptied += family->first == NULL;
        return false;
    }
    source->series = series;
    source->state = SOURCE_SHOWN;
    source->next = series->first_source;
    series->first_source = identity->index;
    return true;
}

static void free_pending(struct catalogue *catalogue, enum metric_kind kind)
{
    if (catalogue->pending_capacity[kind] > PENDING_KEPT_MAX) {
        free(catalogue->pending[kind]);
        catalogue->pending[kind] = NULL;
        catalogue->pending_capacity[kind] = 0;
    }
    catalogue->pending_count[kind] = 0;
}

/* True when all of the kind are resolved. */
static bool resolve_some(struct catalogue *catalogue, const struct snapshot *snapshot,
                         enum metric_kind kind, size_t *work)
{
    size_t count = catalogue->pending_count[kind];
    for (; catalogue->resolved<count && * work> 0; --*work) {
        uint32_t row = catalogue->pending[kind][catalogue->resolved++];
        catalogue->complete &= resolve(catalogue, kind, row_identity(snapshot, kind, row), row);
    }
    if (catalogue->resolved < count) {
        return false;
    }
    free_pending(catalogue, kind);
    catalogue->resolved = 0;
    return true;
}

static uint32_t unix_seconds(double timestamp)
{
    return timestamp < 1 ? 1 : (uint32_t)timestamp;
}

void catalogue_begin(struct catalogue *catalogue, const struct snapshot *snapshot)
{
    bool complete = true;
    catalogue->before = catalogue->round == 0
                            ? unix_seconds(snapshot->timestamp - snapshot->uptime_seconds)
                            : catalogue->latest;
    catalogue->latest = unix_seconds(snapshot->timestamp);
    catalogue->round++;
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        complete &= scan(catalogue, snapshot, (enum metric_kind)kind);
    }
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        forget_gone(catalogue, (enum metric_kind)kind);
    }
    bool retry = families_reap(catalogue) > 0 && catalogue->refused > 0;
    for (unsigned i = 0; i < METRIC_KINDS; i++) {
        complete &= !retry || retry_refused(catalogue, resolve_order[i]);
    }
    catalogue->complete = complete;
    catalogue->resolving = 0;
}

bool catalogue_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work)
{
    while (catalogue->resolving < METRIC_KINDS) {
        if (!resolve_some(catalogue, snapshot, resolve_order[catalogue->resolving], work)) {
            return false;
        }
        if (++catalogue->resolving == METRIC_KINDS) {
            order_begin(&catalogue->order, catalogue->families, catalogue->sorted,
                        catalogue->family_count);
        }
    }
    bool done = order_step(&catalogue->order, catalogue->families, work);
    catalogue->sorted = done ? catalogue->family_count : catalogue->sorted;
    return done;
}
