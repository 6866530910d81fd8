/* SPDX-License-Identifier: MIT
 *
 * What a series was worth a while ago: a value in every ALERT_RING_STEPS-th part of the time that a
 * condition looks back over, so that memory does not depend on the length of windows. The oldest
 * part holds what counts, and is at most one step too old. One thread at a time.
 */
#ifndef SERVER_ALERT_RING_H
#define SERVER_ALERT_RING_H

#include <stdint.h>

#define ALERT_RING_STEPS 60

struct alert_ring;

/* For `over_ms`; NULL without memory. */
struct alert_ring *alert_ring_new(uint64_t over_ms);
void alert_ring_free(struct alert_ring *ring); /* NULL is allowed */

/* Takes a value of this monotonic moment in, which is not before the last one. */
void alert_ring_add(struct alert_ring *ring, uint64_t now_ns, double value);

/* The latest value that is as old as was asked for; NaN while there is none. */
double alert_ring_before(const struct alert_ring *ring, uint64_t now_ns);

/* What `value` is against the one before, as a share of it: +0.2 is a fifth more. From nothing to
 * something is infinite; NaN where either is not known. */
double alert_ring_change(double before, double value);

#endif
