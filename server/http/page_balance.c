/* SPDX-License-Identifier: MIT */
#include "server/http/balance_json.h"

#include "server/http/figures.h"
#include "server/http/pages.h"
#include "server/http/reply.h"

void page_balance(struct http_server *server, struct evhttp_request *request)
{
    struct body *body = http_figures_body(server, NULL, FORMAT_TEXT, balance_json_write);
    reply_body(request, 200, REPLY_JSON, body);
    body_unref(body);
}
