/* SPDX-License-Identifier: MIT
 *
 * The spellings a worker has met: a series' name and raw tags exactly as somebody sent them, and
 * where they lead. Several spellings (`#a,b` and `#b,a`) may lead to one place; those are chained,
 * so that they can be forgotten together. A lookup compares in full, so a collision of hashes costs
 * a compare and nothing else. One thread.
 */
#ifndef SERVER_METRICS_SPELLING_H
#define SERVER_METRICS_SPELLING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/statsd.h"
#include "server/core/lines.h"
#include "server/core/table.h"

/* Points into the datagram. */
struct spelling_key {
    const char *name, *tags;
    uint32_t name_length, tags_length;
    uint8_t type;
    uint64_t hash;
};

struct spellings {
    struct table table; /* hash → (line, state) */
    struct lines lines;
    uint64_t count_max;
};

/* False without memory. More than `count_max` are not kept. */
bool spellings_init(struct spellings *spellings, struct pool *pool, uint64_t count_max);
void spellings_deinit(struct spellings *spellings);

struct spelling_key spelling_key(const char *datagram, const struct statsd_item *item);

/* True, with what it leads to, when the spelling is known. */
bool spellings_find(const struct spellings *spellings, const struct spelling_key *key,
                    uint32_t *state);

/* Enters a spelling that is not known. `next` is the line of another that leads to the same place,
 * LINES_NONE for the first. Returns its own line, or LINES_NONE at a bound. */
uint32_t spellings_enter(struct spellings *spellings, const struct spelling_key *key,
                         uint32_t state, uint32_t next);

/* Forgets the chain that begins at this line; LINES_NONE is the empty one. */
void spellings_forget(struct spellings *spellings, uint32_t line);

#endif
