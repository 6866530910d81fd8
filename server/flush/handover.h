/* SPDX-License-Identifier: MIT
 *
 * The hand-over of slices between one worker and the flusher, without a lock. The flusher asks (one
 * atomic and a wake-up); the worker sees it at its next batch boundary, swaps slices and publishes
 * the full one with release; the flusher reads and clears it, and gives it back. The worker never
 * waits: while its spare slice is not back it leaves the question open and goes on. The series
 * that the worker shall let go of travel the same way.
 *
 * After its thread has ended (handover_end), the flusher may swap the shard itself.
 */
#ifndef SERVER_FLUSH_HANDOVER_H
#define SERVER_FLUSH_HANDOVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/metrics/shard.h"

struct handover {
    struct shard *shard;
    _Atomic uint64_t asked; /* flusher: number of the question, shifted left; bit 0: drain first */
    _Atomic uint64_t given; /* worker: the latest question answered */
    _Atomic uint64_t returned;       /* flusher: the latest question whose slice went back */
    _Atomic bool ended;              /* the worker's thread touches the shard no more */
    _Atomic int64_t from_s, until_s; /* flusher: what stamps the window of the next slice takes */
    uint64_t taken;                  /* flusher: the question whose slice it took last */
    struct slice *slice;             /* the one given; the flusher's until handover_return() */
    int worker_fd;                   /* eventfd that wakes the worker */
    int flusher_fd;                  /* eventfd that wakes the flusher; not owned */
    pthread_mutex_t lock;            /* guards the list below, which is touched at expiry only */
    uint32_t *forgets;               /* places in the registry */
    size_t forget_count, forget_capacity;
    _Atomic bool forgetting; /* the list is not empty */
};

/* False without an eventfd. */
bool handover_init(struct handover *handover, struct shard *shard);
void handover_deinit(struct handover *handover);

/* Flusher, before it asks at a window's end: stamps that the window then opened takes. The first
 * window's are the shard's at once. */
void handover_announce(struct handover *handover, int64_t from_s, int64_t until_s);
void handover_begin(struct handover *handover, int64_t from_s, int64_t until_s);
/* Flusher: asks for a slice, with `drain` after taking in what is in the receive buffers now. */
void handover_ask(struct handover *handover, bool drain);
/* Flusher: the slice that was given and is not back yet, NULL while there is none. It answers the
 * latest question or, with handover_wanted() still true, one before it that was waited for in vain.
 */
struct slice *handover_take(struct handover *handover, uint64_t now_ns);
/* Flusher: a slice is here that answers a question before the latest. */
bool handover_is_stale(const struct handover *handover);
/* Flusher: gives the slice taken back, cleared; nothing happens when none was. */
void handover_return(struct handover *handover);
/* Flusher: has the worker let go of a series, if it holds it, before its next hand-over. False
 * without memory. */
bool handover_forget(struct handover *handover, uint32_t place);

/* Worker: whether a question is open; cheap, for every batch. */
static inline bool handover_wanted(const struct handover *handover)
{
    return atomic_load_explicit(&handover->asked, memory_order_relaxed) >> 1 !=
           atomic_load_explicit(&handover->given, memory_order_relaxed);
}
/* Worker: the open question, 0 while there is none. */
uint64_t handover_question(const struct handover *handover);
/* Worker: whether it wants the receive buffers drained first. */
static inline bool handover_wants_drain(uint64_t question)
{
    return question & 1;
}
/* Worker: answers this question, which was open a moment ago, if the spare slice is back. A later
 * one that has come meanwhile stays open: it may want more. */
void handover_give(struct handover *handover, uint64_t question, uint64_t now_ns);

/* Worker, last: from now on the shard is the flusher's. */
void handover_end(struct handover *handover);

#endif
