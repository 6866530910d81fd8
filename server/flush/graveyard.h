/* SPDX-License-Identifier: MIT
 *
 * What snapshots may still point to after the registry has dropped it: identities, sketches, sets.
 * Buried with the sequence of the first snapshot that shows it no more, and freed when every
 * snapshot before that one is gone. Flusher only.
 */
#ifndef SERVER_FLUSH_GRAVEYARD_H
#define SERVER_FLUSH_GRAVEYARD_H

#include <stddef.h>
#include <stdint.h>

#include "server/metrics/registry.h"

enum grave_kind { GRAVE_IDENTITY, GRAVE_SKETCH, GRAVE_SET };

struct grave {
    uint64_t sequence;
    void *body;
    enum grave_kind kind;
};

struct graveyard {
    struct grave *graves; /* oldest first */
    size_t count, capacity;
    struct registry *registry;
    struct pool_cache *cache;
};

void graveyard_init(struct graveyard *graveyard, struct registry *registry,
                    struct pool_cache *cache);

/* Frees all that is left: no snapshot may be alive. */
void graveyard_deinit(struct graveyard *graveyard);

/* NULL bodies are ignored. Without memory for the grave the body is kept for ever rather than freed
 * early. */
void graveyard_bury(struct graveyard *graveyard, enum grave_kind kind, void *body,
                    uint64_t sequence);

/* Frees what only snapshots before `oldest_alive` could show. */
void graveyard_sweep(struct graveyard *graveyard, uint64_t oldest_alive);

#endif
