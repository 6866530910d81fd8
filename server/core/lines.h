/* SPDX-License-Identifier: MIT
 *
 * Storage for short records in whole cache lines: a record takes n consecutive 64-byte lines that
 * never move, and is named by the 32-bit number of its first line. Freed runs are reused by their
 * length. One thread at a time changes it; another may read records whose numbers it was given in
 * an orderly way, since neither they nor the way to them move. What it takes from the system counts
 * against a pool's budget.
 */
#ifndef SERVER_CORE_LINES_H
#define SERVER_CORE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/pool.h"

#define LINE_BYTES 64
#define LINES_CHUNK 1024  /* lines a chunk: 64 KiB */
#define LINES_RUN_MAX 512 /* lines a record: 32 KiB */
#define LINES_NONE UINT32_MAX

/* After so many chunks of their own, chunks are cut off larger pieces, which can be huge pages. */
#define LINES_SINGLE 64
#define LINES_PIECE 64

/* Numbers stay below 2^31, so that their users have a bit to spare. They are looked up in two
 * steps: an array of arrays of chunks. */
#define LINES_TOP 1024
#define LINES_TOPS_MAX 2048

struct lines {
    struct pool *pool;
    char ***tops; /* LINES_TOPS_MAX of LINES_TOP chunks each */
    uint32_t chunk_count;
    uint32_t used;                     /* lines handed out of the newest chunk */
    uint32_t free_runs[LINES_RUN_MAX]; /* head of the list of free runs of i + 1 lines */
};

/* The pool's budget is the bound. False without memory. */
bool lines_init(struct lines *lines, struct pool *pool);
void lines_deinit(struct lines *lines);

/* A run for `bytes` (1 to LINES_RUN_MAX * LINE_BYTES), not cleared; LINES_NONE at a bound. */
uint32_t lines_take(struct lines *lines, size_t bytes);
void lines_give(struct lines *lines, uint32_t line, size_t bytes);

static inline void *lines_at(const struct lines *lines, uint32_t line)
{
    uint32_t chunk = line / LINES_CHUNK;
    return lines->tops[chunk / LINES_TOP][chunk % LINES_TOP] +
           (size_t)(line % LINES_CHUNK) * LINE_BYTES;
}

#endif
