/* SPDX-License-Identifier: MIT */
#include "server/sink/csv_queue.h"

#include <string.h>

#include "server/core/require.h"

uint64_t csv_queue_memory(const struct snapshot *snapshot)
{
    uint64_t timer_bytes =
        sizeof(struct timer_row) + snapshot->percentile_count * sizeof(*snapshot->percents);
    return sizeof(*snapshot) + snapshot->details_bytes +
           snapshot->counter_count * sizeof(struct counter_row) +
           snapshot->gauge_count * sizeof(struct gauge_row) + snapshot->timer_count * timer_bytes +
           snapshot->set_count * sizeof(struct set_row) +
           snapshot->anomaly_count * sizeof(struct anomaly_row) +
           (snapshot->alerts ? snapshot->alerts->bytes : 0) +
           snapshot->event_count * sizeof(struct event_row) + snapshot->event_bytes_length;
}

void csv_queue_put(struct csv_queue *queue, const struct snapshot *snapshot, uint64_t now_ns)
{
    REQUIRE(queue->count < CSV_QUEUE_WINDOWS_MAX);
    struct csv_window *window = &queue->windows[queue->count++];
    *window = (struct csv_window){
        .snapshot = snapshot_ref(snapshot),
        .submitted_ns = now_ns,
        .memory_bytes = csv_queue_memory(snapshot),
        .files = csv_rows_files(snapshot->has_bins),
    };
    queue->memory_bytes += window->memory_bytes;
    queue->latest_window = snapshot->window;
}

static struct snapshot *take_at(struct csv_queue *queue, size_t index)
{
    struct csv_window window = queue->windows[index];
    queue->count--;
    memmove(&queue->windows[index], &queue->windows[index + 1],
            (queue->count - index) * sizeof(window));
    queue->memory_bytes -= window.memory_bytes;
    return window.snapshot;
}

struct snapshot *csv_queue_give_up(struct csv_queue *queue, uint64_t room_bytes, uint64_t now_ns)
{
    size_t oldest = queue->count > 0 && queue->windows[0].snapshot == queue->in_hand ? 1 : 0;
    if (queue->count <= oldest) {
        return NULL;
    }
    bool full = room_bytes > 0 && (queue->count == CSV_QUEUE_WINDOWS_MAX ||
                                   queue->memory_bytes + room_bytes > CSV_QUEUE_MEMORY_MAX);
    bool old = now_ns - queue->windows[oldest].submitted_ns > CSV_QUEUE_AGE_MAX_NS;
    return full || old ? take_at(queue, oldest) : NULL;
}

bool csv_queue_next(struct csv_queue *queue, unsigned files, struct snapshot **snapshot,
                    enum csv_kind *kind)
{
    for (size_t i = 0; i < queue->count; i++) {
        unsigned lacking = queue->windows[i].files & files;
        if (lacking != 0) {
            *snapshot = queue->windows[i].snapshot;
            *kind = (enum csv_kind)__builtin_ctz(lacking);
            queue->in_hand = *snapshot;
            return true;
        }
    }
    return false;
}

struct snapshot *csv_queue_settle(struct csv_queue *queue, enum csv_kind kind, bool written)
{
    size_t i = 0;
    while (i < queue->count && queue->windows[i].snapshot != queue->in_hand) {
        i++;
    }
    REQUIRE(i < queue->count);
    queue->in_hand = NULL;
    if (written) {
        queue->windows[i].files &= ~(1U << kind);
    }
    return queue->windows[i].files == 0 ? take_at(queue, i) : NULL;
}

struct snapshot *csv_queue_take(struct csv_queue *queue)
{
    return queue->count > 0 ? take_at(queue, 0) : NULL;
}

uint64_t csv_queue_done_window(const struct csv_queue *queue)
{
    return queue->count > 0 ? queue->windows[0].snapshot->window - 1 : queue->latest_window;
}
