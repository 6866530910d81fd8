/* SPDX-License-Identifier: MIT */
#include "server/alert/ring.h"

#include <math.h>
#include <stdlib.h>

/* One step more than the time has parts, and the one that is being filled. */
#define SLOTS (ALERT_RING_STEPS + 2)

struct alert_ring {
    uint64_t over_ns, step_ns;
    uint32_t next, count;
    struct {
        uint64_t at_ns;
        double value;
    } slots[SLOTS];
};

struct alert_ring *alert_ring_new(uint64_t over_ms)
{
    struct alert_ring *ring = calloc(1, sizeof(*ring));
    if (ring) {
        ring->over_ns = over_ms * 1000000;
        ring->step_ns = ring->over_ns / ALERT_RING_STEPS;
    }
    return ring;
}

void alert_ring_free(struct alert_ring *ring)
{
    free(ring);
}

void alert_ring_add(struct alert_ring *ring, uint64_t now_ns, double value)
{
    uint32_t last = (ring->next + SLOTS - 1) % SLOTS;
    if (isnan(value) || (ring->count > 0 && now_ns - ring->slots[last].at_ns < ring->step_ns)) {
        return;
    }
    ring->slots[ring->next].at_ns = now_ns;
    ring->slots[ring->next].value = value;
    ring->next = (ring->next + 1) % SLOTS;
    ring->count += ring->count < SLOTS;
}

double alert_ring_before(const struct alert_ring *ring, uint64_t now_ns)
{
    for (uint32_t i = 1; i <= ring->count; i++) {
        uint32_t slot = (ring->next + SLOTS - i) % SLOTS;
        if (now_ns - ring->slots[slot].at_ns >= ring->over_ns) {
            return ring->slots[slot].value;
        }
    }
    return (double)NAN;
}

double alert_ring_change(double before, double value)
{
    if (before == 0 && value == 0) {
        return 0;
    }
    return !isnan(value) && before == 0 ? copysign((double)INFINITY, value)
                                        : (value - before) / fabs(before);
}
