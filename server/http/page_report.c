/* SPDX-License-Identifier: MIT
 *
 * /api/v1/report: `format` is markdown, html or json, and by the Accept header where it is not
 * given; `range` is a duration, at most a day.
 */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>

#include "config/units.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

#define RANGE_MS (3600 * UINT64_C(1000))
#define RANGE_MS_MAX (24 * RANGE_MS)

static const char *const words[REPORT_ANSWERS] = {"markdown", "html", "json"};
static const char *const types[REPORT_ANSWERS] = {"text/markdown", "text/html", "application/json"};

static bool read_format(struct evhttp_request *request, const char *word,
                        enum report_answer *answer)
{
    if (!word) {
        const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
        *answer = (enum report_answer)format_prefer(evhttp_find_header(headers, "Accept"), types,
                                                    REPORT_ANSWERS);
        return true;
    }
    for (size_t i = 0; i < REPORT_ANSWERS; i++) {
        if (strcmp(word, words[i]) == 0) {
            *answer = (enum report_answer)i;
            return true;
        }
    }
    return false;
}

static bool read_range(const char *text, uint64_t *range_ms)
{
    *range_ms = RANGE_MS;
    return !text ||
           (units_parse_duration(text, range_ms) && *range_ms > 0 && *range_ms <= RANGE_MS_MAX);
}

void page_report(struct http_server *server, struct evhttp_request *request)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq parameters = {0};
    enum report_answer answer = REPORT_AS_MARKDOWN;
    uint64_t range_ms;
    if (evhttp_parse_query_str(query ? query : "", &parameters) != 0) {
        reply_text(request, HTTP_BADREQUEST, "the query cannot be read");
        return;
    }
    if (!read_format(request, evhttp_find_header(&parameters, "format"), &answer)) {
        reply_text(request, HTTP_BADREQUEST, "format is markdown, html or json");
    } else if (!read_range(evhttp_find_header(&parameters, "range"), &range_ms)) {
        reply_text(request, HTTP_BADREQUEST, "range is a duration of up to a day, such as 30m");
    } else {
        report_maker_ask(server->reports, request, answer, (double)range_ms / 1000);
    }
    evhttp_clear_headers(&parameters);
}
