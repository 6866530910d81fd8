/* SPDX-License-Identifier: MIT
 *
 * What one worker does with a datagram: parse, store, count. No sockets, no events: the in-process
 * benchmark drives it as the worker does. One thread.
 */
#ifndef SERVER_NET_INTAKE_H
#define SERVER_NET_INTAKE_H

#include <stdint.h>

#include "config/config.h"
#include "proto/statsd.h"
#include "server/metrics/figures.h"
#include "server/metrics/shard_group.h"
#include "server/net/refusals.h"
#include "server/net/udp.h"

#define INTAKE_ITEMS 64

/* Where an entry of the group came from, for the log of refused lines. */
struct intake_origin {
    const struct udp_datagram *datagram;
    struct span line;
};

struct intake {
    struct statsd_parser parser;
    struct statsd_item items[INTAKE_ITEMS];
    struct shard shard;
    struct shard_group group; /* parsed and not stored yet */
    struct intake_origin origins[SHARD_GROUP_MAX];
    uint64_t now_ns;               /* of the batch */
    struct ingest_figures figures; /* brought up to date by intake_settle() */
    struct refusals refusals;
};

/* False without memory. `workers` share the allowance of logged lines. */
bool intake_init(struct intake *intake, const struct config *config, struct registry *registry,
                 struct pool *pool, unsigned workers);
void intake_deinit(struct intake *intake);

/* Takes in one datagram that arrived over `transport` in the batch stamped now_ns (monotonic). Its
 * last samples may be stored by intake_settle() only: until then the datagram has to stay. */
void intake_take(struct intake *intake, const struct udp_datagram *datagram,
                 enum transport transport, uint64_t now_ns);

/* The same for whole lines of a stream; what they are a part of is the caller's to count. */
void intake_take_lines(struct intake *intake, const struct udp_datagram *datagram,
                       enum transport transport, uint64_t now_ns);

/* Refuses a line of a stream that has not come whole; `beginning` is what there is of it. */
void intake_refuse_line(struct intake *intake, enum statsd_reason reason,
                        const struct udp_datagram *beginning, enum transport transport,
                        uint64_t now_ns);

/* Stores what is left of the batch and brings `figures` in line with everything taken so far. */
void intake_settle(struct intake *intake);

#endif
