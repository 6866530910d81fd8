/* SPDX-License-Identifier: MIT */
#include "server/http/server.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#include "server/core/log.h"
#include "server/core/require.h"
#include "server/http/figures.h"
#include "server/http/guard.h"
#include "server/http/listen.h"
#include "server/http/private.h"
#include "server/http/reply.h"
#include "server/http/route.h"

#define HEADERS_BYTES_MAX (16 << 10)
#define BODY_BYTES_MAX (64 << 10)
#define RESUME_MS 100

#define METHODS                                                                                \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

/* NULL when there is none, *more when there are several. */
static const char *single_header(struct evhttp_request *request, const char *name, bool *more)
{
    const char *value = NULL;
    struct evkeyval *header;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        if (strcasecmp(header->key, name) == 0) {
            *more |= value != NULL;
            value = header->value;
        }
    }
    return value;
}

/* A request whose first line holds a whole address means the host in it, whatever the header says
 * (RFC 9112, 3.2.2). False when it is too long. */
static bool host_of_uri(const struct evhttp_uri *uri, char *out, size_t out_size)
{
    const char *host = evhttp_uri_get_host(uri);
    int port = evhttp_uri_get_port(uri);
    int length = port < 0 ? snprintf(out, out_size, "%s", host)
                          : snprintf(out, out_size, "%s:%d", host, port);
    return length >= 0 && (size_t)length < out_size;
}

/* Returns 0, or the code and the reason for refusing the request whatever it asks for. */
static int check_origin(const struct http_server *server, struct evhttp_request *request,
                        const char **reason)
{
    const struct config *config = server->options.config;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    bool bad = false;
    char host[300];
    struct guard guard = {server->loopback_only, server->host_name, &config->http.listen};
    struct guard_request asked = {
        .host = single_header(request, "Host", &bad),
        .origin = single_header(request, "Origin", &bad),
        .host_needed = request->major >= 1 && request->minor >= 1,
        .administers = evhttp_request_get_command(request) == EVHTTP_REQ_POST &&
                       config->http.admin == ADMIN_LOOPBACK,
    };
    if (uri && evhttp_uri_get_scheme(uri) && evhttp_uri_get_host(uri)) {
        bad |= !host_of_uri(uri, host, sizeof(host));
        asked.host = host;
    }
    if (bad || !uri) {
        *reason = "the address, or Host or Origin, cannot be read";
        return HTTP_BADREQUEST;
    }
    return guard_check(&guard, &asked, reason);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct http_server *server = context;
    const char *reason = NULL;
    connections_begin(&server->connections, request);
    int code = check_origin(server, request, &reason);
    if (code != 0) {
        reply_text(request, code, reason);
        return;
    }
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const struct route *route = route_find(path ? path : "");
    if (!route) {
        reply_text(request, HTTP_NOTFOUND, "there is no such page; / lists what there is");
    } else if (!route_accepts(route, evhttp_request_get_command(request))) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", route_allow(route));
        reply_text(request, HTTP_BADMETHOD, "the page does not take this method");
    } else {
        route->answer(server, request);
    }
}

static void on_gone(void *context, struct evhttp_request *request)
{
    struct http_server *server = context;
    waiting_forget(&server->waiting, request);
    report_maker_forget(server->reports, request);
    trend_maker_forget(server->trends, request);
    profile_session_forget(server->profile, request);
}

static void enable(struct evhttp_bound_socket *socket, void *context)
{
    (void)context;
    evconnlistener_enable(evhttp_bound_socket_get_listener(socket));
}

static void on_resume(int fd, short what, void *context)
{
    const struct http_server *server = context;
    (void)fd;
    (void)what;
    evhttp_foreach_bound_socket(server->http, enable, NULL);
}

/* Out of descriptors, most likely. The listener stays readable, so that without a pause the loop
 * would do nothing but fail. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
    const struct http_server *server = context;
    const struct timeval pause = {.tv_usec = RESUME_MS * 1000};
    log_line(LOG_LEVEL_WARNING, "cannot accept an HTTP connection", "reason",
             evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()), NULL);
    evconnlistener_disable(listener);
    evtimer_add(server->resume, &pause);
}

/* False with the reason. */
static bool bind_one(struct http_server *server, const char *text, char *reason, size_t reason_size)
{
    char bound[LISTEN_TEXT_MAX];
    int fd = listen_open(text, reason, reason_size);
    if (fd < 0) {
        return false;
    }
    struct evhttp_bound_socket *socket = evhttp_accept_socket_with_handle(server->http, fd);
    if (!socket) {
        close(fd);
        snprintf(reason, reason_size, "http.listen %s: no memory", text);
        return false;
    }
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(socket), on_accept_failed);
    listen_address(fd, bound);
    size_t used = strlen(server->addresses);
    snprintf(server->addresses + used, sizeof(server->addresses) - used, "%s%s", used ? "," : "",
             bound);
    server->loopback_only &= listen_is_loopback(fd);
    return true;
}

static bool bind_all(struct http_server *server, char *reason, size_t reason_size)
{
    const struct config_strings *listen = &server->options.config->http.listen;
    server->loopback_only = true;
    for (size_t i = 0; i < listen->count; i++) {
        if (!bind_one(server, listen->items[i], reason, reason_size)) {
            return false;
        }
    }
    return true;
}

