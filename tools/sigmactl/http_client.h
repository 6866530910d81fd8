/* SPDX-License-Identifier: MIT
 *
 * One HTTP request to the server's own port, by libevent's client, and its whole answer. No TLS, no
 * redirects. Each call has its own event base and connection; one thread.
 */
#ifndef TOOLS_SIGMACTL_HTTP_CLIENT_H
#define TOOLS_SIGMACTL_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/endpoint.h"

#define HTTP_CLIENT_REASON_MAX 256
#define HTTP_CLIENT_BODY_MAX ((size_t)1 << 30)

enum http_client_method { HTTP_CLIENT_GET, HTTP_CLIENT_POST };

struct http_reply {
    int status;
    size_t length;
    char *body; /* NUL-terminated for convenience; freed by http_reply_deinit() */
};

/* Sends the request (a POST has an empty body) and waits up to `timeout_s` for each step of the
 * answer. False with the reason where no complete answer came; any status is an answer. */
bool http_client_request(const struct endpoint *server, enum http_client_method method,
                         const char *path, int timeout_s, struct http_reply *reply,
                         char reason[HTTP_CLIENT_REASON_MAX]);

void http_reply_deinit(struct http_reply *reply);

#endif
