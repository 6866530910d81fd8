/* SPDX-License-Identifier: MIT
 *
 * Which StatsD series is shown as which Prometheus series. A source is a series of the registry
 * (kind, index, generation); a series is a family with one set of labels, fed by one source or,
 * where several come to the same name and labels, by several. All names and labels are made once,
 * when a source is first seen, and kept until it is seen no more, so that rendering is one walk
 * over the families.
 *
 * What a source is called is for naming.h to say, which is asked once for each, under a budget a
 * second: beyond it what is new is not shown before the next update. A rule of a mapping may drop
 * it, or give it a lifetime, after which it is hidden until it has a sample again.
 *
 * A family belongs to the kind that came first. A gauge or set whose name another kind has goes by
 * `_gauge` or `_set`; whatever else would clash is refused, counted, and logged once a name. The
 * names of a summary or histogram are its own and those with `_sum`, `_count`, `_bucket` and, for
 * OpenMetrics, `_created` behind.
 *
 * It owns families, series and sources, and holds no pointer into a snapshot. One thread at a time.
 */
#ifndef SERVER_HTTP_CATALOGUE_H
#define SERVER_HTTP_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"
#include "server/core/index.h"
#include "server/core/table.h"
#include "server/http/naming.h"
#include "server/http/order.h"
#include "server/http/prom_name.h"
#include "server/metrics/identity.h"
#include "server/metrics/snapshot.h"

#define SOURCE_NONE UINT32_MAX

/* About microseconds that rules of a mapping may take in a second. */
#define CATALOGUE_NAMING_BUDGET 250000

enum source_state { SOURCE_UNKNOWN, SOURCE_SHOWN, SOURCE_REFUSED, SOURCE_DROPPED };

struct source {
    struct series *series; /* where SHOWN */
    uint32_t generation;
    uint32_t row;  /* in the snapshot last given to catalogue_update() */
    uint32_t next; /* the next source of the same series, of the same kind of metric; SOURCE_NONE */
    uint32_t round; /* the update that saw it last */
    uint32_t
        created;   /* Unix seconds: it was not there yet at the update before it was first seen */
    uint16_t rule; /* that took it; RULE_NONE */
    uint8_t state : 3;
    bool stale : 1;   /* another series of the registry has its index now */
    bool counted : 1; /* as a conflict */
};

/* When a source had its latest sample, where some have a ttl. */
struct watch {
    double mark;       /* what a sample changes: a total, a stamp */
    uint64_t heard_ns; /* of the snapshot that showed the sample */
    uint32_t generation;
    bool hidden; /* its lifetime has passed */
};

struct series {
    struct series *next; /* of its family: the one without labels, then in the order they came */
    struct series *previous;
    struct family *family;
    uint32_t first_source;
    uint32_t labels_length;
    char labels[]; /* without braces */
};

struct family {
    struct series *first;
    struct series *last;
    uint8_t kind : 4;             /* enum prom_kind */
    uint8_t type : 4;             /* enum statsd_type of the series that it was made for */
    bool own_help : 1;            /* of the rule: all of the text */
    bool openmetrics_counter : 1; /* as of `judged` */
    uint16_t rule;                /* by which it was made; RULE_NONE */
    uint32_t judged; /* catalogue.names_version that it was found out at; 0 = not yet */
    uint32_t name_length;
    uint32_t help_length;
    char text[]; /* the name, then the StatsD name as HELP has it, or the rule's text */
};

struct catalogue {
    struct naming naming;
    size_t budget;                        /* what is left of it */
    uint64_t asked_ns;                    /* when it was last topped up */
    size_t waiting;                       /* sources that were left for the next update */
    struct watch *watches[METRIC_KINDS];  /* beside `sources`; NULL where nothing has a ttl */
    struct source *sources[METRIC_KINDS]; /* by identity->index */
    size_t source_count[METRIC_KINDS];
    struct family **families; /* sorted by name, but for those behind `sorted` */
    size_t family_count, family_capacity, sorted;
    struct index names;              /* hash of each name a family has → the family */
    uint32_t names_version;          /* changes with them; never 0 */
    struct index series;             /* hash of family and labels → the series */
    uint32_t *pending[METRIC_KINDS]; /* rows to be resolved */
    size_t pending_count[METRIC_KINDS], pending_capacity[METRIC_KINDS];
    struct order order;
    size_t emptied;                /* families without a series, which are to be reaped */
    unsigned resolving;            /* how many kinds are done, in the order they are resolved in */
    size_t resolved[METRIC_KINDS]; /* of the pending ones */
    bool order_begun;              /* all are resolved */
    bool own_apart;                /* the server's own series are shown elsewhere */
    bool complete;                 /* memory has sufficed for this update */
    uint32_t round;
    uint32_t before, latest; /* Unix seconds of the update before this one, and of this one */
    uint64_t refused;        /* sources that are refused now */
    uint64_t conflicts;
    struct table logged; /* hashes of the names that were logged as conflicts */
    struct buffer scratch;
};

/* False without memory. */
bool catalogue_init(struct catalogue *catalogue, const struct config *config);
void catalogue_deinit(struct catalogue *catalogue);

/* Other rules, which are taken over: all is forgotten and named anew by the next update, but for
 * what was counted. False without memory: then it can only be deinited. */
bool catalogue_rename(struct catalogue *catalogue, struct mapper mapper);

/* Begins to take over what the snapshot has: drops what is gone, makes a list of what is new, and
 * sets the rows. What was begun before must be done. */
void catalogue_begin(struct catalogue *catalogue, const struct snapshot *snapshot);

/* Resolves some of what is new in the same snapshot, and takes from *work what that came to: a unit
 * is about a microsecond. True when all is done; only then may the families be read. Where memory
 * was out, `complete` is false: rows are valid for all that is shown, but something may be missing,
 * and the next update tries again. */
bool catalogue_step(struct catalogue *catalogue, const struct snapshot *snapshot, size_t *work);

static inline enum metric_kind catalogue_metric_kind(enum prom_kind kind)
{
    return kind == PROM_COUNTER ? METRIC_COUNTER
           : kind == PROM_GAUGE ? METRIC_GAUGE
           : kind == PROM_SET   ? METRIC_SET
                                : METRIC_TIMER;
}

#endif