/* Senders can bring libevent to speak, so that it is heard only when debugging. */
static void on_libevent_says(int severity, const char *text)
{
    log_line(severity >= EVENT_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "libevent", "text",
             text, NULL);
}

static void set_up_http(struct http_server *server)
{
    evhttp_set_gencb(server->http, on_request, server);
    evhttp_set_allowed_methods(server->http, METHODS);
    evhttp_set_max_headers_size(server->http, HEADERS_BYTES_MAX);
    evhttp_set_max_body_size(server->http, BODY_BYTES_MAX);
    /* A body too large is read to its end (within its deadline), else the sender would see a reset
     * and not the answer. */
    evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
    server->connections =
        (struct connections){.base = server->options.base, .gone = on_gone, .context = server};
    connections_watch(&server->connections, server->http);
}

static bool set_up(struct http_server *server, const struct http_server_options *options)
{
    server->options = *options;
    event_set_log_callback(on_libevent_says);
    if (gethostname(server->host_name, sizeof(server->host_name) - 1) != 0) {
        server->host_name[0] = '\0';
    }
    server->exposition = exposition_new(options->config, options->totals);
    server->http = evhttp_new(options->base);
    server->resume = evtimer_new(options->base, on_resume, server);
    server->reports = report_maker_new(server, options->base);
    server->trends = trend_maker_new(server, options->base);
    server->profile = profile_session_new(server, options->base);
    return server->reports && server->trends && server->profile &&
           waiting_init(&server->waiting, server, options->base) && server->exposition &&
           server->http && server->resume && snapshot_bounds_init(&server->bounds, options->config);
}

struct http_server *http_server_new(const struct http_server_options *options, char *reason,
                                    size_t reason_size)
{
    REQUIRE(options->sink_count <= HTTP_SINKS_MAX);
    struct http_server *server = calloc(1, sizeof(*server));
    struct mapper mapper = options->mapper;
    if (!server || !set_up(server, options)) {
        snprintf(reason, reason_size, "no memory for the HTTP server");
        mapper_close(&mapper);
        http_server_free(server);
        return NULL;
    }
    http_server_map(server, mapper);
    set_up_http(server);
    if (!bind_all(server, reason, reason_size)) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

void http_server_addresses(const struct http_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->addresses);
}

/* The counts are those of this moment, moments after the window has ended. */
static void remember(struct http_server *server, const struct snapshot *closed)
{
    struct own_sink sinks[HTTP_SINKS_MAX];
    struct own_figures figures;
    double workers[TICKS_WORKERS];
    http_figures_read(server, sinks, &figures);
    struct tick_totals totals = {.ingest = &figures.ingest,
                                 .flush = &figures.flush,
                                 .cpu_seconds = figures.process.cpu_seconds,
                                 .worker_seconds = workers,
                                 .workers = process_read_workers(workers, TICKS_WORKERS)};
    ticks_add(&server->report_memory.ticks, closed->timestamp, closed->window_seconds, &totals);
    report_memory_close(&server->report_memory, closed);
    profile_session_add(server->profile, &figures.flush.stages);
}

void http_server_tell_refusal(struct http_server *server, const char *sender, const char *line,
                              const char *reason)
{
    report_memory_refuse(&server->report_memory, sender, line, reason);
}

void http_server_wake(struct http_server *server)
{
    struct snapshot *closed = flusher_closed(server->options.flusher);
    if (closed && closed->sequence != server->logged_sequence) {
        anomaly_log_add(&server->anomalies, closed);
        remember(server, closed);
        server->logged_sequence = closed->sequence;
        server->stamps[closed->window % HTTP_STAMPS] =
            (struct window_stamp){closed->window, closed->timestamp};
    }
    snapshot_unref(closed);
    waiting_look(&server->waiting);
    if (!server->waiting.first) {
        exposition_trim(server->exposition);
    }
}

void http_server_configure(struct http_server *server, const struct config *config)
{
    server->options.config = config;
    report_maker_restart(server->reports);
}

void http_server_map(struct http_server *server, struct mapper mapper)
{
    exposition_map(server->exposition, mapper);
}

static void close_listener(struct evhttp_bound_socket *socket, void *context)
{
    (void)context;
    evconnlistener_disable(evhttp_bound_socket_get_listener(socket));
}

void http_server_free(struct http_server *server)
{
    if (!server) {
        return;
    }
    if (server->http) {
        evhttp_foreach_bound_socket(server->http, close_listener, NULL);
        waiting_refuse_all(&server->waiting, "the server is stopping");
        report_maker_refuse_all(server->reports, "the server is stopping");
        trend_maker_refuse_all(server->trends, "the server is stopping");
        profile_session_refuse(server->profile, "the server is stopping");
        connections_flush(&server->connections);
        evhttp_free(server->http);
    }
    connections_deinit(&server->connections);
    waiting_deinit(&server->waiting);
    if (server->resume) {
        event_free(server->resume);
    }
    exposition_free(server->exposition);
    anomaly_log_deinit(&server->anomalies);
    report_maker_free(server->reports);
    trend_maker_free(server->trends);
    profile_session_free(server->profile);
    report_memory_deinit(&server->report_memory);
    snapshot_bounds_deinit(&server->bounds);
    body_unref(server->snapshot_body);
    free(server);
}
