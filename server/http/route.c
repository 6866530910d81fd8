/* SPDX-License-Identifier: MIT */
#include "server/http/route.h"

#include <event2/http.h>
#include <stddef.h>
#include <string.h>

#include "server/http/pages.h"

const struct route routes[] = {
    {"/", false, page_index, "this page", false},
    {"/metrics", false, page_metrics, "Prometheus text exposition", false},
    {"/api/v1/snapshot", false, page_snapshot, "the last closed window, JSON", false},
    {"/api/v1/anomalies", false, page_anomalies,
     "anomalies that last, and the latest starts and ends, JSON", false},
    {"/api/v1/alerts", false, page_alerts, "rules, and alerts that are pending or firing, JSON",
     false},
    {"/api/v1/balance", false, page_balance, "what was received and what became of it, JSON",
     false},
    {"/api/v1/trends", false, page_trends,
     "lines through the history of every series, those that get worse first, JSON", false},
    {"/api/v1/report", false, page_report,
     "what changed, what was lost and what to do: Markdown, HTML or JSON", false},
    {"/debug/pprof/profile", false, page_profile,
     "?seconds=N: a CPU profile as pprof reads it ([profiling])", false},
    {"/debug/pprof/heap", false, page_profile_heap, "a heap profile ([profiling] heap)", false},
    {"/debug/pprof/symbol", false, page_profile_symbol,
     "names of addresses, as pprof asks for them", true},
    {"/debug/pprof/cmdline", false, page_profile_cmdline, "the command line of the server", false},
    {"/debug/pprof/start", true, page_profile_start, "POST: begins a session of profiling", false},
    {"/debug/pprof/stop", true, page_profile_stop,
     "POST: ends it: time by thread and by stage of the flush, JSON", false},
    {"/debug/pprof/session", false, page_profile_session, "the CPU profile of the latest session",
     false},
    {"/-/healthy", false, page_healthy, "200 while the server runs", false},
    {"/-/ready", false, page_ready, "200, or 503 with the reason", false},
    {"/-/flush", true, page_flush, "POST: closes the window; answers when every output has it",
     false},
    {"/-/reload", true, page_reload, "POST: reads the configuration again", false},
    {NULL, false, NULL, NULL, false},
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
    const char *methods = route->post ? "POST" : "GET, HEAD";
    return route->either ? "GET, HEAD, POST" : methods;
}

bool route_accepts(const struct route *route, enum evhttp_cmd_type method)
{
    if (route->either && method == EVHTTP_REQ_POST) {
        return true;
    }
    return route->post ? method == EVHTTP_REQ_POST
                       : method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
}
