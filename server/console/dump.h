/* SPDX-License-Identifier: MIT
 *
 * All metrics of a kind as text, a piece at a time: as etsy statsd shows its own, but for timers,
 * which have figures here in place of every sample.
 *   { 'a.b': 3,
 *     'c;host=x': 4 }
 * Main thread.
 */
#ifndef SERVER_CONSOLE_DUMP_H
#define SERVER_CONSOLE_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/metrics/snapshot.h"

struct dump {
    struct snapshot *snapshot; /* the dump's reference; NULL = there is nothing to show */
    enum metric_kind kind;     /* any but METRIC_SET */
    size_t at;                 /* the row that is next */
};

/* Appends rows until there are `bytes` or more, or the last is in it: then it returns true. */
bool dump_write(struct dump *dump, struct buffer *out, size_t bytes);

#endif
