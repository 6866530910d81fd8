/* SPDX-License-Identifier: MIT
 *
 * What moves a sink of the network: the flusher's thread wakes it, the main thread's event loop has
 * it do its work, after a failure there is a pause, and at the end it works on until it is done or
 * its time is over. The work itself is the sink's: each call sends what is oldest, unless something
 * is being sent or there is a pause. Main thread, but for pump_wake().
 */
#ifndef SERVER_SINK_PUMP_H
#define SERVER_SINK_PUMP_H

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

/* Longer pauses that a receiver asks for are not taken. */
#define PUMP_RETRY_AFTER_S_MAX 300

typedef void pump_work(void *context);
typedef bool pump_is_busy(const void *context);

struct pump {
    struct event_base *base;
    pump_work *work;
    void *context;
    int fd; /* the eventfd that wakes it */
    struct event *woken, *retry;
    bool stopping;
};

/* False without memory or descriptors. pump_deinit() is needed all the same, and allowed on one
 * that was never begun where `fd` is below 0. */
bool pump_init(struct pump *pump, struct event_base *base, pump_work *work, void *context);
void pump_deinit(struct pump *pump);

/* Has work() called. Any thread. */
void pump_wake(struct pump *pump);

bool pump_pauses(const struct pump *pump);

/* After so many failures in a row (1 and more): work() is called when the pause is over, by
 * backoff_ms() or as long as the receiver asks for, whichever is longer. Nothing while stopping. */
void pump_pause(struct pump *pump, unsigned failures, uint64_t retry_after_s);

/* A pause ends at once. */
void pump_hurry(struct pump *pump);

/* Works on as long as something is being sent, for `deadline_ms` at most. */
void pump_drain(struct pump *pump, uint64_t deadline_ms, pump_is_busy *is_busy);

#endif
