/* SPDX-License-Identifier: MIT
 *
 * What brings the bytes of a window to one receiver: a TCP connection (tcp_client.h), a program
 * (exec_child.h). One attempt at a time; what becomes of it is told by a call. Lives on the main
 * thread's event base; all calls come from there.
 */
#ifndef SERVER_SINK_CARRIER_H
#define SERVER_SINK_CARRIER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/sink/blocks.h"

struct carrier_outcome {
    bool delivered;
    size_t offset; /* where the next attempt begins; the length of the window where there is nothing
                      left to try */
    size_t sent;   /* bytes that this attempt has brought there */
    bool in_doubt; /* but the receiver may not have made use of all of these */
    char reason[128]; /* unless delivered: "Connection refused" */
};

/* The end of an attempt; the next may be begun in it. */
typedef void carrier_done(void *context, const struct carrier_outcome *outcome);

struct carrier;

struct carrier_ops {
    /* Begins an attempt to bring what lies behind `offset`. `bytes` must stay until it has ended,
     * which may be before this returns. */
    void (*send)(struct carrier *carrier, const struct blocks *bytes, size_t offset);
    /* Ends an attempt under way without a word, and frees. */
    void (*free)(struct carrier *carrier);
};

struct carrier {
    const struct carrier_ops *ops;
};

#endif
