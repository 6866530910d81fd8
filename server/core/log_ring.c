/* SPDX-License-Identifier: MIT */
#include "server/core/log_ring.h"

#include <string.h>

/* In front of every line in the ring. */
struct header {
    uint64_t lost;
    size_t length;
};

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void push(struct log_ring *ring, const void *bytes, size_t count)
{
    size_t at = (ring->first + ring->used) % LOG_RING_BYTES;
    size_t straight = smaller(count, LOG_RING_BYTES - at);
    memcpy(ring->bytes + at, bytes, straight);
    memcpy(ring->bytes, (const char *)bytes + straight, count - straight);
    ring->used += count;
}

static void pop(struct log_ring *ring, void *bytes, size_t count)
{
    size_t straight = smaller(count, LOG_RING_BYTES - ring->first);
    memcpy(bytes, ring->bytes + ring->first, straight);
    memcpy((char *)bytes + straight, ring->bytes, count - straight);
    ring->used -= count;
    /* An empty ring begins anew, so that few lines touch few pages. */
    ring->first = ring->used > 0 ? (ring->first + count) % LOG_RING_BYTES : 0;
}

bool log_ring_put(struct log_ring *ring, const char *line, size_t length)
{
    struct header header = {.lost = ring->lost, .length = length};
    size_t room = ring->lost > 0 ? LOG_RING_BYTES / 2 : LOG_RING_BYTES;
    if (ring->used + sizeof(header) + length > room) {
        ring->lost++;
        return false;
    }
    ring->lost = 0;
    push(ring, &header, sizeof(header));
    push(ring, line, length);
    return true;
}

bool log_ring_take(struct log_ring *ring, struct log_ring_line *line)
{
    struct header header = {.lost = ring->lost};
    if (ring->used > 0) {
        pop(ring, &header, sizeof(header));
        pop(ring, line->bytes, header.length);
    } else {
        ring->lost = 0;
    }
    line->lost = header.lost;
    line->length = header.length;
    return header.lost > 0 || header.length > 0;
}
