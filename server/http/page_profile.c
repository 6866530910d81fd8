/* SPDX-License-Identifier: MIT
 *
 * /debug/pprof/: profiles as pprof asks for them, for who may administer. The forms of `symbol` and
 * `cmdline` are those of gperftools' "Remote servers" in pprof_remote_servers.html.
 */
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/units.h"
#include "server/core/profile.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

#define REASON_MAX 256
#define HTTP_CONFLICT 409
#define CMDLINE_BYTES 65536

/* Answers the request where it may not be. */
static bool may_profile(struct http_server *server, struct evhttp_request *request)
{
    if (!page_may_administer(server, request)) {
        return false;
    }
    if (!server->options.profiler) {
        reply_text(request, HTTP_SERVUNAVAIL, "profiling is off: [profiling] enabled turns it on");
        return false;
    }
    return true;
}

/* False for a query that cannot be taken. */
static bool read_seconds(struct evhttp_request *request, uint64_t *seconds)
{
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq parameters = {0};
    *seconds = PROFILE_SECONDS_USUAL;
    if (evhttp_parse_query_str(text ? text : "", &parameters) != 0) {
        return false;
    }
    const char *given = evhttp_find_header(&parameters, "seconds");
    bool right = !given || (units_parse_whole(given, seconds) && *seconds >= 1 &&
                            *seconds <= PROFILE_SECONDS_MAX);
    evhttp_clear_headers(&parameters);
    return right;
}

/* Begins a session, and answers where that cannot be. */
static bool begin(struct http_server *server, struct evhttp_request *request,
                  struct evhttp_request *waiting)
{
    char reason[REASON_MAX];
    uint64_t seconds;
    if (!may_profile(server, request)) {
        return false;
    }
    if (!read_seconds(request, &seconds)) {
        reply_text(request, HTTP_BADREQUEST, "seconds is a whole number from 1 to 300");
        return false;
    }
    if (!profile_session_start(server->profile, waiting, (unsigned)seconds, reason,
                               sizeof(reason))) {
        reply_text(request, HTTP_CONFLICT, reason);
        return false;
    }
    return true;
}

void page_profile(struct http_server *server, struct evhttp_request *request)
{
    begin(server, request, request);
}

void page_profile_start(struct http_server *server, struct evhttp_request *request)
{
    if (begin(server, request, NULL)) {
        reply_text(request, HTTP_OK, "begun; POST /debug/pprof/stop ends it");
    }
}

void page_profile_stop(struct http_server *server, struct evhttp_request *request)
{
    struct buffer out = {0};
    if (!may_profile(server, request)) {
        return;
    }
    if (profile_session_stop(server->profile) && profile_session_report(server->profile, &out)) {
        reply_buffer(request, HTTP_OK, REPLY_JSON, &out);
    } else {
        reply_text(request, HTTP_CONFLICT, "no session was begun by /debug/pprof/start");
    }
    buffer_deinit(&out);
}

void page_profile_session(struct http_server *server, struct evhttp_request *request)
{
    if (!may_profile(server, request)) {
        return;
    }
    const struct buffer *profile = profile_session_profile(server->profile);
    struct buffer copy = {0};
    if (profile->length == 0) {
        reply_text(request, HTTP_NOTFOUND, "there is no profile of a session");
        return;
    }
    buffer_append(&copy, profile->bytes, profile->length);
    reply_buffer(request, HTTP_OK, "application/octet-stream", &copy);
    buffer_deinit(&copy);
}

void page_profile_heap(struct http_server *server, struct evhttp_request *request)
{
    struct flush_figures figures;
    struct buffer out = {0};
    if (!may_profile(server, request)) {
        return;
    }
    if (!server->options.profiler->has_heap()) {
        reply_text(request, HTTP_NOTIMPLEMENTED,
                   server->options.config->profiling.heap
                       ? "malloc() is not libtcmalloc's: is libtcmalloc.so.4 installed?"
                       : "the heap is not profiled: [profiling] heap turns it on");
        return;
    }
    flusher_figures(server->options.flusher, &figures);
    if (server->options.profiler->heap(figures.pool_bytes, &out)) {
        reply_buffer(request, HTTP_OK, REPLY_TEXT, &out);
    } else {
        reply_text(request, HTTP_SERVUNAVAIL, "the heap profiler gave nothing");
    }
    buffer_deinit(&out);
}

/* `0x12+0x34` becomes a line each. */
static void append_names(const struct profile_module *profiler, const char *text,
                         struct buffer *out)
{
    while (*text) {
        char *end;
        uint64_t address = strtoull(text, &end, 16);
        if (end != text) {
            buffer_append_format(out, "0x%llx\t", (unsigned long long)address);
            profiler->symbol(address, out);
            buffer_append(out, "\n", 1);
        }
        text = end + (*end != '\0');
    }
}

void page_profile_symbol(struct http_server *server, struct evhttp_request *request)
{
    const struct profile_module *profiler = server->options.profiler;
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct buffer out = {0}, asked = {0};
    if (!may_profile(server, request)) {
        return;
    }
    if (evhttp_request_get_command(request) == EVHTTP_REQ_POST) {
        struct evbuffer *body = evhttp_request_get_input_buffer(request);
        size_t length = evbuffer_get_length(body);
        char *room = buffer_room(&asked, length + 1);
        if (room) {
            evbuffer_copyout(body, room, length);
            room[length] = '\0';
            append_names(profiler, room, &out);
        }
    } else if (query && *query) {
        append_names(profiler, query, &out);
    } else {
        buffer_append_text(&out, "num_symbols: 1\n");
    }
    out.failed |= asked.failed;
    reply_buffer(request, HTTP_OK, REPLY_TEXT, &out);
    buffer_deinit(&asked);
    buffer_deinit(&out);
}

void page_profile_cmdline(struct http_server *server, struct evhttp_request *request)
{
    struct buffer out = {0};
    if (!may_profile(server, request)) {
        return;
    }
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    char *room = fd >= 0 ? buffer_room(&out, CMDLINE_BYTES) : NULL;
    ssize_t length = room ? read(fd, room, CMDLINE_BYTES) : 0;
    for (ssize_t i = 0; i < length; i++) {
        room[i] = room[i] == '\0' ? '\n' : room[i];
    }
    out.length = length > 0 ? (size_t)length : 0;
    if (fd >= 0) {
        close(fd);
    }
    reply_buffer(request, HTTP_OK, REPLY_TEXT, &out);
    buffer_deinit(&out);
}
