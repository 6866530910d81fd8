/* SPDX-License-Identifier: MIT
 *
 * The places that part a datagram into lines and fields, found for 64 bytes at a time without a
 * branch on what they hold. No meaning is given to them here: quick_line.h reads lines by them.
 * Private to proto; pure functions.
 */
#ifndef PROTO_LINE_INDEX_H
#define PROTO_LINE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/statsd.h"

/* Whether this CPU can run `path`, which must be one that has an index. */
bool line_index_supports(enum statsd_path path);

/* The fastest path that this CPU can run, up to the one that the build allows. */
enum statsd_path line_index_fastest(void);

/* Writes the places of the marks in bytes[start, end), ascending, and returns how many there are;
 * `start` begins a line, and end - start is at most STATSD_WINDOW_BYTES. Marks are: in each line
 * the first of ':', those that may begin tags in a name (',', '[', '#', ';'), '|' and the bytes
 * below; every '|'; every LF; every NUL and every byte above 127. Reads nothing outside bytes[0,
 * end); leaves garbage in `marks` behind the last one. */
size_t line_index_fill(enum statsd_path path, const char *bytes, uint32_t start, uint32_t end,
                       uint32_t marks[STATSD_MARKS]);

#endif
