/* SPDX-License-Identifier: MIT */
#include "server/core/lines.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/large.h"
#include "server/core/require.h"

#define CHUNK_BYTES ((size_t)LINES_CHUNK * LINE_BYTES)
#define PIECE_BYTES (CHUNK_BYTES * LINES_PIECE)
#define CHUNKS_MAX (LINES_TOPS_MAX * LINES_TOP)

static uint32_t run_of(size_t bytes)
{
    REQUIRE(bytes > 0 && bytes <= (size_t)LINES_RUN_MAX * LINE_BYTES);
    return (uint32_t)((bytes + LINE_BYTES - 1) / LINE_BYTES);
}

bool lines_init(struct lines *lines, struct pool *pool)
{
    *lines = (struct lines){.pool = pool, .used = LINES_CHUNK};
    for (size_t i = 0; i < LINES_RUN_MAX; i++) {
        lines->free_runs[i] = LINES_NONE;
    }
    lines->tops = calloc(LINES_TOPS_MAX, sizeof(char **));
    return lines->tops != NULL;
}

static char **place_of(const struct lines *lines, uint32_t chunk)
{
    return &lines->tops[chunk / LINES_TOP][chunk % LINES_TOP];
}

void lines_deinit(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->chunk_count; i += i < LINES_SINGLE ? 1 : LINES_PIECE) {
        large_give(*place_of(lines, i), i < LINES_SINGLE ? CHUNK_BYTES : PIECE_BYTES);
        pool_release(lines->pool, i < LINES_SINGLE ? CHUNK_BYTES : PIECE_BYTES);
    }
    for (uint32_t i = 0; lines->tops && i < LINES_TOPS_MAX; i++) {
        free(lines->tops[i]);
    }
    free(lines->tops);
    *lines = (struct lines){0};
}

static void put_free(struct lines *lines, uint32_t line, uint32_t run)
{
    memcpy(lines_at(lines, line), &lines->free_runs[run - 1], sizeof(uint32_t));
    lines->free_runs[run - 1] = line;
}

/* Where the next chunk is to be noted, NULL at a bound. */
static char **next_place(struct lines *lines)
{
    if (lines->chunk_count == CHUNKS_MAX) {
        return NULL;
    }
    char ***top = &lines->tops[lines->chunk_count / LINES_TOP];
    if (!*top) {
        *top = calloc(LINES_TOP, sizeof(char *));
    }
    return *top ? *top + lines->chunk_count % LINES_TOP : NULL;
}

/* Memory for the next chunk: its own, or the next part of a piece. */
static char *take_chunk(struct lines *lines)
{
    uint32_t past = lines->chunk_count - LINES_SINGLE;
    bool single = lines->chunk_count < LINES_SINGLE;
    if (!single && past % LINES_PIECE != 0) {
        return *place_of(lines, lines->chunk_count - 1) + CHUNK_BYTES;
    }
    size_t bytes = single ? CHUNK_BYTES : PIECE_BYTES;
    if (!pool_reserve(lines->pool, bytes)) {
        return NULL;
    }
    char *chunk = single ? aligned_alloc(LINE_BYTES, bytes) : large_take(bytes);
    if (!chunk) {
        pool_release(lines->pool, bytes);
    }
    return chunk;
}

/* The unused tail of the newest chunk becomes a free run before the next chunk is begun. */
static bool add_chunk(struct lines *lines)
{
    char **place = next_place(lines);
    char *chunk = place ? take_chunk(lines) : NULL;
    if (!chunk) {
        return false;
    }
    uint32_t tail = LINES_CHUNK - lines->used;
    uint32_t first = (lines->chunk_count - 1) * LINES_CHUNK + lines->used;
    *place = chunk;
    lines->chunk_count++;
    if (tail > 0) {
        put_free(lines, first, tail < LINES_RUN_MAX ? tail : LINES_RUN_MAX);
    }
    lines->used = 0;
    return true;
}

_Static_assert(PIECE_BYTES >= LARGE_BYTES_MIN, "a piece comes from the kernel, in whole pages");

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
