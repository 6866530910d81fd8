/* SPDX-License-Identifier: MIT */
#include "server/core/lines.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

#define CHUNK_BYTES ((size_t)LINES_CHUNK * LINE_BYTES)

static uint32_t run_of(size_t bytes)
{
    REQUIRE(bytes > 0 && bytes <= (size_t)LINES_RUN_MAX * LINE_BYTES);
    return (uint32_t)((bytes + LINE_BYTES - 1) / LINE_BYTES);
}

bool lines_init(struct lines *lines, struct pool *pool, uint64_t records_max)
{
    /* Long records may leave the tail of a chunk unused: twice the chunks, and a few, are plenty.
     */
    uint64_t chunks_max = records_max / LINES_CHUNK * 2 + 64;
    *lines = (struct lines){.pool = pool, .chunks_max = (uint32_t)chunks_max, .used = LINES_CHUNK};
    REQUIRE(chunks_max < LINES_NONE / LINES_CHUNK);
    lines->chunks = calloc(chunks_max, sizeof(*lines->chunks));
    for (size_t i = 0; i < LINES_RUN_MAX; i++) {
        lines->free_runs[i] = LINES_NONE;
    }
    return lines->chunks != NULL;
}

void lines_deinit(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->chunk_count; i++) {
        free(lines->chunks[i]);
        pool_release(lines->pool, CHUNK_BYTES);
    }
    free(lines->chunks);
    *lines = (struct lines){0};
}

static void put_free(struct lines *lines, uint32_t line, uint32_t run)
{
    memcpy(lines_at(lines, line), &lines->free_runs[run - 1], sizeof(uint32_t));
    lines->free_runs[run - 1] = line;
}

/* The unused tail of the newest chunk becomes a free run before the next chunk is begun. */
static bool add_chunk(struct lines *lines)
{
    if (lines->chunk_count == lines->chunks_max || !pool_reserve(lines->pool, CHUNK_BYTES)) {
        return false;
    }
    char *chunk = aligned_alloc(LINE_BYTES, CHUNK_BYTES);
    if (!chunk) {
        pool_release(lines->pool, CHUNK_BYTES);
        return false;
    }
    uint32_t tail = LINES_CHUNK - lines->used;
    uint32_t first = (lines->chunk_count - 1) * LINES_CHUNK + lines->used;
    lines->chunks[lines->chunk_count++] = chunk;
    if (tail > 0) {
        put_free(lines, first, tail < LINES_RUN_MAX ? tail : LINES_RUN_MAX);
    }
    lines->used = 0;
    return true;
}

uint32_t lines_take(struct lines *lines, size_t bytes)
{
    uint32_t run = run_of(bytes);
    uint32_t line = lines->free_runs[run - 1];
    if (line != LINES_NONE) {
        memcpy(&lines->free_runs[run - 1], lines_at(lines, line), sizeof(uint32_t));
        return line;
    }
    if (lines->used + run > LINES_CHUNK && !add_chunk(lines)) {
        return LINES_NONE;
    }
    line = (lines->chunk_count - 1) * LINES_CHUNK + lines->used;
    lines->used += run;
    return line;
}

void lines_give(struct lines *lines, uint32_t line, size_t bytes)
{
    put_free(lines, line, run_of(bytes));
}
