/* SPDX-License-Identifier: MIT
 *
 * REQUIRE states what a programmer must have guaranteed. It stays on in release builds: a broken
 * invariant stops the process with its place rather than corrupting figures in silence. Never for
 * outside input.
 */
#ifndef SERVER_CORE_REQUIRE_H
#define SERVER_CORE_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition)                                                                    \
    do {                                                                                      \
        if (__builtin_expect(!(condition), 0)) {                                              \
            fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                          \
        }                                                                                     \
    } while (0)

#endif
