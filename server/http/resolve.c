/* SPDX-License-Identifier: MIT */
#include "server/http/resolve.h"

#include <stdlib.h>

#include "server/core/hash.h"
#include "server/core/log.h"
#include "server/http/family.h"

/* Names are logged once; beyond this many the log stays silent, the counter goes on. */
#define LOGGED_NAMES_MAX 1000

#define NS_PER_SECOND UINT64_C(1000000000)
#define SEED_LOGGED 0x6c6f6767

/* Rows: room for more than that is given back when they are resolved. */
#define PENDING_KEPT_MAX 16384

/* The order new sources are resolved in. Gauges and sets have a second name to go by and so come
 * last: where one datagram uses a name in several types, most of them are shown. */
static const enum metric_kind resolve_order[METRIC_KINDS] = {METRIC_COUNTER, METRIC_TIMER,
                                                             METRIC_GAUGE, METRIC_SET};

bool resolve_push(struct catalogue *catalogue, enum metric_kind kind, uint32_t row)
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

/* Asks what the identity is called, out of the budget. False when there is nothing left, or no
 * memory. */
static bool ask(struct catalogue *catalogue, const struct identity *identity, size_t *work)
{
    unsigned cost;
    if (catalogue->budget == 0) {
        catalogue->waiting++;
        return false;
    }
    if (!naming_ask(&catalogue->naming, identity, &cost)) {
        catalogue->complete = false;
        return false;
    }
    catalogue->budget -= cost < catalogue->budget ? cost : catalogue->budget;
    /* One unit is taken for every source; this is what comes on top. */
    *work -= cost < *work ? cost : *work - 1;
    return true;
}

/* The names were asked for the identity. False without memory. */
static bool resolve(struct catalogue *catalogue, enum metric_kind kind,
                    const struct identity *identity, uint32_t row)
{
    struct source *source = &catalogue->sources[kind][identity->index];
    source->created = source->created ? source->created : catalogue->before;
    source->generation = identity->generation;
    source->round = catalogue->round;
    source->row = row;
    source->stale = false;
    source->rule = naming_rule(&catalogue->naming);
    if (naming_drop(&catalogue->naming) || (catalogue->own_apart && identity->own)) {
        source->state = SOURCE_DROPPED;
        return true;
    }
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
    catalogue->pending_count[kind] = catalogue->resolved[kind] = 0;
}

static void resolve_next(struct catalogue *catalogue, const struct snapshot *snapshot,
                         enum metric_kind kind, size_t *work)
{
    uint32_t row = catalogue->pending[kind][catalogue->resolved[kind]++];
    const struct identity *identity = row_identity(snapshot, kind, row);
    if (ask(catalogue, identity, work)) {
        catalogue->complete &= resolve(catalogue, kind, identity, row);
    }
    --*work;
}

/* Kind after kind. True when all are resolved. */
static bool resolve_kinds(struct catalogue *catalogue, const struct snapshot *snapshot,
                          size_t *work)
{
    for (; catalogue->resolving < METRIC_KINDS; catalogue->resolving++) {
        enum metric_kind kind = resolve_order[catalogue->resolving];
        while (catalogue->resolved[kind] < catalogue->pending_count[kind]) {
            if (*work == 0) {
                return false;
            }
            resolve_next(catalogue, snapshot, kind, work);
        }
    }
    return true;
}

/* The kind whose next row came first of all; METRIC_KINDS when there is none. Generations rise over
 * all kinds. */
static enum metric_kind first_kind(const struct catalogue *catalogue,
                                   const struct snapshot *snapshot)
{
    enum metric_kind first = METRIC_KINDS;
    uint32_t lowest = UINT32_MAX;
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        size_t next = catalogue->resolved[kind];
        if (next == catalogue->pending_count[kind]) {
            continue;
        }
        uint32_t row = catalogue->pending[kind][next];
        uint32_t generation = row_identity(snapshot, (enum metric_kind)kind, row)->generation;
        if (generation <= lowest) {
            lowest = generation;
            first = (enum metric_kind)kind;
        }
    }
    return first;
}

/* In the order they came. True when all are resolved. */
static bool resolve_in_order(struct catalogue *catalogue, const struct snapshot *snapshot,
                             size_t *work)
{
    enum metric_kind kind = first_kind(catalogue, snapshot);
    while (kind<METRIC_KINDS && * work> 0) {
        resolve_next(catalogue, snapshot, kind, work);
        kind = first_kind(catalogue, snapshot);
    }
    return kind == METRIC_KINDS;
}

struct arrival {
    const struct snapshot *snapshot;
    enum metric_kind kind;
};

static int compare_arrivals(const void *left, const void *right, void *context)
{
    const struct arrival *arrival = context;
    uint32_t a =
        row_identity(arrival->snapshot, arrival->kind, *(const uint32_t *)left)->generation;
    uint32_t b =
        row_identity(arrival->snapshot, arrival->kind, *(const uint32_t *)right)->generation;
    return (a > b) - (a < b);
}

/* Rows are in the order of an index that is used again; mostly that is the order they came in. */
static void sort_pending(struct catalogue *catalogue, const struct snapshot *snapshot,
                         enum metric_kind kind)
{
    struct arrival arrival = {snapshot, kind};
    uint32_t *rows = catalogue->pending[kind];
    size_t count = catalogue->pending_count[kind];
    for (size_t i = 1; i < count; i++) {
        if (compare_arrivals(&rows[i - 1], &rows[i], &arrival) > 0) {
            qsort_r(rows, count, sizeof(*rows), compare_arrivals, &arrival);
            return;
        }
    }
}

static void top_up(struct catalogue *catalogue, const struct snapshot *snapshot)
{
    uint64_t passed_ns = snapshot->taken_ns - catalogue->asked_ns;
    uint64_t more = passed_ns < NS_PER_SECOND ? passed_ns * CATALOGUE_NAMING_BUDGET / NS_PER_SECOND
                                              : CATALOGUE_NAMING_BUDGET;
    catalogue->asked_ns = snapshot->taken_ns;
    catalogue->budget = catalogue->budget + more < CATALOGUE_NAMING_BUDGET
                            ? catalogue->budget + (size_t)more
                            : CATALOGUE_NAMING_BUDGET;
}

void resolve_begin(struct catalogue *catalogue, const struct snapshot *snapshot)
{
    bool shared = naming_are_shared(&catalogue->naming);
    for (unsigned kind = 0; shared && kind < METRIC_KINDS; kind++) {
        sort_pending(catalogue, snapshot, (enum metric_kind)kind);
    }
    top_up(catalogue, snapshot);
    catalogue->resolving = 0;
    catalogue->waiting = 0;
}

bool resolve_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work)
{
    bool shared = naming_are_shared(&catalogue->naming);
    if (!(shared ? resolve_in_order : resolve_kinds)(catalogue, snapshot, work)) {
        return false;
    }
    for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
        free_pending(catalogue, (enum metric_kind)kind);
    }
    return true;
}
