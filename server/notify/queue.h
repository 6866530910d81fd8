/* SPDX-License-Identifier: MIT
 *
 * What a notifier still has to tell, oldest first, bounded by number and memory. Of one alert only
 * the latest state is here: an older one makes way for it, and is neither told nor lost. Where
 * there is no room the oldest goes. No locking: the owner's lock guards every call.
 */
#ifndef SERVER_NOTIFY_QUEUE_H
#define SERVER_NOTIFY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/notify/notification.h"

#define NOTIFY_QUEUE_MAX 20000
#define NOTIFY_BUCKETS 1024

/* All zero is an empty queue without room; set `bytes_max`. */
struct notify_queue {
    struct notification *first, *last;
    struct notification *buckets[NOTIFY_BUCKETS]; /* by hash, so that the same alert is found */
    size_t count, bytes, bytes_max;
};

/* Takes it over and puts it last. Returns how many had to go for want of room, which may be itself;
 * what was said before is not counted. */
size_t notify_queue_put(struct notify_queue *queue, struct notification *notification);

/* Takes the oldest out, to be the caller's; NULL when there is none. */
struct notification *notify_queue_take(struct notify_queue *queue);

/* Puts one back first that could not be told yet, or in its place what is newer of its alert. */
void notify_queue_return(struct notify_queue *queue, struct notification *notification);

void notify_queue_deinit(struct notify_queue *queue);

#endif
