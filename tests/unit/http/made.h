/* SPDX-License-Identifier: MIT
 *
 * Snapshots made by hand for the tests of what HTTP renders: rows are added one by one, each with
 * an identity of its own whose index is its place among the rows of its kind unless the test says
 * otherwise.
 */
#ifndef TESTS_UNIT_HTTP_MADE_H
#define TESTS_UNIT_HTTP_MADE_H

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"
#include "server/metrics/snapshot.h"

#define MADE_ROWS_MAX 256

static const double made_percents[] = {50, 99.9};

struct made {
    struct snapshot snapshot;
    struct counter_row counters[MADE_ROWS_MAX];
    struct gauge_row gauges[MADE_ROWS_MAX];
    struct timer_row timers[MADE_ROWS_MAX];
    struct set_row sets[MADE_ROWS_MAX];
    struct anomaly_row anomalies[MADE_ROWS_MAX];
    struct identity *identities[8 * MADE_ROWS_MAX];
    size_t identity_count;
    uint32_t index; /* of the next identity, when set_index is true */
    uint32_t generation;
    bool set_index;
};

static inline struct made *made_new(uint64_t sequence)
{
    struct made *made = calloc(1, sizeof(*made));
    REQUIRE(made);
    made->snapshot = (struct snapshot){.sequence = sequence,
                                       .window = sequence,
                                       .closed = true,
                                       .timestamp = 1700000000.5,
                                       .window_seconds = 10,
                                       .uptime_seconds = 100,
                                       .percents = made_percents,
                                       .percentile_count = 2,
                                       .counters = made->counters,
                                       .gauges = made->gauges,
                                       .timers = made->timers,
                                       .sets = made->sets,
                                       .anomalies = made->anomalies,
                                       .active = made->anomalies};
    return made;
}

static inline void made_free(struct made *made)
{
    for (size_t i = 0; i < made->identity_count; i++) {
        free(made->identities[i]);
    }
    free(made);
}

static inline const struct identity *made_identity_bytes(struct made *made, enum statsd_type type,
                                                         const char *name, size_t length,
                                                         const char *tags, size_t tags_length,
                                                         size_t row)
{
    struct tag parsed[64];
    int count = tags_parse(TAGS_COLON, tags, tags_length, parsed, 64);
    REQUIRE(count >= 0);
    struct identity *identity = calloc(1, identity_bytes_max(length, parsed, (size_t)count));
    REQUIRE(identity);
    identity_init(identity, type, name, length, parsed, (size_t)count);
    identity->index = made->set_index ? made->index : (uint32_t)row;
    identity->generation = made->generation;
    made->identities[made->identity_count++] = identity;
    return identity;
}

/* The identity of the next row is that of a series with this index and generation. */
static inline void made_place(struct made *made, uint32_t index, uint32_t generation)
{
    made->index = index;
    made->generation = generation;
    made->set_index = true;
}

static inline struct counter_row *made_counter(struct made *made, const char *name,
                                               const char *tags, double total)
{
    size_t row = made->snapshot.counter_count++;
    made->counters[row] =
        (struct counter_row){.identity = made_identity_bytes(made, STATSD_COUNTER, name,
                                                             strlen(name), tags, strlen(tags), row),
                             .count = total,
                             .rate = total / 10,
                             .total = total,
                             .updated = true};
    return &made->counters[row];
}

static inline struct gauge_row *made_gauge(struct made *made, const char *name, const char *tags,
                                           double value)
{
    size_t row = made->snapshot.gauge_count++;
    made->gauges[row] =
        (struct gauge_row){.identity = made_identity_bytes(made, STATSD_GAUGE, name, strlen(name),
                                                           tags, strlen(tags), row),
                           .value = value,
                           .updated_ns = 1,
                           .updated = true};
    return &made->gauges[row];
}

static inline struct timer_row *made_timer(struct made *made, enum statsd_type type,
                                           const char *name, const char *tags)
{
    size_t row = made->snapshot.timer_count++;
    made->timers[row] = (struct timer_row){
        .identity = made_identity_bytes(made, type, name, strlen(name), tags, strlen(tags), row),
        .count = 2,
        .rate = 0.2,
        .sum = 30,
        .mean = 15,
        .min = 10,
        .max = 20,
        .stddev = 5,
        .total_count = 4,
        .total_sum = 60,
        .samples = 2,
        .updated = true};
    return &made->timers[row];
}

static inline struct set_row *made_set(struct made *made, const char *name, const char *tags,
                                       double unique)
{
    size_t row = made->snapshot.set_count++;
    made->sets[row] =
        (struct set_row){.identity = made_identity_bytes(made, STATSD_SET, name, strlen(name), tags,
                                                         strlen(tags), row),
                         .unique = unique,
                         .updated = true};
    return &made->sets[row];
}

#endif
