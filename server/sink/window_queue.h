/* SPDX-License-Identifier: MIT
 *
 * The windows, as bytes, that a network sink has yet to bring to its receivers, oldest first. Each
 * knows which receivers lack it; it leaves the queue when none does, or when it is given up.
 * Bounded by the memory it takes: the oldest go first. Whatever the bound, the newest window is
 * taken, and one that a connection is busy with stays.
 *
 * No locking: the owner's lock guards every call. The bytes of a window in hand do not change and
 * may be read without it.
 */
#ifndef SERVER_SINK_WINDOW_QUEUE_H
#define SERVER_SINK_WINDOW_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/sink/blocks.h"

#define WINDOW_RECEIVERS_MAX 16

struct queued_window {
    struct queued_window *next;
    uint64_t window;
    struct blocks bytes;
    uint32_t lacking; /* a bit for each receiver that does not have it */
    uint32_t in_hand; /* a bit for each receiver that is being sent it */
    bool in_doubt;    /* a part may not have arrived; counted once */
};

/* All zero is an empty queue without room; set `memory_max`. */
struct window_queue {
    struct queued_window *first;
    struct queued_window *last;
    size_t count;
    uint64_t memory_bytes, memory_max;
    uint64_t bytes;         /* that are still to be sent, of a window with several receivers once */
    uint64_t latest_window; /* the highest ever put in */
};

/* Takes over `bytes`, which are finished. False without memory; they are then freed. There must be
 * room: window_queue_give_up() is called until it returns NULL first. */
bool window_queue_put(struct window_queue *queue, uint64_t window, struct blocks *bytes,
                      size_t receivers);

/* The window is lost before it was ever here. */
void window_queue_skip(struct window_queue *queue, uint64_t window);

/* Takes out the oldest window that must go so that one with `memory` bytes can be put in; NULL when
 * there is none. The caller frees it, outside of any lock. */
struct queued_window *window_queue_give_up(struct window_queue *queue, uint64_t memory);

/* The oldest window that the receiver lacks, which is in hand from here to window_queue_settle() or
 * window_queue_put_back(); NULL when it has all. */
struct queued_window *window_queue_next(struct window_queue *queue, size_t receiver);

/* The receiver has it, or will never have it. Returns the window when it has left the queue, to be
 * freed, else NULL. */
struct queued_window *window_queue_settle(struct window_queue *queue, struct queued_window *window,
                                          size_t receiver);

/* It is to be tried again. */
void window_queue_put_back(struct queued_window *window, size_t receiver);

/* Takes out the oldest, in hand or not; NULL when the queue is empty. */
struct queued_window *window_queue_take(struct window_queue *queue);

/* Every window up to this one has left the queue. */
uint64_t window_queue_done_window(const struct window_queue *queue);

void queued_window_free(struct queued_window *window);

#endif
