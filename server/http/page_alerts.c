/* SPDX-License-Identifier: MIT */
#include "server/http/alerts_json.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

void page_alerts(struct http_server *server, struct evhttp_request *request)
{
    struct snapshot *closed = flusher_closed(server->options.flusher);
    struct buffer out;
    buffer_init(&out);
    struct json json = json_writer(&out);
    alerts_json_write(&json, closed);
    buffer_append(&out, "\n", 1);
    snapshot_unref(closed);
    reply_buffer(request, 200, REPLY_JSON, &out);
}
