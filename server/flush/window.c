/* SPDX-License-Identifier: MIT */
#include "server/flush/window.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define AHEAD_S 1

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* The next boundary lies at least half an interval behind the one that has just been kept, so that
 * a wall clock that is a little early does not make a window of no length. */
static void open_at(struct window *window, uint64_t now_ns, int64_t wall_ns, int64_t kept_ns)
{
    int64_t interval = (int64_t)window->interval_ns;
    window->started_ns = now_ns;
    window->started_wall_ns = wall_ns;
    window->boundary_wall_ns = wall_ns + interval;
    if (window->align) {
        int64_t from = kept_ns > wall_ns ? kept_ns : wall_ns;
        window->boundary_wall_ns = floor_to(from, interval) + interval;
    }
    window->ends_ns = now_ns + (uint64_t)(window->boundary_wall_ns - wall_ns);
}

void window_begin(struct window *window, uint64_t interval_ns, bool align, uint64_t now_ns,
                  int64_t wall_ns)
{
    *window = (struct window){.interval_ns = interval_ns, .align = align, .stamp_ns = INT64_MIN};
    open_at(window, now_ns, wall_ns, wall_ns);
}

/* How far the wall clock is from where the monotonic clock says it should be. */
static int64_t step_of(const struct window *window, uint64_t now_ns, int64_t wall_ns)
{
    int64_t expected = window->started_wall_ns + (int64_t)(now_ns - window->started_ns);
    return wall_ns - expected;
}

bool window_is_stepped(const struct window *window, uint64_t now_ns, int64_t wall_ns)
{
    int64_t step = step_of(window, now_ns, wall_ns);
    int64_t bound = (int64_t)window->interval_ns / 2;
    return step > bound || step < -bound;
}

bool window_is_due(const struct window *window, uint64_t now_ns, int64_t wall_ns)
{
    return now_ns >= window->ends_ns || window_is_stepped(window, now_ns, wall_ns);
}

/* A window closed at its boundary carries the boundary; a late one the latest boundary that has
 * passed; any other the moment itself. */
static int64_t stamp_of(const struct window *window, uint64_t now_ns, int64_t wall_ns, bool stepped)
{
    if (stepped || !window->align || now_ns < window->ends_ns) {
        return floor_to(wall_ns, MILLISECOND);
    }
    int64_t passed = floor_to(wall_ns, (int64_t)window->interval_ns);
    return passed > window->boundary_wall_ns ? passed : window->boundary_wall_ns;
}

struct window_closed window_close(struct window *window, uint64_t now_ns, int64_t wall_ns)
{
    struct window_closed closed = {.length_ns = now_ns - window->started_ns};
    closed.stepped = window_is_stepped(window, now_ns, wall_ns);
    closed.lag_ns = now_ns > window->ends_ns ? now_ns - window->ends_ns : 0;
    closed.stamp_ns = stamp_of(window, now_ns, wall_ns, closed.stepped);
    if (!closed.stepped && closed.stamp_ns <= window->stamp_ns) {
        closed.stamp_ns = window->stamp_ns + MILLISECOND;
    }
    window->stamp_ns = closed.stamp_ns;
    open_at(window, now_ns, wall_ns, closed.stepped ? wall_ns : closed.stamp_ns);
    return closed;
}

/* A window that was opened a little before its boundary begins with it all the same. */
struct window_seconds window_seconds(const struct window *window)
{
    int64_t from =
        window->started_wall_ns > window->stamp_ns ? window->started_wall_ns : window->stamp_ns;
    return (struct window_seconds){
        .from_s = floor_to(from, SECOND) / SECOND,
        .until_s = floor_to(window->boundary_wall_ns + SECOND - 1, SECOND) / SECOND + AHEAD_S,
    };
}
