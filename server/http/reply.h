/* SPDX-License-Identifier: MIT
 *
 * Answers a request, whatever its method: HEAD gets the headers alone. Every answer says what it
 * is, that it is not to be cached, and that its type is not to be guessed at. After the call the
 * request belongs to libevent again.
 */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include <stdbool.h>

#include "server/core/buffer.h"
#include "server/http/body.h"
#include "server/http/format.h"

struct evbuffer;
struct evhttp_request;

#define REPLY_TEXT "text/plain; charset=utf-8"
#define REPLY_JSON "application/json"
#define REPLY_HTML "text/html; charset=utf-8"

/* Whether the request's sender takes gzip. */
bool reply_may_be_packed(struct evhttp_request *request);

/* The format of /metrics that the request's sender prefers. */
enum format reply_format(struct evhttp_request *request);

/* Heads of an answer: its body is a gzip file; who accepts other things may get another one. */
void reply_say_packed(struct evhttp_request *request);
void reply_say_negotiated(struct evhttp_request *request);

/* `body` is drained; NULL, or a body that could not be made, gives 503. */
void reply(struct evhttp_request *request, int code, const char *type, struct evbuffer *body);

/* The reference stays the caller's; NULL gives 503. */
void reply_body(struct evhttp_request *request, int code, const char *type, struct body *body);

/* A line of text; the LF is added. */
void reply_text(struct evhttp_request *request, int code, const char *text);

/* Takes over what the buffer holds and leaves it empty. */
void reply_buffer(struct evhttp_request *request, int code, const char *type,
                  struct buffer *buffer);

#endif
