/* SPDX-License-Identifier: MIT
 *
 * The contract of the module `profile`: CPU and heap profiles of this process in the legacy form of
 * gperftools, which pprof reads, and the names of addresses. Main thread only.
 */
#ifndef SERVER_CORE_PROFILE_H
#define SERVER_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/buffer.h"

struct profile_module {
    /* Begins to sample every thread. False, with the reason, where that cannot be. */
    bool (*start)(char *reason, size_t reason_size);
    /* Ends it, and appends the profile; with NULL it is thrown away. */
    void (*stop)(struct buffer *out);
    /* Whether malloc() is the one that can be profiled. */
    bool (*has_heap)(void);
    /* Appends the blocks in use by where they were allocated, with `pool_bytes`, which do not come
     * from malloc(), at the address of pool_take(). */
    bool (*heap)(uint64_t pool_bytes, struct buffer *out);
    /* Appends the name of the function at an address, or the address itself. */
    void (*symbol)(uint64_t address, struct buffer *out);
};

#endif
