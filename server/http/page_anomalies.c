/* SPDX-License-Identifier: MIT */
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

void page_anomalies(struct http_server *server, struct evhttp_request *request)
{
    struct snapshot *latest = flusher_latest(server->options.flusher);
    struct buffer out;
    buffer_init(&out);
    struct json json = json_writer(&out);
    anomaly_log_write(&server->anomalies, latest, &json);
    buffer_append(&out, "\n", 1);
    snapshot_unref(latest);
    reply_buffer(request, 200, REPLY_JSON, &out);
}
