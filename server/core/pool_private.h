/* SPDX-License-Identifier: MIT
 *
 * What a pool keeps for its share (pool_share.h). Private to pool*.c.
 */
#ifndef SERVER_CORE_POOL_PRIVATE_H
#define SERVER_CORE_POOL_PRIVATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/core/pool.h"

struct pool_share {
    uint64_t bytes_max; /* 0 = not open */
    _Atomic uint64_t bytes;
    _Atomic uint64_t refused;
};

struct pool_share *pool_share_of(struct pool *pool);
struct pool *pool_cache_pool(const struct pool_cache *cache);

#endif
