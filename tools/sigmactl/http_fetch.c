/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/http_fetch.h"

#include <stdio.h>
#include <string.h>

#define BODY_SHOWN_MAX 200

bool http_fetch(const char *command, const struct endpoint *server, const char *path, int timeout_s,
                struct http_reply *reply)
{
    char reason[HTTP_CLIENT_REASON_MAX];
    if (!http_client_request(server, HTTP_CLIENT_GET, path, timeout_s, reply, reason)) {
        fprintf(stderr, "sigmactl %s: cannot reach the server at %s port %s: %s\n", command,
                server->host, server->port, reason);
        return false;
    }
    if (reply->status == 200) {
        return true;
    }
    int shown = (int)strcspn(reply->body, "\r\n");
    fprintf(stderr, "sigmactl %s: %s port %s answered %d: %.*s\n", command, server->host,
            server->port, reply->status, shown < BODY_SHOWN_MAX ? shown : BODY_SHOWN_MAX,
            reply->body);
    http_reply_deinit(reply);
    return false;
}
