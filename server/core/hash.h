/* SPDX-License-Identifier: MIT
 *
 * The one hash function of the server: XXH3 with a secret made from the system's random numbers at
 * start, so that a sender cannot choose names that collide. Within a process every thread hashes
 * alike.
 */
#ifndef SERVER_CORE_HASH_H
#define SERVER_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Draws the secret. Call once, before any other thread starts; without it hashes are unkeyed
 * (tests). */
void hash_init(void);

/* `seed` parts the uses from each other. */
uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);

#endif
