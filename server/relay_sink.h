/* SPDX-License-Identifier: MIT
 *
 * The relay as an output: the lanes of all workers, and their figures beside those of the other
 * sinks. Closed windows are nothing to it; it is always done with them. Main thread, but for
 * submit.
 */
#ifndef SERVER_RELAY_SINK_H
#define SERVER_RELAY_SINK_H

#include "config/config.h"
#include "server/core/clock.h"
#include "server/listeners.h"
#include "server/net/relay.h"
#include "server/sink/sink.h"

/* NULL with the reason: an address that cannot be found, or one by which what is sent would come
 * back to this server. */
struct sink *relay_sink_new(const struct config *config, const struct listeners *listeners,
                            const struct clock *clock, sink_notify *notify, void *context,
                            char *reason, size_t reason_size);

/* What a worker sends by; valid until the sink is stopped. */
struct relay_lane *relay_sink_lane(struct sink *sink, size_t worker);

/* Logs losses that are new, at most once a minute. */
void relay_sink_log(struct sink *sink);

#endif
