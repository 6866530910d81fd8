/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>

#include "server/http/figures.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

/* The rows of a snapshot, rendered when they are first asked for. The caller's reference; NULL
 * without memory. */
static struct body *rows_of(struct http_server *server, const struct snapshot *closed)
{
    if (server->snapshot_body && closed && server->snapshot_sequence == closed->sequence) {
        return body_ref(server->snapshot_body);
    }
    struct buffer out;
    buffer_init(&out);
    uint64_t now = clock_monotonic_ns(server->options.clock);
    snapshot_json_rows(closed, &server->bounds, (double)(now - server->options.started_ns) / 1e9,
                       &out);
    struct body *rows = body_new(&out);
    if (rows && closed) {
        body_unref(server->snapshot_body);
        server->snapshot_body = body_ref(rows);
        server->snapshot_sequence = closed->sequence;
    }
    return rows;
}

void page_snapshot(struct http_server *server, struct evhttp_request *request)
{
    struct snapshot *closed = flusher_closed(server->options.flusher);
    struct body *rows = rows_of(server, closed);
    struct body *figures = http_figures_body(server, closed, FORMAT_TEXT, snapshot_json_figures);
    struct evbuffer *out = evbuffer_new();
    bool whole = rows && figures && out && body_add(rows, out) && body_add(figures, out);
    reply(request, 200, REPLY_JSON, whole ? out : NULL);
    if (out) {
        evbuffer_free(out);
    }
    body_unref(figures);
    body_unref(rows);
    snapshot_unref(closed);
}
