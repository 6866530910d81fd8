/* SPDX-License-Identifier: MIT
 *
 * Memory for large arrays that are written whole, read and given back again and again. From
 * LARGE_BYTES_MIN on it comes straight from the kernel, which is advised to use huge pages (where
 * transparent_hugepage is `madvise` or `always`): first touching 40 MB then costs a quarter of what
 * it does in pages of 4 KiB, and nothing has to be kept for the next time. Any thread.
 */
#ifndef SERVER_CORE_LARGE_H
#define SERVER_CORE_LARGE_H

#include <stddef.h>

#define LARGE_BYTES_MIN ((size_t)4 * 1024 * 1024)

/* At least `bytes`, 0 included, not cleared. NULL without memory. */
void *large_take(size_t bytes);

/* The same, all zero. */
void *large_take_cleared(size_t bytes);

/* Gives it back; `bytes` as it was asked for. NULL is allowed. */
void large_give(void *memory, size_t bytes);

/* The same advice for memory of malloc() that is going to be written whole; nothing below
 * LARGE_BYTES_MIN. It goes with the memory when realloc() moves it. */
void large_advise(void *memory, size_t bytes);

#endif
