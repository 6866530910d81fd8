/* SPDX-License-Identifier: MIT
 *
 * /api/v1/trends: `range` is a duration (1h), `metric` a pattern of names (*), `limit` how many
 * series are told of (100), `change` the share of its level from which on a series rises or falls
 * (10%).
 */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>

#include "config/glob.h"
#include "config/units.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

#define RANGE_MS_MAX (7 * UINT64_C(86400000))

/* What is wrong with the query, or NULL. */
static const char *read_query(const struct evkeyvalq *parameters, struct trend_query *query)
{
    const char *range = evhttp_find_header(parameters, "range");
    const char *metric = evhttp_find_header(parameters, "metric");
    const char *limit = evhttp_find_header(parameters, "limit");
    const char *change = evhttp_find_header(parameters, "change");
    uint64_t range_ms = 3600000, count = 100;
    *query = (struct trend_query){.share_min = 0.1};
    if (range &&
        (!units_parse_duration(range, &range_ms) || range_ms == 0 || range_ms > RANGE_MS_MAX)) {
        return "range is a duration of up to 7d, such as 30m";
    }
    if (limit && (!units_parse_whole(limit, &count) || count < 1 || count > TREND_LIMIT_MAX)) {
        return "limit is a whole number from 1 to 1000";
    }
    if (change && (!units_parse_percent(change, &query->share_min) || query->share_min > 100)) {
        return "change is a percentage such as 10%";
    }
    metric = metric && *metric ? metric : "*";
    if (strlen(metric) > TREND_METRIC_MAX || glob_fault(metric)) {
        return "metric is a pattern of names such as api.*, of up to 512 bytes";
    }
    strcpy(query->metric, metric);
    query->seconds = (double)range_ms / 1000;
    query->limit = (size_t)count;
    return NULL;
}

void page_trends(struct http_server *server, struct evhttp_request *request)
{
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq parameters = {0};
    struct trend_query query;
    if (server->options.config->history.keep_ms == 0) {
        reply_text(request, HTTP_SERVUNAVAIL,
                   "there is no history: [history] keep says for how long to keep one");
        return;
    }
    if (evhttp_parse_query_str(text ? text : "", &parameters) != 0) {
        reply_text(request, HTTP_BADREQUEST, "the query cannot be read");
        return;
    }
    const char *fault = read_query(&parameters, &query);
    if (fault) {
        reply_text(request, HTTP_BADREQUEST, fault);
    } else {
        trend_maker_ask(server->trends, request, &query);
    }
    evhttp_clear_headers(&parameters);
}
