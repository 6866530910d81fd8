/* SPDX-License-Identifier: MIT */
#include "server/flush/handover.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool handover_init(struct handover *handover, struct shard *shard)
{
    *handover = (struct handover){
        .shard = shard, .flusher_fd = -1, .from_s = INT64_MIN, .until_s = INT64_MAX};
    pthread_mutex_init(&handover->lock, NULL);
    handover->worker_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return handover->worker_fd >= 0;
}

void handover_deinit(struct handover *handover)
{
    if (handover->worker_fd >= 0) {
        close(handover->worker_fd);
    }
    free(handover->forgets);
    pthread_mutex_destroy(&handover->lock);
}

/* An eventfd that is full already wakes its reader: a failed write loses nothing. */
static void wake(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written;
}

void handover_ask(struct handover *handover, bool drain)
{
    uint64_t number = (atomic_load_explicit(&handover->asked, memory_order_relaxed) >> 1) + 1;
    atomic_store_explicit(&handover->asked, number << 1 | drain, memory_order_release);
    wake(handover->worker_fd);
}

void handover_announce(struct handover *handover, int64_t from_s, int64_t until_s)
{
    atomic_store_explicit(&handover->from_s, from_s, memory_order_relaxed);
    atomic_store_explicit(&handover->until_s, until_s, memory_order_relaxed);
}

void handover_begin(struct handover *handover, int64_t from_s, int64_t until_s)
{
    handover_announce(handover, from_s, until_s);
    shard_open_window(handover->shard, from_s, until_s);
}

/* What was announced before the question that is answered is seen here. */
static void swap(struct handover *handover, uint64_t number, uint64_t now_ns)
{
    handover->slice = shard_swap(handover->shard, now_ns);
    shard_open_window(handover->shard,
                      atomic_load_explicit(&handover->from_s, memory_order_relaxed),
                      atomic_load_explicit(&handover->until_s, memory_order_relaxed));
    atomic_store_explicit(&handover->given, number, memory_order_release);
}

static bool is_spare_back(const struct handover *handover)
{
    return atomic_load_explicit(&handover->returned, memory_order_acquire) ==
           atomic_load_explicit(&handover->given, memory_order_relaxed);
}

struct slice *handover_take(struct handover *handover, uint64_t now_ns)
{
    uint64_t asked = atomic_load_explicit(&handover->asked, memory_order_relaxed) >> 1;
    bool ended = atomic_load_explicit(&handover->ended, memory_order_acquire);
    uint64_t given = atomic_load_explicit(&handover->given, memory_order_acquire);
    if (ended && given != asked && is_spare_back(handover)) {
        swap(handover, asked, now_ns);
        given = asked;
    }
    if (given == atomic_load_explicit(&handover->returned, memory_order_relaxed)) {
        return NULL;
    }
    handover->taken = given;
    return handover->slice;
}

bool handover_is_stale(const struct handover *handover)
{
    uint64_t given = atomic_load_explicit(&handover->given, memory_order_acquire);
    return given != atomic_load_explicit(&handover->returned, memory_order_relaxed) &&
           handover_wanted(handover);
}

/* A worker that was asked while its spare slice was away has let the question stand and may sleep.
 */
void handover_return(struct handover *handover)
{
    uint64_t before = atomic_load_explicit(&handover->returned, memory_order_relaxed);
    if (before == handover->taken) {
        return;
    }
    atomic_store_explicit(&handover->returned, handover->taken, memory_order_release);
    if (handover_wanted(handover)) {
        wake(handover->worker_fd);
    }
}

bool handover_forget(struct handover *handover, uint32_t place)
{
    bool added = true;
    pthread_mutex_lock(&handover->lock);
    if (handover->forget_count == handover->forget_capacity) {
        size_t capacity = handover->forget_capacity ? handover->forget_capacity * 2 : 64;
        uint32_t *grown = realloc(handover->forgets, capacity * sizeof(*grown));
        added = grown != NULL;
        handover->forgets = added ? grown : handover->forgets;
        handover->forget_capacity = added ? capacity : handover->forget_capacity;
    }
    if (added) {
        handover->forgets[handover->forget_count++] = place;
        atomic_store_explicit(&handover->forgetting, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&handover->lock);
    return added;
}

/* The flusher holds the lock only while it adds an entry, at expiry. */
static void forget_all(struct handover *handover)
{
    pthread_mutex_lock(&handover->lock);
    for (size_t i = 0; i < handover->forget_count; i++) {
        shard_forget(handover->shard, handover->forgets[i]);
    }
    handover->forget_count = 0;
    atomic_store_explicit(&handover->forgetting, false, memory_order_relaxed);
    pthread_mutex_unlock(&handover->lock);
}

uint64_t handover_question(const struct handover *handover)
{
    uint64_t asked = atomic_load_explicit(&handover->asked, memory_order_acquire);
    uint64_t given = atomic_load_explicit(&handover->given, memory_order_relaxed);
    return asked >> 1 == given ? 0 : asked;
}

void handover_give(struct handover *handover, uint64_t question, uint64_t now_ns)
{
    uint64_t number = question >> 1;
    if (number <= atomic_load_explicit(&handover->given, memory_order_relaxed) ||
        !is_spare_back(handover)) {
        return;
    }
    if (atomic_load_explicit(&handover->forgetting, memory_order_relaxed)) {
        forget_all(handover);
    }
    swap(handover, number, now_ns);
    wake(handover->flusher_fd);
}

void handover_end(struct handover *handover)
{
    atomic_store_explicit(&handover->ended, true, memory_order_release);
    wake(handover->flusher_fd);
}
