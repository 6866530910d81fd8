/* SPDX-License-Identifier: MIT
 *
 * When windows begin and end, and what they are stamped with: arithmetic over two clock readings,
 * nothing else. Lengths run on the monotonic clock; with `align` a window ends when the wall clock
 * shows a multiple of the interval. Stamps strictly increase through small steps of the wall clock;
 * a step of over half an interval ends the window, and stamps follow the new clock.
 */
#ifndef SERVER_FLUSH_WINDOW_H
#define SERVER_FLUSH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
    uint64_t interval_ns;
    bool align;
    uint64_t started_ns; /* monotonic */
    int64_t started_wall_ns;
    uint64_t ends_ns;         /* monotonic: when the open window is due */
    int64_t boundary_wall_ns; /* the wall time it is due at */
    int64_t stamp_ns;         /* of the window closed last; INT64_MIN before the first */
};

/* Opens the first window. */
void window_begin(struct window *window, uint64_t interval_ns, bool align, uint64_t now_ns,
                  int64_t wall_ns);

/* Whether the open window has to be closed: its end has come, or the wall clock was stepped. */
bool window_is_due(const struct window *window, uint64_t now_ns, int64_t wall_ns);
bool window_is_stepped(const struct window *window, uint64_t now_ns, int64_t wall_ns);

struct window_closed {
    int64_t stamp_ns;   /* wall time, nanoseconds since the epoch, whole milliseconds */
    uint64_t length_ns; /* measured */
    uint64_t lag_ns;    /* how long after it was due */
    bool stepped;
};

/* Closes the open window at this moment and opens the next, which ends at the next boundary. */
struct window_closed window_close(struct window *window, uint64_t now_ns, int64_t wall_ns);

/* The Unix seconds [from_s, until_s) that samples of the open window may be stamped with: those it
 * shares a moment with, and one more at its end, for a sender whose clock is a little ahead. */
struct window_seconds {
    int64_t from_s, until_s;
};
struct window_seconds window_seconds(const struct window *window);

#endif
