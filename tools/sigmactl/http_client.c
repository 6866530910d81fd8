/* SPDX-License-Identifier: MIT
 *
 * evhttp tries the first address of a name only and does not say why a connection failed. So the
 * target is first connected to plainly, which tries them all and gives the reason; evhttp gets the
 * address that answered.
 */
#include "tools/sigmactl/http_client.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/sigmactl/socket.h"

struct exchange {
    struct http_reply *reply;
    const char *fault; /* NULL once a complete answer was taken */
};

/* The numeric address that answers. */
static bool find_address(const struct endpoint *server, int timeout_s, char host[NI_MAXHOST],
                         char reason[HTTP_CLIENT_REASON_MAX])
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char why[SOCKET_REASON_MAX];
    int descriptor = socket_connect(server, timeout_s * 1000, why);
    if (descriptor < 0) {
        snprintf(reason, HTTP_CLIENT_REASON_MAX, "%s", why);
        return false;
    }
    bool found = getpeername(descriptor, (struct sockaddr *)&address, &length) == 0 &&
                 getnameinfo((struct sockaddr *)&address, length, host, NI_MAXHOST, NULL, 0,
                             NI_NUMERICHOST) == 0;
    close(descriptor);
    if (!found) {
        snprintf(reason, HTTP_CLIENT_REASON_MAX, "the connection closed at once");
    }
    return found;
}

static void take_body(struct exchange *exchange, struct evbuffer *buffer)
{
    struct http_reply *reply = exchange->reply;
    reply->length = evbuffer_get_length(buffer);
    reply->body = malloc(reply->length + 1);
    if (!reply->body) {
        exchange->fault = "out of memory";
        return;
    }
    evbuffer_remove(buffer, reply->body, reply->length);
    reply->body[reply->length] = '\0';
    exchange->fault = NULL;
}

static void handle_reply(struct evhttp_request *request, void *context)
{
    struct exchange *exchange = context;
    if (request && evhttp_request_get_response_code(request) != 0) {
        exchange->reply->status = evhttp_request_get_response_code(request);
        take_body(exchange, evhttp_request_get_input_buffer(request));
    }
}

static void handle_error(enum evhttp_request_error error, void *context)
{
    struct exchange *exchange = context;
    switch (error) {
    case EVREQ_HTTP_TIMEOUT:
        exchange->fault = "no answer in time";
        break;
    case EVREQ_HTTP_INVALID_HEADER:
        exchange->fault = "the answer is not HTTP";
        break;
    case EVREQ_HTTP_DATA_TOO_LONG:
        exchange->fault = "the answer is too large";
        break;
    case EVREQ_HTTP_EOF:
    case EVREQ_HTTP_BUFFER_ERROR:
    case EVREQ_HTTP_REQUEST_CANCEL:
        exchange->fault = "the connection closed before the answer was complete";
        break;
    }
}

/* False without memory. */
static bool make_request(struct evhttp_connection *connection, const struct endpoint *server,
                         enum http_client_method method, const char *path,
                         struct exchange *exchange)
{
    char host[ENDPOINT_TEXT_MAX];
    bool brackets = strchr(server->host, ':') != NULL;
    struct evhttp_request *request = evhttp_request_new(handle_reply, exchange);
    if (!request) {
        return false;
    }
    evhttp_request_set_error_cb(request, handle_error);
    snprintf(host, sizeof(host), "%s%s%s:%s", brackets ? "[" : "", server->host,
             brackets ? "]" : "", server->port);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    if (evhttp_add_header(headers, "Host", host) < 0 ||
        evhttp_add_header(headers, "Connection", "close") < 0) {
        evhttp_request_free(request);
        return false;
    }
    /* From here on the connection owns the request, whatever becomes of it. */
    return evhttp_make_request(connection, request,
                               method == HTTP_CLIENT_POST ? EVHTTP_REQ_POST : EVHTTP_REQ_GET,
                               path) == 0;
}

static void run_exchange(struct event_base *base, const char *address,
                         const struct endpoint *server, enum http_client_method method,
                         const char *path, int timeout_s, struct exchange *exchange)
{
    struct evhttp_connection *connection = evhttp_connection_base_new(
        base, NULL, address, (unsigned short)strtoul(server->port, NULL, 10));
    if (!connection) {
        return;
    }
    evhttp_connection_set_timeout(connection, timeout_s);
    evhttp_connection_set_max_body_size(connection, (ev_ssize_t)HTTP_CLIENT_BODY_MAX);
    if (make_request(connection, server, method, path, exchange)) {
        exchange->fault = "the connection closed before the answer was complete";
        event_base_dispatch(base);
    }
    evhttp_connection_free(connection);
}

bool http_client_request(const struct endpoint *server, enum http_client_method method,
                         const char *path, int timeout_s, struct http_reply *reply,
                         char reason[HTTP_CLIENT_REASON_MAX])
{
    char address[NI_MAXHOST];
    struct exchange exchange = {.reply = reply, .fault = "out of memory"};
    *reply = (struct http_reply){0};
    if (!find_address(server, timeout_s, address, reason)) {
        return false;
    }
    struct event_base *base = event_base_new();
    if (base) {
        run_exchange(base, address, server, method, path, timeout_s, &exchange);
        event_base_free(base);
    }
    if (exchange.fault) {
        snprintf(reason, HTTP_CLIENT_REASON_MAX, "%s", exchange.fault);
        http_reply_deinit(reply);
        return false;
    }
    return true;
}

void http_reply_deinit(struct http_reply *reply)
{
    free(reply->body);
    *reply = (struct http_reply){0};
}
