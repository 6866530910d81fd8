/* SPDX-License-Identifier: MIT */
#include "server/http/route.h"

#include <event2/http.h>
#include <stddef.h>
#include <string.h>

#include "server/http/pages.h"

const struct route routes[] = {
    {"/", false, page_index, "this page"},
    {"/metrics", false, page_metrics, "Prometheus text exposition"},
    {"/api/v1/snapshot", false, page_snapshot, "the last closed window, JSON"},
    {"/api/v1/anomalies", false, page_anomalies,
     "anomalies that last, and the latest starts and ends, JSON"},
    {"/api/v1/alerts", false, page_alerts, "rules, and alerts that are pending or firing, JSON"},
    {"/api/v1/balance", false, page_balance, "what was received and what became of it, JSON"},
    {"/api/v1/trends", false, page_trends,
     "lines through the history of every series, those that get worse first, JSON"},
    {"/api/v1/report", false, page_report,
     "what changed, what was lost and what to do: Markdown, HTML or JSON"},
    {"/-/healthy", false, page_healthy, "200 while the server runs"},
    {"/-/ready", false, page_ready, "200, or 503 with the reason"},
    {"/-/flush", true, page_flush, "POST: closes the window; answers when every output has it"},
    {"/-/reload", true, page_reload, "POST: reads the configuration again"},
    {NULL, false, NULL, NULL},
};

const struct route *route_find(const char *path)
{
    const struct route *route = routes;
    while (route->path && strcmp(route->path, path) != 0) {
        route++;
    }
    return route->path ? route : NULL;
}

const char *route_allow(const struct route *route)
{
    return route->post ? "POST" : "GET, HEAD";
}

bool route_accepts(const struct route *route, enum evhttp_cmd_type method)
{
    return route->post ? method == EVHTTP_REQ_POST
                       : method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
}
