/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>

#include "server/http/figures.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

#define NS_PER_MS UINT64_C(1000000)

/* Scrapes share a snapshot within this part of max_age. With all of it, figures would be now fresh,
 * now max_age old, and rate() of a constant stream would jump by as much. */
#define SHARED_PART 20

void page_metrics_answer(struct http_server *server, struct evhttp_request *request,
                         const struct snapshot *snapshot)
{
    enum format format = reply_format(request);
    struct body *series = exposition_body(server->exposition, format);
    const struct gzip_part *packed =
        reply_may_be_packed(request) ? exposition_packed(server->exposition, format) : NULL;
    struct body *own = http_figures_body(server, snapshot, format, own_figures_render);
    struct evbuffer *out = evbuffer_new();
    bool whole = series && own && out;
    if (whole && packed) {
        whole = gzip_join(own->bytes, own->length, packed, out);
        if (whole) {
            reply_say_packed(request);
        }
    } else if (whole) {
        whole = body_add(own, out) && body_add(series, out);
    }
    reply_say_negotiated(request);
    reply(request, 200, format_content_type(format), whole ? out : NULL);
    if (out) {
        evbuffer_free(out);
    }
    body_unref(own);
    body_unref(series);
}

static bool is_fresh(const struct http_server *server, const struct snapshot *snapshot)
{
    uint64_t shared_ns = server->options.config->prometheus.max_age_ms * NS_PER_MS / SHARED_PART;
    return clock_monotonic_ns(server->options.clock) < snapshot->taken_ns + shared_ns;
}

void page_metrics(struct http_server *server, struct evhttp_request *request)
{
    struct snapshot *latest = flusher_latest(server->options.flusher);
    if (latest && is_fresh(server, latest)) {
        waiting_add_fresh(&server->waiting, request);
    } else {
        waiting_add(&server->waiting, request, FLUSHER_VIEW);
    }
    snapshot_unref(latest);
}
