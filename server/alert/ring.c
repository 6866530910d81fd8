/* SPDX-License-Identifier: MIT */
#include "server/alert/ring.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS ALERT_RING_VALUES_MAX

struct alert_ring {
    _Atomic unsigned references;
    uint32_t next, count, label_bytes;
    uint64_t over_ns, step_ns;
    struct alert_ring_value slots[SLOTS];
    char label[];
};

struct alert_ring *alert_ring_new(uint64_t over_ms, const char *label, size_t label_bytes)
{
    struct alert_ring *ring = calloc(1, sizeof(*ring) + label_bytes);
    if (ring) {
        ring->references = 1;
        ring->over_ns = over_ms * 1000000;
        ring->step_ns = ring->over_ns / ALERT_RING_STEPS;
        ring->label_bytes = (uint32_t)label_bytes;
        memcpy(ring->label, label, label_bytes);
    }
    return ring;
}

struct alert_ring *alert_ring_ref(struct alert_ring *ring)
{
    atomic_fetch_add_explicit(&ring->references, 1, memory_order_relaxed);
    return ring;
}

void alert_ring_unref(struct alert_ring *ring)
{
    if (ring && atomic_fetch_sub_explicit(&ring->references, 1, memory_order_acq_rel) == 1) {
        free(ring);
    }
}

bool alert_ring_own(struct alert_ring **ring)
{
    const struct alert_ring *shared = *ring;
    if (atomic_load_explicit(&shared->references, memory_order_acquire) == 1) {
        return true;
    }
    struct alert_ring *own =
        alert_ring_new(shared->over_ns / 1000000, shared->label, shared->label_bytes);
    if (!own) {
        return false;
    }
    own->next = shared->next;
    own->count = shared->count;
    memcpy(own->slots, shared->slots, sizeof(own->slots));
    alert_ring_unref(*ring);
    *ring = own;
    return true;
}

const char *alert_ring_label(const struct alert_ring *ring, size_t *label_bytes)
{
    *label_bytes = ring->label_bytes;
    return ring->label;
}

void alert_ring_restore(struct alert_ring *ring, const struct alert_ring_value *value)
{
    ring->slots[ring->next] = *value;
    ring->next = (ring->next + 1) % SLOTS;
    ring->count += ring->count < SLOTS;
}

void alert_ring_add(struct alert_ring *ring, uint64_t now_ns, double value)
{
    uint32_t last = (ring->next + SLOTS - 1) % SLOTS;
    if (isnan(value) || (ring->count > 0 && now_ns - ring->slots[last].at_ns < ring->step_ns)) {
        return;
    }
    alert_ring_restore(ring, &(struct alert_ring_value){.at_ns = now_ns, .value = value});
}

double alert_ring_before(const struct alert_ring *ring, uint64_t now_ns, uint64_t gap_ns)
{
    for (uint32_t i = 1; i <= ring->count; i++) {
        const struct alert_ring_value *slot = &ring->slots[(ring->next + SLOTS - i) % SLOTS];
        uint64_t age_ns = now_ns - slot->at_ns;
        if (age_ns >= ring->over_ns) {
            return age_ns - ring->over_ns <= ring->step_ns + gap_ns ? slot->value : (double)NAN;
        }
    }
    return (double)NAN;
}

size_t alert_ring_copy(const struct alert_ring *ring,
                       struct alert_ring_value out[ALERT_RING_VALUES_MAX])
{
    uint32_t first = (ring->next + SLOTS - ring->count) % SLOTS;
    for (uint32_t i = 0; i < ring->count; i++) {
        out[i] = ring->slots[(first + i) % SLOTS];
    }
    return ring->count;
}

double alert_ring_change(double before, double value)
{
    if (before == 0 && value == 0) {
        return 0;
    }
    return !isnan(value) && before == 0 ? copysign((double)INFINITY, value)
                                        : (value - before) / fabs(before);
}
