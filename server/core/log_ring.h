/* SPDX-License-Identifier: MIT
 *
 * Log lines that wait to be written: first in, first out, in a bounded memory. A line that finds no
 * room is counted, and the count stands in the row where the lines are missing. Not locked: who
 * shares one does that.
 */
#ifndef SERVER_CORE_LOG_RING_H
#define SERVER_CORE_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/log_format.h"

/* Some 3,500 lines. Only what was once in use at the same time is ever touched. */
#define LOG_RING_BYTES ((size_t)512 << 10)

struct log_ring {
    size_t first, used; /* bytes; the row may go on at the beginning of `bytes` */
    uint64_t lost;      /* lines that found no room since the last one that did */
    char bytes[LOG_RING_BYTES];
};

/* What log_ring_take() gives: `lost` lines are missing in front of this one. */
struct log_ring_line {
    uint64_t lost;
    size_t length; /* 0: no line, only the count */
    char bytes[LOG_LINE_BYTES_MAX];
};

/* Takes a copy of `length` bytes, 1 to LOG_LINE_BYTES_MAX; false when the line is lost. After a
 * loss lines are refused until half of the room is free, so that the counts stay few. */
bool log_ring_put(struct log_ring *ring, const char *line, size_t length);

/* The oldest line, or what was lost behind the last one. False when there is neither. */
bool log_ring_take(struct log_ring *ring, struct log_ring_line *line);

#endif
