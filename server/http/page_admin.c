/* SPDX-License-Identifier: MIT */
#include <event2/http.h>

#include "server/http/guard.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

#define REASON_MAX 1024

void page_healthy(struct http_server *server, struct evhttp_request *request)
{
    (void)server;
    reply_text(request, 200, "ok");
}

void page_ready(struct http_server *server, struct evhttp_request *request)
{
    char reason[REASON_MAX] = "not ready";
    bool ready = server->options.ready(server->options.context, reason, sizeof(reason));
    reply_text(request, ready ? 200 : 503, ready ? "ready" : reason);
}

bool page_may_administer(struct http_server *server, struct evhttp_request *request)
{
    const struct config *config = server->options.config;
    const char *authorization =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    const char *reason;
    char *peer;
    uint16_t port;
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
    int code = guard_check_admin(config->http.admin, config->http.admin_token, peer, authorization,
                                 &reason);
    if (code == 401) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "WWW-Authenticate",
                          "Bearer realm=\"sigmad\"");
    }
    if (code != 0) {
        reply_text(request, code, reason);
    }
    return code == 0;
}

void page_flush(struct http_server *server, struct evhttp_request *request)
{
    if (page_may_administer(server, request)) {
        waiting_add(&server->waiting, request, FLUSHER_CLOSE);
    }
}

void page_reload(struct http_server *server, struct evhttp_request *request)
{
    char reason[REASON_MAX] = "the configuration was refused";
    if (page_may_administer(server, request)) {
        bool done = server->options.reload(server->options.context, reason, sizeof(reason));
        reply_text(request, done ? 200 : 500, done ? "reloaded" : reason);
    }
}
