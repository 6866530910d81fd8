/* SPDX-License-Identifier: MIT
 *
 * Tells AddressSanitizer which bytes of a pool belong to nobody, so that it reports a use after
 * pool_give() and a write behind a block as it does for malloc. Without the sanitizer all of it is
 * nothing. Private to pool.c and pool_page.c.
 */
#ifndef SERVER_CORE_POOL_POISON_H
#define SERVER_CORE_POOL_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define POOL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_POISONS 1
#endif
#endif

#ifdef POOL_POISONS
#include <sanitizer/asan_interface.h>
#define pool_poison(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define pool_unpoison(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#define pool_poisoned(memory) (__asan_address_is_poisoned(memory) != 0)
/* For functions that follow the links inside free blocks. */
#define POOL_READS_POISONED __attribute__((no_sanitize("address")))
#else
#define pool_poison(memory, bytes) ((void)(memory), (void)(bytes))
#define pool_unpoison(memory, bytes) ((void)(memory), (void)(bytes))
#define pool_poisoned(memory) ((void)(memory), 0)
#define POOL_READS_POISONED
#endif

#endif
