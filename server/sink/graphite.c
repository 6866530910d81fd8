/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite.h"

#include <stdio.h>

#include "server/sink/graphite_lines.h"
#include "server/sink/stream_sink.h"
#include "server/sink/tcp_client.h"

static void render(void *renderer, const struct snapshot *snapshot, struct blocks *out)
{
    graphite_lines_render(renderer, snapshot, out);
}

static void free_renderer(void *renderer)
{
    graphite_lines_free(renderer);
}

static struct carrier *make_carrier(const void *maker, size_t receiver, struct event_base *base,
                                    carrier_done *done, void *context)
{
    const struct config *config = maker;
    bool whole_blocks = config->graphite.protocol == GRAPHITE_PICKLE;
    return tcp_client_new(base, config->graphite.addresses.items[receiver], whole_blocks, done,
                          context);
}

struct sink *graphite_sink_new(const struct config *config, struct event_base *base,
                               sink_notify *notify, void *context, char *reason, size_t reason_size)
{
    struct graphite_lines *lines = graphite_lines_new(config);
    if (!lines) {
        snprintf(reason, reason_size, "graphite: out of memory");
        return NULL;
    }
    struct stream_sink_options options = {
        .name = "graphite",
        .base = base,
        .receivers = (const char *const *)config->graphite.addresses.items,
        .receiver_count = config->graphite.addresses.count,
        .memory_max = config->graphite.buffer_bytes,
        .make_carrier = make_carrier,
        .maker = config,
        .render = render,
        .free_renderer = free_renderer,
        .renderer = lines,
        .notify = notify,
        .context = context,
    };
    return stream_sink_new(&options, reason, reason_size);
}
