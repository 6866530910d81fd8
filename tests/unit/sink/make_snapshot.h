/* SPDX-License-Identifier: MIT
 *
 * Snapshots made by hand for the tests of the sinks. make_snapshot() gives one reference; the
 * snapshot owns its rows and identities and frees them with the last reference. Rows are added
 * before it is handed on.
 */
#ifndef TESTS_UNIT_SINK_MAKE_SNAPSHOT_H
#define TESTS_UNIT_SINK_MAKE_SNAPSHOT_H

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/metrics/snapshot.h"

#define MADE_ROWS_MAX 4096

static const double made_percents[] = {50, 90, 95, 99, 99.9};

struct made_snapshot {
    struct snapshot snapshot; /* must be first */
    struct counter_row counters[MADE_ROWS_MAX];
    struct gauge_row gauges[MADE_ROWS_MAX];
    struct timer_row timers[16];
    struct set_row sets[16];
    struct anomaly_row anomalies[16];
    struct identity *identities[2 * MADE_ROWS_MAX + 64];
    size_t identity_count;
};

static inline void made_release(struct snapshot *snapshot)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    for (size_t i = 0; i < made->identity_count; i++) {
        free(made->identities[i]);
    }
    free(made);
}

static inline struct snapshot *make_snapshot(uint64_t window, double timestamp)
{
    struct made_snapshot *made = calloc(1, sizeof(*made));
    REQUIRE(made);
    made->snapshot = (struct snapshot){
        .sequence = window,
        .window = window,
        .closed = true,
        .timestamp = timestamp,
        .window_seconds = 10,
        .percents = made_percents,
        .percentile_count = sizeof(made_percents) / sizeof(made_percents[0]),
        .counters = made->counters,
        .gauges = made->gauges,
        .timers = made->timers,
        .sets = made->sets,
        .anomalies = made->anomalies,
        .release = made_release,
    };
    atomic_init(&made->snapshot.references, 1);
    return &made->snapshot;
}

/* `tags` is the raw text behind '#'. */
static inline const struct identity *make_identity(struct snapshot *snapshot, enum statsd_type type,
                                                   const char *name, size_t name_length,
                                                   const char *tags)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    struct tag parsed[32];
    int count = tags_parse(TAGS_COLON, tags, strlen(tags), parsed, 32);
    REQUIRE(count >= 0);
    struct identity *identity = calloc(1, identity_bytes_max(name_length, parsed, (size_t)count));
    REQUIRE(identity);
    identity_init(identity, type, name, name_length, parsed, (size_t)count);
    made->identities[made->identity_count++] = identity;
    return identity;
}

static inline struct counter_row *make_counter(struct snapshot *snapshot, const char *name,
                                               const char *tags, double count)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    REQUIRE(snapshot->counter_count < MADE_ROWS_MAX);
    struct counter_row *row = &made->counters[snapshot->counter_count++];
    *row = (struct counter_row){
        .identity = make_identity(snapshot, STATSD_COUNTER, name, strlen(name), tags),
        .count = count,
        .rate = count / snapshot->window_seconds,
        .total = count,
        .updated = true,
    };
    return row;
}

static inline struct gauge_row *make_gauge(struct snapshot *snapshot, const char *name,
                                           const char *tags, double value)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    REQUIRE(snapshot->gauge_count < MADE_ROWS_MAX);
    struct gauge_row *row = &made->gauges[snapshot->gauge_count++];
    *row = (struct gauge_row){
        .identity = make_identity(snapshot, STATSD_GAUGE, name, strlen(name), tags),
        .value = value,
        .updated = true,
    };
    return row;
}

static inline struct timer_row *make_timer(struct snapshot *snapshot, enum statsd_type type,
                                           const char *name, const char *tags)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    REQUIRE(snapshot->timer_count < 16);
    struct timer_row *row = &made->timers[snapshot->timer_count++];
    *row = (struct timer_row){
        .identity = make_identity(snapshot, type, name, strlen(name), tags),
        .updated = true,
    };
    return row;
}

static inline struct set_row *make_set(struct snapshot *snapshot, const char *name,
                                       const char *tags, double unique)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    REQUIRE(snapshot->set_count < 16);
    struct set_row *row = &made->sets[snapshot->set_count++];
    *row = (struct set_row){
        .identity = make_identity(snapshot, STATSD_SET, name, strlen(name), tags),
        .unique = unique,
        .updated = true,
    };
    return row;
}

static inline struct anomaly_row *make_anomaly(struct snapshot *snapshot, const char *name,
                                               const char *tags, const char *reason)
{
    struct made_snapshot *made = (struct made_snapshot *)snapshot;
    REQUIRE(snapshot->anomaly_count < 16);
    struct anomaly_row *row = &made->anomalies[snapshot->anomaly_count++];
    *row = (struct anomaly_row){
        .identity = make_identity(snapshot, STATSD_TIMER, name, strlen(name), tags),
    };
    REQUIRE(strlen(reason) < sizeof(row->reason));
    memcpy(row->reason, reason, strlen(reason));
    return row;
}

#endif
