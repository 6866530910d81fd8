/* SPDX-License-Identifier: MIT */
#include "server/flush/published.h"

#include <stdlib.h>

#include "server/core/require.h"

void published_init(struct published *published)
{
    *published = (struct published){0};
    pthread_mutex_init(&published->lock, NULL);
}

void published_deinit(struct published *published)
{
    for (size_t i = 0; i < published->count; i++) {
        snapshot_unref(published->alive[i]);
    }
    free(published->alive);
    pthread_mutex_destroy(&published->lock);
}

bool published_reserve(struct published *published)
{
    if (published->count == published->capacity) {
        size_t capacity = published->capacity ? published->capacity * 2 : 16;
        struct snapshot **grown = realloc(published->alive, capacity * sizeof(struct snapshot *));
        if (!grown) {
            return false;
        }
        published->alive = grown;
        published->capacity = capacity;
    }
    return true;
}

void published_add(struct published *published, struct snapshot *snapshot)
{
    REQUIRE(published->count < published->capacity);
    published->alive[published->count++] = snapshot;
    pthread_mutex_lock(&published->lock);
    published->latest = snapshot;
    if (snapshot->closed) {
        published->closed = snapshot;
    }
    pthread_mutex_unlock(&published->lock);
}

/* A count of one is ours alone, and nobody can raise it: who asks is only given `closed` and
 * `latest`. */
static bool is_wanted(const struct published *published, const struct snapshot *snapshot)
{
    return snapshot == published->closed || snapshot == published->latest ||
           atomic_load_explicit(&snapshot->references, memory_order_acquire) > 1;
}

uint64_t published_sweep(struct published *published)
{
    uint64_t oldest = UINT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < published->count; i++) {
        struct snapshot *snapshot = published->alive[i];
        if (!is_wanted(published, snapshot)) {
            snapshot_unref(snapshot);
            continue;
        }
        oldest = snapshot->sequence < oldest ? snapshot->sequence : oldest;
        published->alive[kept++] = snapshot;
    }
    published->count = kept;
    return oldest;
}

static struct snapshot *give(struct published *published, struct snapshot *const *which)
{
    pthread_mutex_lock(&published->lock);
    struct snapshot *snapshot = *which ? snapshot_ref(*which) : NULL;
    pthread_mutex_unlock(&published->lock);
    return snapshot;
}

struct snapshot *published_closed(struct published *published)
{
    return give(published, &published->closed);
}

struct snapshot *published_latest(struct published *published)
{
    return give(published, &published->latest);
}
