/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/queue.h"

static void count_lost(struct queue *queue, uint64_t window)
{
    if (window > queue->lost_window) {
        queue->lost_window = window;
        queue->windows_lost++;
    }
}

static struct batch *take_first(struct batch_list *list)
{
    struct batch *batch = list->first;
    list->first = batch->next;
    list->last = list->first ? list->last : NULL;
    list->bytes -= batch_memory(batch);
    batch->next = NULL;
    return batch;
}

static void put_first(struct batch_list *list, struct batch *batch)
{
    batch->next = list->first;
    list->first = batch;
    list->last = list->last ? list->last : batch;
    list->bytes += batch_memory(batch);
}

static void drop_oldest_window(struct queue *queue, struct batch_list *dropped)
{
    uint64_t window = queue->list.first->window;
    count_lost(queue, window);
    while (queue->list.first && queue->list.first->window == window) {
        batch_list_append(dropped, take_first(&queue->list));
    }
}

void queue_put(struct queue *queue, uint64_t window, struct batch_list *list,
               struct batch_list *dropped)
{
    while (queue->list.first && queue_bytes(queue) + list->bytes > queue->bytes_max) {
        drop_oldest_window(queue, dropped);
    }
    if (queue->list.last) {
        queue->list.last->next = list->first;
    } else {
        queue->list.first = list->first;
    }
    queue->list.last = list->last ? list->last : queue->list.last;
    queue->list.bytes += list->bytes;
    queue->latest_window = window;
    *list = (struct batch_list){0};
}

void queue_skip(struct queue *queue, uint64_t window)
{
    queue->latest_window = window;
    count_lost(queue, window);
}

struct batch *queue_next(struct queue *queue)
{
    if (!queue->in_hand && queue->list.first) {
        queue->in_hand = take_first(&queue->list);
    }
    return queue->in_hand;
}

struct batch *queue_settle(struct queue *queue)
{
    struct batch *batch = queue->in_hand;
    queue->in_hand = NULL;
    return batch;
}

void queue_lose(struct queue *queue)
{
    count_lost(queue, queue->in_hand->window);
}

struct batch *queue_replace(struct queue *queue, struct batch *const halves[2])
{
    put_first(&queue->list, halves[1]);
    put_first(&queue->list, halves[0]);
    return queue_settle(queue);
}

size_t queue_bytes(const struct queue *queue)
{
    return queue->list.bytes + (queue->in_hand ? batch_memory(queue->in_hand) : 0);
}

uint64_t queue_done_window(const struct queue *queue)
{
    const struct batch *oldest = queue->in_hand ? queue->in_hand : queue->list.first;
    return oldest && oldest->window > 0 ? oldest->window - 1 : queue->latest_window;
}
