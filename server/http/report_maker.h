/* SPDX-License-Identifier: MIT
 *
 * Makes the reports that requests ask for, one at a time, in turns of a few milliseconds with the
 * other events of the loop. Requests that ask for the same time while a report is being made share
 * it. Main thread.
 */
#ifndef SERVER_HTTP_REPORT_MAKER_H
#define SERVER_HTTP_REPORT_MAKER_H

#include <stdbool.h>

#include "server/http/report_memory.h"

struct evhttp_request;
struct event_base;
struct http_server;
struct report_maker;

enum report_answer { REPORT_AS_MARKDOWN, REPORT_AS_HTML, REPORT_AS_JSON, REPORT_ANSWERS };

/* NULL without memory. */
struct report_maker *report_maker_new(struct http_server *server, struct event_base *base);

/* Answers the request, now or later, with a report of the latest `seconds`. */
void report_maker_ask(struct report_maker *maker, struct evhttp_request *request,
                      enum report_answer answer, double seconds);

/* The connection of the request is gone. */
void report_maker_forget(struct report_maker *maker, const struct evhttp_request *request);

/* The configuration is another one: a report that is being made is begun anew. */
void report_maker_restart(struct report_maker *maker);

/* Answers all that wait with 503 and the reason. NULL is allowed. */
void report_maker_refuse_all(struct report_maker *maker, const char *reason);

/* Nothing may wait any more. NULL is allowed. */
void report_maker_free(struct report_maker *maker);

#endif
