/* SPDX-License-Identifier: MIT
 *
 * The route table: which page answers which path, and with which methods. HEAD goes where GET goes.
 */
#ifndef SERVER_HTTP_ROUTE_H
#define SERVER_HTTP_ROUTE_H

#include <event2/http.h>
#include <stdbool.h>

struct evhttp_request;
struct http_server;

struct route {
    const char *path;
    bool post; /* POST alone; else GET and HEAD */
    void (*answer)(struct http_server *server, struct evhttp_request *request);
    const char *summary; /* for the index page */
    bool either;         /* GET, HEAD and POST */
};

/* The table, ended by a NULL path. */
extern const struct route routes[];

/* The route of a path, NULL when there is none. */
const struct route *route_find(const char *path);

/* The methods of a route as an Allow header lists them. */
const char *route_allow(const struct route *route);

bool route_accepts(const struct route *route, enum evhttp_cmd_type method);

#endif
