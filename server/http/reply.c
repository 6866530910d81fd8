/* SPDX-License-Identifier: MIT */
#include "server/http/reply.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>

#include "server/http/body.h"
#include "server/http/gzip.h"

static void add_headers(struct evhttp_request *request, const char *type, size_t length)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char text[24];
    snprintf(text, sizeof(text), "%zu", length);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Content-Length", text);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
}

bool reply_may_be_packed(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    return gzip_is_accepted(evhttp_find_header(headers, "Accept-Encoding"));
}

void reply_say_packed(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Encoding", "gzip");
}

enum format reply_format(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    return format_negotiate(evhttp_find_header(headers, "Accept"));
}

void reply_say_negotiated(struct evhttp_request *request)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Vary", "Accept, Accept-Encoding");
}

void reply(struct evhttp_request *request, int code, const char *type, struct evbuffer *body)
{
    bool bare = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    if (!body) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Length", "0");
        evhttp_send_reply(request, HTTP_SERVUNAVAIL, NULL, NULL);
        return;
    }
    add_headers(request, type, evbuffer_get_length(body));
    evhttp_send_reply(request, code, NULL, bare ? NULL : body);
}

void reply_body(struct evhttp_request *request, int code, const char *type, struct body *body)
{
    struct evbuffer *out = body ? evbuffer_new() : NULL;
    bool whole = out && body_add(body, out);
    reply(request, code, type, whole ? out : NULL);
    if (out) {
        evbuffer_free(out);
    }
}

void reply_buffer(struct evhttp_request *request, int code, const char *type, struct buffer *buffer)
{
    struct body *body = body_new(buffer);
    reply_body(request, code, type, body);
    body_unref(body);
}

void reply_text(struct evhttp_request *request, int code, const char *text)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_text(&buffer, text);
    buffer_append(&buffer, "\n", 1);
    reply_buffer(request, code, REPLY_TEXT, &buffer);
}
