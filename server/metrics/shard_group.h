/* SPDX-License-Identifier: MIT
 *
 * Samples on their way into a shard, in groups, so that the memory each of them needs is fetched
 * while the others are worked on: at a million series every step of a lookup misses the caches, and
 * a processor can wait for many lines at once but, one sample after the other, waits for each.
 *
 *     hash, prefetch the slot → read the slot, prefetch the name → compare the name, prefetch the
 *       cell → add counters and gauges, prefetch sketches → add timers and sets
 *
 * Samples of a series keep their order. Nothing here allocates, locks or writes what another thread
 * reads, but for a name that is new. One thread, the shard's.
 */
#ifndef SERVER_METRICS_SHARD_GROUP_H
#define SERVER_METRICS_SHARD_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/statsd.h"
#include "server/metrics/shard.h"

#define SHARD_GROUP_MAX 64

struct shard_entry {
    struct spelling_key key;
    union {
        double value;
        struct span text; /* of a set: the member */
    };
    double weight; /* 1/rate */
    const char *datagram;
    uint32_t line, place; /* where it leads, as far as is known */
    uint16_t loss;        /* after shard_group_store(): 0, or the enum loss_reason */
    bool guessed, delta;
};

struct shard_group {
    struct shard_entry entries[SHARD_GROUP_MAX];
    uint32_t count;
};

/* Appends a sample, whose spans lie in `datagram`, to a group that is not full. Returns 0, or the
 * enum loss_reason for which it cannot be stored; then it is not in the group. */
unsigned shard_group_add(struct shard_group *group, const struct shard *shard, const char *datagram,
                         const struct statsd_item *item);

/* Aggregates the group into the open slice; stamp_ns is the monotonic time of its batch. The
 * entries keep their places, each with its loss, until the caller sets count to 0. */
void shard_group_store(struct shard_group *group, struct shard *shard, uint64_t stamp_ns);

/* One sample alone: 0, or the enum loss_reason. */
unsigned shard_store(struct shard *shard, const char *datagram, const struct statsd_item *item,
                     uint64_t stamp_ns);

#endif
