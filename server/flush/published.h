/* SPDX-License-Identifier: MIT
 *
 * The snapshots that are out: the latest closed one and the latest of any kind for whoever asks,
 * and all that somebody still holds, so that the flusher knows how old the oldest is. Snapshots are
 * freed here, on the flusher's thread, whoever let go of them last.
 */
#ifndef SERVER_FLUSH_PUBLISHED_H
#define SERVER_FLUSH_PUBLISHED_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics/snapshot.h"

struct published {
    pthread_mutex_t lock; /* guards `closed` and `latest` */
    struct snapshot *closed;
    struct snapshot *latest;
    struct snapshot **alive; /* with one reference of our own each; flusher only */
    size_t count, capacity;
};

void published_init(struct published *published);
void published_deinit(struct published *published);

/* Flusher: room for one more snapshot. False without memory. */
bool published_reserve(struct published *published);

/* Flusher: takes over the caller's reference, after published_reserve(). */
void published_add(struct published *published, struct snapshot *snapshot);

/* Flusher: frees what nobody else holds and nobody can ask for any more. Returns the sequence of
 * the oldest left, UINT64_MAX when there is none. */
uint64_t published_sweep(struct published *published);

/* Any thread: a reference, or NULL. */
struct snapshot *published_closed(struct published *published);
struct snapshot *published_latest(struct published *published);

#endif
