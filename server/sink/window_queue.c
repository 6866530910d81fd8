/* SPDX-License-Identifier: MIT */
#include "server/sink/window_queue.h"

#include <stdlib.h>

#include "server/core/require.h"

static uint64_t memory_of(const struct queued_window *window)
{
    return sizeof(*window) + blocks_memory(&window->bytes);
}

bool window_queue_put(struct window_queue *queue, uint64_t number, struct blocks *bytes,
                      size_t receivers)
{
    REQUIRE(receivers > 0 && receivers <= WINDOW_RECEIVERS_MAX);
    struct queued_window *window = calloc(1, sizeof(*window));
    if (!window) {
        blocks_deinit(bytes);
        return false;
    }
    queue->latest_window = number;
    window->window = number;
    window->bytes = *bytes;
    window->lacking = (UINT32_C(1) << receivers) - 1;
    *bytes = (struct blocks){0};
    if (queue->last) {
        queue->last->next = window;
    } else {
        queue->first = window;
    }
    queue->last = window;
    queue->count++;
    queue->memory_bytes += memory_of(window);
    queue->bytes += window->bytes.length;
    return true;
}

void window_queue_skip(struct window_queue *queue, uint64_t number)
{
    queue->latest_window = number;
}

static struct queued_window *take_out(struct window_queue *queue, struct queued_window *window)
{
    struct queued_window *before = NULL;
    for (struct queued_window *at = queue->first; at != window; at = at->next) {
        REQUIRE(at);
        before = at;
    }
    if (before) {
        before->next = window->next;
    } else {
        queue->first = window->next;
    }
    if (queue->last == window) {
        queue->last = before;
    }
    queue->count--;
    queue->memory_bytes -= memory_of(window);
    queue->bytes -= window->bytes.length;
    window->next = NULL;
    return window;
}

struct queued_window *window_queue_give_up(struct window_queue *queue, uint64_t memory)
{
    struct queued_window *oldest = queue->first;
    while (oldest && oldest->in_hand != 0) {
        oldest = oldest->next;
    }
    bool full = queue->memory_bytes + memory > queue->memory_max;
    return oldest && full ? take_out(queue, oldest) : NULL;
}

struct queued_window *window_queue_next(struct window_queue *queue, size_t receiver)
{
    uint32_t bit = UINT32_C(1) << receiver;
    struct queued_window *window = queue->first;
    while (window && !(window->lacking & bit)) {
        window = window->next;
    }
    if (window) {
        window->in_hand |= bit;
    }
    return window;
}

struct queued_window *window_queue_settle(struct window_queue *queue, struct queued_window *window,
                                          size_t receiver)
{
    window_queue_put_back(window, receiver);
    window->lacking &= ~(UINT32_C(1) << receiver);
    return window->lacking == 0 ? take_out(queue, window) : NULL;
}

void window_queue_put_back(struct queued_window *window, size_t receiver)
{
    window->in_hand &= ~(UINT32_C(1) << receiver);
}

struct queued_window *window_queue_take(struct window_queue *queue)
{
    return queue->first ? take_out(queue, queue->first) : NULL;
}

uint64_t window_queue_done_window(const struct window_queue *queue)
{
    return queue->first ? queue->first->window - 1 : queue->latest_window;
}

void queued_window_free(struct queued_window *window)
{
    if (window) {
        blocks_deinit(&window->bytes);
        free(window);
    }
}
