/* SPDX-License-Identifier: MIT */
#include "server/http/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "server/http/family.h"
#include "server/http/resolve.h"

#define NS_PER_MS UINT64_C(1000000)

/* Identities lie anywhere in memory: they are fetched so many rows ahead. */
#define ROWS_AHEAD 12

bool catalogue_init(struct catalogue *catalogue, const struct config *config)
{
    *catalogue = (struct catalogue){.budget = CATALOGUE_NAMING_BUDGET};
    naming_init(&catalogue->naming, config);
    if (index_init(&catalogue->names) && index_init(&catalogue->series) &&
        table_init(&catalogue->logged)) {
        return true;
    }
    catalogue_deinit(catalogue);
    return false;
}

static void forget_all(struct catalogue *catalogue)
{
    /* Half merged, the list is not whole. */
    size_t work = SIZE_MAX;
    order_step(&catalogue->order, catalogue->families, &work);
    families_free(catalogue);
    for (size_t kind = 0; kind < METRIC_KINDS; kind++) {
        free(catalogue->sources[kind]);
        free(catalogue->pending[kind]);
        free(catalogue->watches[kind]);
        catalogue->sources[kind] = NULL;
        catalogue->pending[kind] = NULL;
        catalogue->watches[kind] = NULL;
        catalogue->source_count[kind] = catalogue->resolved[kind] = 0;
        catalogue->pending_count[kind] = catalogue->pending_capacity[kind] = 0;
    }
    index_deinit(&catalogue->names);
    index_deinit(&catalogue->series);
    catalogue->refused = catalogue->emptied = catalogue->waiting = 0;
}

void catalogue_deinit(struct catalogue *catalogue)
{
    forget_all(catalogue);
    naming_deinit(&catalogue->naming);
    table_deinit(&catalogue->logged);
    buffer_deinit(&catalogue->scratch);
}

bool catalogue_rename(struct catalogue *catalogue, struct mapper mapper)
{
    forget_all(catalogue);
    naming_set_mapper(&catalogue->naming, mapper);
    return index_init(&catalogue->names) && index_init(&catalogue->series);
}

/* Makes a longer array of what is at `items`, zeroed behind the `count` there are. */
static bool lengthen(void **items, size_t size, size_t count, size_t wanted)
{
    char *grown = realloc(*items, wanted * size);
    if (!grown) {
        return false;
    }
    memset(grown + count * size, 0, (wanted - count) * size);
    *items = grown;
    return true;
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
    void *watches = catalogue->watches[kind];
    if (catalogue->naming.expires) {
        if (!lengthen(&watches, sizeof(struct watch), count, wanted)) {
            return false;
        }
        catalogue->watches[kind] = watches;
    }
    void *sources = catalogue->sources[kind];
    if (!lengthen(&sources, sizeof(struct source), count, wanted)) {
        return false;
    }
    catalogue->sources[kind] = sources;
    catalogue->source_count[kind] = wanted;
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
            catalogue->refused -= source->state == SOURCE_REFUSED;
            *source = (struct source){0};
        }
    }
}

/* What changes with a sample of the row. */
static double row_mark(const struct snapshot *snapshot, enum metric_kind kind, size_t row)
{
    switch (kind) {
    case METRIC_COUNTER:
        return snapshot->counters[row].total;
    case METRIC_GAUGE:
        return (double)snapshot->gauges[row].updated_ns;
    case METRIC_TIMER:
        return snapshot->timers[row].total_count;
    default:
        /* A member that is sent again changes nothing but this. */
        return snapshot->sets[row].updated ? (double)snapshot->sequence : 0;
    }
}

/* Whether the lifetime that the rules give the source has passed since its latest sample. */
static bool has_expired(struct catalogue *catalogue, const struct snapshot *snapshot,
                        enum metric_kind kind, size_t row, const struct identity *identity)
{
    struct watch *watch = &catalogue->watches[kind][identity->index];
    const struct source *source = &catalogue->sources[kind][identity->index];
    double mark = row_mark(snapshot, kind, row);
    bool heard = mark > watch->mark;
    if (heard || watch->generation != identity->generation) {
        uint64_t heard_ns =
            kind == METRIC_GAUGE ? snapshot->gauges[row].updated_ns : snapshot->taken_ns;
        *watch = (struct watch){mark, heard_ns, identity->generation, false};
    }
    uint64_t ttl_ms = naming_options(&catalogue->naming, source->rule)->ttl_ms;
    watch->mark = mark;
    if (source->state == SOURCE_SHOWN && ttl_ms > 0) {
        watch->hidden |= snapshot->taken_ns - watch->heard_ns >= ttl_ms * NS_PER_MS;
    }
    return watch->hidden;
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
        if (catalogue->naming.expires && has_expired(catalogue, snapshot, kind, row, identity)) {
            source->stale = true;
            source->round = catalogue->round;
            continue;
        }
        source->round = catalogue->round;
        source->row = (uint32_t)row;
        if (source->state == SOURCE_UNKNOWN && source->created == 0) {
            source->created = catalogue->before; /* it may have to wait for its name */
        }
        if (source->state == SOURCE_UNKNOWN || source->stale) {
            complete &= resolve_push(catalogue, kind, (uint32_t)row);
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
        if (source->state == SOURCE_REFUSED && resolve_push(catalogue, kind, source->row)) {
            source->state = SOURCE_UNKNOWN;
            catalogue->refused--;
        } else {
            complete &= source->state != SOURCE_REFUSED;
        }
    }
    return complete;
}

static uint32_t unix_seconds(double timestamp)
{
    return timestamp < 1 ? 1 : (uint32_t)timestamp;
}

void catalogue_begin(struct catalogue *catalogue, const struct snapshot *snapshot)
{
    bool complete = true;
    uint32_t latest = unix_seconds(snapshot->timestamp);
    if (catalogue->round == 0) {
        catalogue->before = unix_seconds(snapshot->timestamp - snapshot->uptime_seconds);
    } else if (latest != catalogue->latest) {
        catalogue->before = catalogue->latest;
    }
    catalogue->latest = latest;
    catalogue->round++;
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        complete &= scan(catalogue, snapshot, (enum metric_kind)kind);
    }
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        forget_gone(catalogue, (enum metric_kind)kind);
    }
    bool retry = families_reap(catalogue) > 0 && catalogue->refused > 0;
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        complete &= !retry || retry_refused(catalogue, (enum metric_kind)kind);
    }
    resolve_begin(catalogue, snapshot);
    catalogue->complete = complete;
    catalogue->order_begun = false;
}

bool catalogue_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work)
{
    if (!catalogue->order_begun) {
        if (!resolve_step(catalogue, snapshot, work)) {
            return false;
        }
        order_begin(&catalogue->order, catalogue->families, catalogue->sorted,
                    catalogue->family_count);
        catalogue->order_begun = true;
    }
    bool done = order_step(&catalogue->order, catalogue->families, work);
    catalogue->sorted = done ? catalogue->family_count : catalogue->sorted;
    return done;
}
