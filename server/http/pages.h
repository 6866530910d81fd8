/* SPDX-License-Identifier: MIT
 *
 * The pages, one file each but for the small ones of administration. A page answers its request at
 * once or hands it to waiting.h. Main thread.
 */
#ifndef SERVER_HTTP_PAGES_H
#define SERVER_HTTP_PAGES_H

#include <stdbool.h>

#include "server/metrics/snapshot.h"

struct evhttp_request;
struct http_server;

void page_index(struct http_server *server, struct evhttp_request *request);
void page_metrics(struct http_server *server, struct evhttp_request *request);
void page_snapshot(struct http_server *server, struct evhttp_request *request);
void page_anomalies(struct http_server *server, struct evhttp_request *request);
void page_alerts(struct http_server *server, struct evhttp_request *request);
void page_balance(struct http_server *server, struct evhttp_request *request);
void page_trends(struct http_server *server, struct evhttp_request *request);
void page_report(struct http_server *server, struct evhttp_request *request);
void page_healthy(struct http_server *server, struct evhttp_request *request);
void page_ready(struct http_server *server, struct evhttp_request *request);
void page_flush(struct http_server *server, struct evhttp_request *request);
void page_reload(struct http_server *server, struct evhttp_request *request);
void page_profile(struct http_server *server, struct evhttp_request *request);
void page_profile_heap(struct http_server *server, struct evhttp_request *request);
void page_profile_symbol(struct http_server *server, struct evhttp_request *request);
void page_profile_cmdline(struct http_server *server, struct evhttp_request *request);
void page_profile_start(struct http_server *server, struct evhttp_request *request);
void page_profile_stop(struct http_server *server, struct evhttp_request *request);
void page_profile_session(struct http_server *server, struct evhttp_request *request);

/* Whether the request may administer (http.admin); answers it where not. */
bool page_may_administer(struct http_server *server, struct evhttp_request *request);

/* Answers a scrape from a snapshot, which stays the caller's. */
void page_metrics_answer(struct http_server *server, struct evhttp_request *request,
                         const struct snapshot *snapshot);

#endif
