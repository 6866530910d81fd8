/* SPDX-License-Identifier: MIT
 *
 * The sink that feeds Graphite, the [graphite] section: what a window looks like is said in
 * graphite_lines.h, how it gets there in stream_sink.h.
 */
#ifndef SERVER_SINK_GRAPHITE_H
#define SERVER_SINK_GRAPHITE_H

#include "config/config.h"
#include "server/sink/sink.h"

struct event_base;

/* config->graphite.addresses is not empty. NULL with the cause in `reason`. `notify` is called on
 * the main thread, whose event base `base` is. */
struct sink *graphite_sink_new(const struct config *config, struct event_base *base,
                               sink_notify *notify, void *context, char *reason,
                               size_t reason_size);

#endif
