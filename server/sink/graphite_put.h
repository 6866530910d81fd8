/* SPDX-License-Identifier: MIT
 *
 * The two forms that Graphite reads: lines `path value stamp`, and frames of pickled lists
 * [(path, (stamp, value)), …] with their length in four bytes, most significant first, in front. A
 * line lies in one block, a frame is one. Pure but for the memory of the blocks.
 *
 * Numbers in lines are as JavaScript writes them, as etsy statsd does; pickled they are doubles.
 */
#ifndef SERVER_SINK_GRAPHITE_PUT_H
#define SERVER_SINK_GRAPHITE_PUT_H

#include <stdint.h>

#include "proto/number.h"
#include "server/sink/blocks.h"

struct graphite_text {
    const char *bytes;
    size_t length;
};

/* head, name, tail, tags, one behind the other. */
struct graphite_full_path {
    struct graphite_text parts[4];
};

struct graphite_put {
    struct blocks *out;
    int64_t stamp; /* Unix seconds */
    bool pickle;
    bool in_frame;
    char stamp_text[NUMBER_TEXT_MAX]; /* " 1700000000\n" */
    size_t stamp_length;
};

void graphite_put_begin(struct graphite_put *put, struct blocks *out, int64_t stamp, bool pickle);

/* A value that is not finite is left out: Graphite knows none. */
void graphite_put(struct graphite_put *put, const struct graphite_full_path *path, double value);

void graphite_put_end(struct graphite_put *put);

#endif
