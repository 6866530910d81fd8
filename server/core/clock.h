/* SPDX-License-Identifier: MIT
 *
 * The two clocks, behind a struct so that tests can turn the hands. Lengths, expiry and waiting use
 * the monotonic clock, stamps the wall clock.
 */
#ifndef SERVER_CORE_CLOCK_H
#define SERVER_CORE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_ns)(void *context);
    int64_t (*wall_ns)(void *context); /* nanoseconds since the Unix epoch */
    void *context;
};

/* The system's clocks. */
extern const struct clock clock_system;

static inline uint64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock->context);
}

static inline int64_t clock_wall_ns(const struct clock *clock)
{
    return clock->wall_ns(clock->context);
}

/* A clock that stands still until it is moved; for tests. */
struct clock_fake {
    uint64_t monotonic_ns;
    int64_t wall_ns;
};
struct clock clock_fake_view(struct clock_fake *fake);

#endif
