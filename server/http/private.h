/* SPDX-License-Identifier: MIT
 *
 * The HTTP server's own struct, for the files of this folder that serve requests. What renders
 * (exposition, own_figures, snapshot_json, balance_json, anomaly_log) does not see it. Main thread.
 */
#ifndef SERVER_HTTP_PRIVATE_H
#define SERVER_HTTP_PRIVATE_H

#include "server/http/anomaly_log.h"
#include "server/http/body.h"
#include "server/http/connection.h"
#include "server/http/exposition.h"
#include "server/http/own_figures.h"
#include "server/http/profile_session.h"
#include "server/http/report_maker.h"
#include "server/http/server.h"
#include "server/http/snapshot_json.h"
#include "server/http/trend_maker.h"
#include "server/http/waiting.h"

struct evhttp;
struct evconnlistener;

#define HTTP_SINKS_MAX 48

/* How many windows may be closed before the flush that closed one is answered. */
#define HTTP_STAMPS 64

struct window_stamp {
    uint64_t window;
    double timestamp;
};

struct http_server {
    struct http_server_options options; /* `config` is the one in force */
    struct evhttp *http;
    struct connections connections;
    struct waiting waiting;
    struct event *resume; /* accepting, after it failed */
    struct exposition *exposition;
    struct window_stamp stamps[HTTP_STAMPS]; /* by window, modulo their number */
    struct anomaly_log anomalies;
    struct report_memory report_memory;
    struct report_maker *reports;
    struct trend_maker *trends;
    struct profile_session *profile;
    uint64_t logged_sequence; /* of the closed snapshot whose anomalies are in the log */
    struct snapshot_bounds bounds;
    struct body *snapshot_body; /* the rows of the snapshot below, as JSON; NULL before the first */
    uint64_t snapshot_sequence;
    bool loopback_only;
    char host_name[256];
    char addresses[1024];
};

/* The figures of all sinks, with their names. Returns how many. */
size_t http_server_sinks(struct http_server *server, struct own_sink sinks[HTTP_SINKS_MAX]);

#endif
