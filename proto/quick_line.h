/* SPDX-License-Identifier: MIT
 *
 * The quick path behind statsd.h for what nearly every line is: `name:value|type`, then perhaps
 * `|@rate`, then `|#tags`, then `|c:container`, in ASCII, with or without tags in the name. It
 * reads lines by the marks of line_index.h, which are made for many lines at once and kept in the
 * parser. Anything else is left to metric_line.h, which is the specification: this path answers the
 * same wherever it answers. Private to proto.
 */
#ifndef PROTO_QUICK_LINE_H
#define PROTO_QUICK_LINE_H

#include "proto/statsd.h"

/* Forgets the marks: there is another datagram. */
void quick_line_reset(struct statsd_parser *parser);

/* Reads the next lines of a datagram that is not used up, at most `capacity`, while they are plain
 * and hold a sample: fills the items, counts the lines and moves on. Returns how many; 0 when the
 * next line is none such, or after the last one whose marks are known. */
size_t quick_line_read(struct statsd_parser *parser, struct statsd_item *items, size_t capacity);

/* Drops the marks of lines that somebody else has read. */
void quick_line_skip(struct statsd_parser *parser);

#endif
