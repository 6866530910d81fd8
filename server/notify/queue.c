/* SPDX-License-Identifier: MIT */
#include "server/notify/queue.h"

static struct notification **bucket_of(struct notify_queue *queue,
                                       const struct notification *notification)
{
    return &queue->buckets[notification->hash % NOTIFY_BUCKETS];
}

static struct notification *find(struct notify_queue *queue,
                                 const struct notification *notification)
{
    struct notification *found = *bucket_of(queue, notification);
    while (found && !notification_is_same(found, notification)) {
        found = found->same;
    }
    return found;
}

static void unlink_same(struct notify_queue *queue, struct notification *notification)
{
    struct notification **at = bucket_of(queue, notification);
    while (*at != notification) {
        at = &(*at)->same;
    }
    *at = notification->same;
}

static void take_out(struct notify_queue *queue, struct notification *notification)
{
    unlink_same(queue, notification);
    if (notification->previous) {
        notification->previous->next = notification->next;
    } else {
        queue->first = notification->next;
    }
    if (notification->next) {
        notification->next->previous = notification->previous;
    } else {
        queue->last = notification->previous;
    }
    queue->count--;
    queue->bytes -= notification->bytes;
}

/* Behind `previous`; first where that is NULL. */
static void put_in(struct notify_queue *queue, struct notification *notification,
                   struct notification *previous)
{
    struct notification **bucket = bucket_of(queue, notification);
    notification->same = *bucket;
    *bucket = notification;
    notification->previous = previous;
    notification->next = previous ? previous->next : queue->first;
    *(previous ? &previous->next : &queue->first) = notification;
    *(notification->next ? &notification->next->previous : &queue->last) = notification;
    queue->count++;
    queue->bytes += notification->bytes;
}

struct notification *notify_queue_take(struct notify_queue *queue)
{
    struct notification *first = queue->first;
    if (first) {
        take_out(queue, first);
    }
    return first;
}

size_t notify_queue_put(struct notify_queue *queue, struct notification *notification)
{
    size_t gone = 0;
    struct notification *older = find(queue, notification);
    if (older) {
        take_out(queue, older);
        notification->again = notification->again && older->again;
        notification_free(older);
    }
    put_in(queue, notification, queue->last);
    while (queue->count > NOTIFY_QUEUE_MAX || (queue->bytes > queue->bytes_max && queue->first)) {
        struct notification *oldest = notify_queue_take(queue);
        gone += !oldest->again;
        notification_free(oldest);
    }
    return gone;
}

void notify_queue_return(struct notify_queue *queue, struct notification *notification)
{
    struct notification *newer = find(queue, notification);
    if (!newer) {
        put_in(queue, notification, NULL);
        return;
    }
    /* So that an alert whose state changes faster than it is told does not wait for ever. */
    take_out(queue, newer);
    newer->again = newer->again && notification->again;
    put_in(queue, newer, NULL);
    notification_free(notification);
}

void notify_queue_deinit(struct notify_queue *queue)
{
    struct notification *first;
    while ((first = notify_queue_take(queue))) {
        notification_free(first);
    }
}
