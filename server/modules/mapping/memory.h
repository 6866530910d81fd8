/* SPDX-License-Identifier: MIT
 *
 * Memory that is taken piece by piece and given back at once: what the rules of a file are made of.
 */
#ifndef SERVER_MODULES_MAPPING_MEMORY_H
#define SERVER_MODULES_MAPPING_MEMORY_H

#include <stddef.h>

struct memory_block;

struct memory {
    struct memory_block *blocks;
};

/* Zeroed, aligned for anything; NULL when out of memory. */
void *memory_take(struct memory *memory, size_t bytes);

/* A copy of the text with a NUL behind it; NULL when out of memory. */
char *memory_copy(struct memory *memory, const char *text, size_t length);

void memory_free(struct memory *memory);

#endif
