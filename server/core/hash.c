/* SPDX-License-Identifier: MIT */
#include "server/core/hash.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "server/core/require.h"

/* XXH3 takes a secret of at least 136 bytes; 192 is what it uses itself. */
static unsigned char secret[XXH3_SECRET_DEFAULT_SIZE];
static int keyed;

void hash_init(void)
{
    ssize_t got = getrandom(secret, sizeof(secret), 0);
    REQUIRE(got == (ssize_t)sizeof(secret));
    keyed = 1;
}

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    uint64_t hash = keyed ? XXH3_64bits_withSecret(bytes, length, secret, sizeof(secret))
                          : XXH3_64bits(bytes, length);
    /* Multiplying by 2^64 over the golden ratio spreads a small seed over all bits. */
    return hash ^ (seed * UINT64_C(0x9e3779b97f4a7c15));
}
