/* SPDX-License-Identifier: MIT
 *
 * A pool with one cache, as the fixture of a test: setup() opens them, teardown() frees them.
 */
#ifndef TESTS_UNIT_METRICS_POOL_FIXTURE_H
#define TESTS_UNIT_METRICS_POOL_FIXTURE_H

#include <stdint.h>

#include "server/core/pool.h"

struct fixture {
    struct pool *pool;
    struct pool_cache *cache;
};

static inline int setup(void **state)
{
    static struct fixture fixture;
    fixture.pool = pool_new(UINT64_C(1) << 26);
    fixture.cache = pool_cache_new(fixture.pool);
    *state = &fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    pool_cache_free(fixture->cache);
    pool_free(fixture->pool);
    return 0;
}

#endif
