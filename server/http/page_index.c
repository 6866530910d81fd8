/* SPDX-License-Identifier: MIT */
#include "server/http/pages.h"
#include "server/http/reply.h"
#include "server/http/route.h"

/* All texts are the server's own: there is nothing to escape. */
void page_index(struct http_server *server, struct evhttp_request *request)
{
    struct buffer out;
    (void)server;
    buffer_init(&out);
    buffer_append_text(&out, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                             "<title>sigmad</title>\n<h1>sigmad " SIGMAD_VERSION "</h1>\n<ul>\n");
    for (const struct route *route = routes; route->path; route++) {
        if (route->post) {
            buffer_append_format(&out, "<li><code>%s</code>: %s</li>\n", route->path,
                                 route->summary);
        } else {
            buffer_append_format(&out, "<li><a href=\"%s\"><code>%s</code></a>: %s</li>\n",
                                 route->path, route->path, route->summary);
        }
    }
    buffer_append_text(&out, "</ul>\n</html>\n");
    reply_buffer(request, 200, REPLY_HTML, &out);
}
