/* SPDX-License-Identifier: MIT
 *
 * A span is a run of bytes inside a buffer that somebody else owns, as an offset and a length.
 * Parsers answer in spans so that their output stays valid however the buffer is addressed, and
 * costs 8 bytes.
 */
#ifndef PROTO_SPAN_H
#define PROTO_SPAN_H

#include <stdint.h>

struct span {
    uint32_t offset;
    uint32_t length;
};

#endif
