/* SPDX-License-Identifier: MIT
 *
 * What a report says of the server itself, read at the moment of the call. Main thread.
 */
#ifndef SERVER_HTTP_REPORT_FACTS_H
#define SERVER_HTTP_REPORT_FACTS_H

#include "server/metrics/snapshot.h"
#include "server/report/model.h"

struct http_server;

/* Counts, bounds, outputs, resources and alerts; `latest` may be NULL. */
void report_facts_read(struct http_server *server, const struct snapshot *latest,
                       struct report *report);

#endif
