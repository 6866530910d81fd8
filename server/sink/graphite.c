/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite.h"

#include <stdio.h>

#include "server/sink/graphite_lines.h"
#include "server/sink/stream_sink.h"

static void render(void *renderer, const struct snapshot *snapshot, struct blocks *out)
{
    graphite_lines_render(renderer, snapshot, out);
}

static void free_renderer(void *renderer)
{
    graphite_lines_free(renderer);
}

struct sink *graphite_sink_new(const struct config *config, const struct clock *clock,
                               struct event_base *base, sink_notify *notify, void *context,
                               char *reason, size_t reason_size)
{
    struct graphite_lines *lines = graphite_lines_new(config);
    if (!lines) {
        snprintf(reason, reason_size, "graphite: out of memory");
        return NULL;
    }
    struct stream_sink_options options = {
        .name = "graphite",
        .base = base,
        .clock = clock,
        .addresses = (const char *const *)config->graphite.addresses.items,
        .address_count = config->graphite.addresses.count,
        .memory_max = config->graphite.buffer_bytes,
        .whole_blocks = config->graphite.protocol == GRAPHITE_PICKLE,
        .render = render,
        .free_renderer = free_renderer,
        .renderer = lines,
        .notify = notify,
        .context = context,
    };
    return stream_sink_new(&options, reason, reason_size);
}
