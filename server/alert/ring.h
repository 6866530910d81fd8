/* SPDX-License-Identifier: MIT
 *
 * What a series was worth a while ago: a value in every ALERT_RING_STEPS-th part of the time that a
 * condition looks back over, so that memory does not depend on the length of windows. The oldest
 * part holds what counts, and is at most one step too old where values came all the time. Moments
 * are monotonic, or from before that clock began: only their differences count, modulo 2^64.
 *
 * A ring is the flusher's, by whom all calls are. Who wants to read one on another thread takes a
 * reference along with him; the flusher then goes on with a copy (alert_ring_own()) if it is still
 * held by when there is something to add.
 */
#ifndef SERVER_ALERT_RING_H
#define SERVER_ALERT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALERT_RING_STEPS 60

/* One step more than the time has parts, and the one that is being filled. */
#define ALERT_RING_VALUES_MAX (ALERT_RING_STEPS + 2)

struct alert_ring;

struct alert_ring_value {
    uint64_t at_ns;
    double value;
};

/* For `over_ms`, with one reference; NULL without memory. The label is bytes of the caller's that
 * the ring keeps a copy of. */
struct alert_ring *alert_ring_new(uint64_t over_ms, const char *label, size_t label_bytes);

/* Any thread. */
struct alert_ring *alert_ring_ref(struct alert_ring *ring);
void alert_ring_unref(struct alert_ring *ring); /* NULL is allowed */

/* Makes the ring, which the caller has a reference of, one that nobody else has: a copy where that
 * is needed. Nothing is added to another. False without memory, and it is as it was. */
bool alert_ring_own(struct alert_ring **ring);

/* As it was given; any thread. */
const char *alert_ring_label(const struct alert_ring *ring, size_t *label_bytes);

/* Takes a value of this moment in, which is not before the last one. */
void alert_ring_add(struct alert_ring *ring, uint64_t now_ns, double value);

/* The latest value that is as old as was asked for; NaN while there is none, and where it is more
 * than a step and `gap_ns` older: it says nothing of then. */
double alert_ring_before(const struct alert_ring *ring, uint64_t now_ns, uint64_t gap_ns);

/* Copies what it holds, the oldest first; returns how many. Any thread that has a reference. */
size_t alert_ring_copy(const struct alert_ring *ring,
                       struct alert_ring_value out[ALERT_RING_VALUES_MAX]);

/* Puts a value behind those that are there, however close: what was copied of another ring. */
void alert_ring_restore(struct alert_ring *ring, const struct alert_ring_value *value);

/* What `value` is against the one before, as a share of it: +0.2 is a fifth more. From nothing to
 * something is infinite; NaN where either is not known. */
double alert_ring_change(double before, double value);

#endif
