/* SPDX-License-Identifier: MIT
 *
 * The streams of one worker: sockets that are listened to, their connections, standard input. Runs
 * on the worker's own event base; one thread. Each connection is bound in the bytes that are kept
 * of it, all workers' together in their number; whatever is lost is counted in the intake's
 * figures.
 */
#ifndef SERVER_NET_STREAMS_H
#define SERVER_NET_STREAMS_H

#include <stdbool.h>

#include "server/net/stream.h"

struct streams;

/* NULL without memory. */
struct streams *streams_new(const struct streams_options *options);

/* Listens to a socket of this transport, which becomes the streams' own. False without memory. */
bool streams_listen(struct streams *streams, int fd, enum transport transport);

/* Reads standard input at `fd`, whatever that is: a pipe, a terminal, a file. It is left open. */
bool streams_read_input(struct streams *streams, int fd);

/* Takes in what has arrived by now, on connections that wait to be accepted too. `taken` is not
 * called. */
void streams_drain(struct streams *streams);

/* The same, then ends every connection. */
void streams_finish(struct streams *streams);

/* Closes the sockets, if they are still open. */
void streams_free(struct streams *streams);

#endif
