/* SPDX-License-Identifier: MIT */
#include "server/http/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/hash.h"
#include "server/core/log.h"
#include "server/http/family.h"

/* Names are logged once; beyond this many the log stays silent, the counter goes on. */
#define LOGGED_NAMES_MAX 1000

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)

#define SEED_LOGGED 0x6c6f6767

/* Rows: room for more than that is given back when they are resolved. */
#define PENDING_KEPT_MAX 16384

/* Identities lie anywhere in memory: they are fetched so many rows ahead. */
#define ROWS_AHEAD 12

/* The order new sources are resolved in. Gauges and sets have a second name to go by and so come
 * last: where one datagram uses a name in several types, most of them are shown. */
static const enum metric_kind resolve_order[METRIC_KINDS] = {METRIC_COUNTER, METRIC_TIMER,
                                                             METRIC_GAUGE, METRIC_SET};

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
    source->generation = identity->generation;
    source->round = catalogue->round;
    source->row = row;
    source->stale = false;
    source->rule = naming_rule(&catalogue->naming);
    if (naming_drop(&catalogue->naming)) {
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

void catalogue_begin(struct catalogue *catalogue, const struct snapshot *snapshot)
{
    bool complete = true;
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
    bool shared = naming_are_shared(&catalogue->naming);
    for (unsigned kind = 0; shared && kind < METRIC_KINDS; kind++) {
        sort_pending(catalogue, snapshot, (enum metric_kind)kind);
    }
    top_up(catalogue, snapshot);
    catalogue->complete = complete;
    catalogue->resolving = 0;
    catalogue->order_begun = false;
    catalogue->waiting = 0;
}

bool catalogue_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work)
{
    if (!catalogue->order_begun) {
        bool shared = naming_are_shared(&catalogue->naming);
        if (!(shared ? resolve_in_order : resolve_kinds)(catalogue, snapshot, work)) {
            return false;
        }
        for (unsigned kind = 0; kind < METRIC_KINDS; kind++) {
            free_pending(catalogue, (enum metric_kind)kind);
        }
        order_begin(&catalogue->order, catalogue->families, catalogue->sorted,
                    catalogue->family_count);
        catalogue->order_begun = true;
    }
    bool done = order_step(&catalogue->order, catalogue->families, work);
    catalogue->sorted = done ? catalogue->family_count : catalogue->sorted;
    return done;
}
