/* SPDX-License-Identifier: MIT
 *
 * The requests that wait, oldest first, bounded by the memory they take. When there is no room the
 * oldest windows go, whole as far as they are still here; the request in hand stays. One request is
 * in hand at a time, so that none overtakes another. No locking: the owner's lock guards every
 * call.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_QUEUE_H
#define SERVER_MODULES_REMOTE_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/modules/remote_write/batch.h"

/* All zero is an empty queue without room; set `bytes_max`. */
struct queue {
    struct batch_list list; /* without the one in hand */
    struct batch *in_hand;
    size_t bytes_max;
    uint64_t latest_window; /* the highest ever put in or skipped */
    uint64_t lost_window;   /* the highest of which something was lost */
    uint64_t windows_lost;  /* of which something was lost */
};

/* Takes over the list. What had to go for it is in `dropped`, to be freed by the caller. */
void queue_put(struct queue *queue, uint64_t window, struct batch_list *list,
               struct batch_list *dropped);

/* The window never was here, and counts as lost. */
void queue_skip(struct queue *queue, uint64_t window);

/* The oldest, which is in hand from here on; the one that is in hand, where there is one. NULL when
 * the queue is empty. */
struct batch *queue_next(struct queue *queue);

/* The one in hand leaves the queue, to be freed by the caller. */
struct batch *queue_settle(struct queue *queue);

/* Something of the window of the one in hand is lost. */
void queue_lose(struct queue *queue);

/* Puts the halves where the one in hand was, which is returned and to be freed. */
struct batch *queue_replace(struct queue *queue, struct batch *const halves[2]);

size_t queue_bytes(const struct queue *queue);

/* Every window up to this one has left the queue. */
uint64_t queue_done_window(const struct queue *queue);

#endif
