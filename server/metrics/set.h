/* SPDX-License-Identifier: MIT
 *
 * How many distinct members were seen: exact up to SET_EXACT_MEMBERS, then HyperLogLog with 2^14
 * registers (standard error 1.04/sqrt(2^14) = 0.81 %), estimated by Ertl's method (2017, "New
 * cardinality estimation algorithms for HyperLogLog sketches", improved raw estimator), which needs
 * no bias tables. Members come in as 64-bit hashes of one keyed hash function shared by all sets
 * that are to be merged; in the exact phase two members are taken for one only when their hashes
 * collide, which for 256 members happens once in 5e14 sets.
 *
 * Where the pool has a share open (server/core/pool_share.h), a set stays exact for as long as the
 * share lasts, up to six million members.
 *
 * The set owns pool blocks: 8 bytes a member slot while exact, 16 KiB as HyperLogLog. One thread at
 * a time.
 */
#ifndef SERVER_METRICS_SET_H
#define SERVER_METRICS_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/pool.h"

#define SET_EXACT_MEMBERS 256

struct set; /* NULL is the empty set */

/* Adds a member by its hash. False when the pool is at its budget: nothing is changed. */
bool set_add(struct set **set, uint64_t hash, struct pool_cache *cache);

/* The union, into *into. False at the budget: *into is unchanged. */
bool set_merge(struct set **into, const struct set *from, struct pool_cache *cache);

void set_free(struct set **set, struct pool_cache *cache);

/* Distinct members; a whole number while exact, rounded to one in the estimate. */
double set_unique(const struct set *set);

#endif
