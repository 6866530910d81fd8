/* SPDX-License-Identifier: MIT */
#include "server/core/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t system_monotonic_ns(void *context)
{
    (void)context;
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall_ns(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

const struct clock clock_system = {system_monotonic_ns, system_wall_ns, NULL};

static uint64_t fake_monotonic_ns(void *context)
{
    return ((const struct clock_fake *)context)->monotonic_ns;
}

static int64_t fake_wall_ns(void *context)
{
    return ((const struct clock_fake *)context)->wall_ns;
}

struct clock clock_fake_view(struct clock_fake *fake)
{
    return (struct clock){fake_monotonic_ns, fake_wall_ns, fake};
}
