/* SPDX-License-Identifier: MIT
 *
 * Brings one window to a TCP receiver: looks up the address, connects, sends, closes its half and
 * waits for the receiver to close the other. That close is the only word that a receiver such as
 * Graphite ever gives, and it is a good one: a kernel answers with a reset instead if the program
 * has left bytes unread. So an attempt ends in one of three ways:
 *
 * - delivered: the receiver closed behind the last byte, hence has read all. Or it keeps its side
 *   open (some do), and its TCP has acknowledged all.
 * - broken: of what was handed to the socket, the receiver's TCP has acknowledged so many bytes
 *   (SIOCOUTQ). These are never sent again; the next attempt resumes behind the last whole line, or
 *   frame, of them, and the old connection is reset, so that nothing of the rest can still arrive.
 *   What TCP does not tell is how much of the acknowledged bytes the program has read: the window
 *   is then `in_doubt`, since it may lack lines. Nor does it tell what the program has read of
 *   bytes whose acknowledgement was lost or put off (Linux: for 200 ms at most): only if the
 *   connection breaks in that moment may a line arrive twice.
 * - failed: there was no connection at all.
 */
#ifndef SERVER_SINK_TCP_CLIENT_H
#define SERVER_SINK_TCP_CLIENT_H

#include "server/sink/carrier.h"

/* An attempt without progress ends after so long. A receiver that keeps its side open is not waited
 * for longer than TCP_CLOSE_MS once its TCP has all; one that has done so and was never seen to
 * close, no longer than TCP_KEEPER_MS. */
#define TCP_CONNECT_MS 10000
#define TCP_STALL_MS 30000
#define TCP_CLOSE_MS 5000
#define TCP_KEEPER_MS 100

struct event_base;

/* `address` is host:port or [IPv6]:port, and copied. With `whole_blocks` a receiver takes a block
 * as a whole, else a line. NULL without memory. */
struct carrier *tcp_client_new(struct event_base *base, const char *address, bool whole_blocks,
                               carrier_done *done, void *context);

#endif
