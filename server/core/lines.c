/* SPDX-License-Identifier: MIT */
#include "server/core/lines.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/require.h"

#define CHUNK_BYTES ((size_t)LINES_CHUNK * LINE_BYTES)
#define CHUNKS_MAX (LINES_NONE / LINES_CHUNK) /* so that every line has a number */

static uint32_t run_of(size_t bytes)
{
    REQUIRE(bytes > 0 && bytes <= (size_t)LINES_RUN_MAX * LINE_BYTES);
    return (uint32_t)((bytes + LINE_BYTES - 1) / LINE_BYTES);
}

void lines_init(struct lines *lines, struct pool *pool)
{
    *lines = (struct lines){.pool = pool, .used = LINES_CHUNK};
    for (size_t i = 0; i < LINES_RUN_MAX; i++) {
        lines->free_runs[i] = LINES_NONE;
    }
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

static bool make_room(struct lines *lines)
{
    if (lines->chunk_count < lines->chunk_capacity) {
        return true;
    }
    uint32_t capacity = lines->chunk_capacity ? lines->chunk_capacity * 2 : 16;
    char **grown = realloc(lines->chunks, capacity * sizeof(*grown));
    if (!grown) {
        return false;
    }
    lines->chunks = grown;
    lines->chunk_capacity = capacity;
    return true;
}

/* The unused tail of the newest chunk becomes a free run before the next chunk is begun. */
static bool add_chunk(struct lines *lines)
{
    if (lines->chunk_count == CHUNKS_MAX || !make_room(lines) ||
        !pool_reserve(lines->pool, CHUNK_BYTES)) {
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
