/* SPDX-License-Identifier: MIT
 *
 * The quick path behind statsd.h for what nearly every line is: `name:value|type`, then perhaps
 * `|@rate`, then perhaps `|#tags`, in ASCII. One pass, no state between lines. Anything else is
 * left to metric_line.h, which is the specification: this path answers the same wherever it
 * answers. Private to proto.
 */
#ifndef PROTO_PLAIN_LINE_H
#define PROTO_PLAIN_LINE_H

#include "proto/statsd.h"

/* Reads the next line of an ASCII datagram, which must not be used up, when it is plain and holds a
 * sample: fills the item, counts the line and moves on. False, with the parser unchanged, when it
 * does not. */
bool plain_line_read(struct statsd_parser *parser, struct statsd_item *item);

#endif
