/* SPDX-License-Identifier: MIT */
#include "server/http/figures.h"

#include "server/http/private.h"

size_t http_server_sinks(struct http_server *server, struct own_sink sinks[HTTP_SINKS_MAX])
{
    size_t count = server->options.sink_count;
    for (size_t i = 0; i < count; i++) {
        struct sink *sink = server->options.sinks[i];
        sinks[i].name = sink->ops->name;
        sinks[i].notifier = sink->ops->notifier;
        sinks[i].aside = sink->ops->aside;
        sink->ops->figures(sink, &sinks[i].figures);
    }
    return count;
}

void http_figures_read(struct http_server *server, struct own_sink sinks[],
                       struct own_figures *figures)
{
    *figures =
        (struct own_figures){.sinks = sinks,
                             .sink_count = http_server_sinks(server, sinks),
                             .conflicts = exposition_conflicts(server->exposition),
                             .naming_waiting = exposition_waiting(server->exposition),
                             .naming_limited = exposition_limited(server->exposition),
                             .dropped_is_lower_bound = server->options.config->server.udp_gro};
    server->options.ingest(server->options.context, &figures->ingest);
    flusher_figures(server->options.flusher, &figures->flush);
    process_figures_read(&figures->process);
    allocator_figures_read(&figures->allocator);
}

struct body *http_figures_body(struct http_server *server, const struct snapshot *snapshot,
                               enum format format,
                               void (*render)(const struct own_figures *, struct buffer *))
{
    struct own_sink sinks[HTTP_SINKS_MAX];
    struct own_figures figures;
    struct buffer out;
    buffer_init(&out);
    http_figures_read(server, sinks, &figures);
    figures.format = format;
    figures.snapshot = snapshot;
    render(&figures, &out);
    return body_new(&out);
}
