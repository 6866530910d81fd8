/* SPDX-License-Identifier: MIT
 *
 * A program that is started for one window, reads it on its standard input, and says by its exit
 * status what became of it. What it writes to its outputs is logged, line by line, up to a bound. A
 * program that takes too long is killed, with all that it has started.
 *
 * Status 0 means that it has what it wanted, be that less than all. Any other end is a failure: how
 * much of the window it has made use of is not known, so the window is not given to it again.
 */
#ifndef SERVER_SINK_EXEC_CHILD_H
#define SERVER_SINK_EXEC_CHILD_H

#include <stdint.h>

#include "server/sink/carrier.h"

/* Of one run. */
#define EXEC_LINES_MAX 20
#define EXEC_LINE_BYTES 256

struct event_base;

struct exec_options {
    const char *name;       /* for the log; copied, as are the next */
    char *const *arguments; /* the program, found by PATH, and its arguments, `count` */
    size_t count;
    char *const *environment; /* to be there as long as it is; NULL = the server's own */
    uint64_t deadline_ms;
};

/* NULL without memory. */
struct carrier *exec_child_new(const struct exec_options *options, struct event_base *base,
                               carrier_done *done, void *context);

#endif
