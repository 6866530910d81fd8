/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long one attempt at connecting may take, of the timeout of a request. */
#define CONNECT_MS_MAX 10000

struct transport {
    struct event_base *base;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct event *timer;
    transport_done *done;
    void *context;
    bool busy;
    char error[CURL_ERROR_SIZE];
    char body[128]; /* the start of the answer's */
    size_t body_length;
};

bool transport_check_url(const char *url, char *reason, size_t reason_size)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    CURLUcode code = parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK) {
        code = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    }
    bool right = code == CURLUE_OK && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (!right) {
        snprintf(reason, reason_size,
                 "remote_write.url: '%s' is not the http or https URL of a receiver", url);
    }
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return right;
}

static void finish(struct transport *transport, CURLcode result)
{
    struct transport_answer answer = {0};
    curl_off_t value = 0;
    curl_multi_remove_handle(transport->multi, transport->easy);
    if (curl_easy_getinfo(transport->easy, CURLINFO_SIZE_UPLOAD_T, &value) == CURLE_OK) {
        answer.sent_bytes = (uint64_t)value;
    }
    if (result == CURLE_OK) {
        curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        curl_easy_getinfo(transport->easy, CURLINFO_RETRY_AFTER, &value);
        answer.retry_after_s = (uint64_t)value;
        size_t length = strcspn(transport->body, "\r\n");
        snprintf(answer.reason, sizeof(answer.reason), "HTTP %ld%s%.*s", answer.status,
                 length > 0 ? ": " : "", (int)length, transport->body);
    } else {
        const char *words = transport->error[0] ? transport->error : curl_easy_strerror(result);
        snprintf(answer.reason, sizeof(answer.reason), "%.*s", (int)sizeof(answer.reason) - 1,
                 words);
    }
    transport->busy = false;
    transport->done(transport->context, &answer);
}

static void look_for_end(struct transport *transport)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transport->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            finish(transport, message->data.result);
            return; /* there is one request at a time, and done() may have begun the next */
        }
    }
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct transport *transport = context;
    int running;
    int action =
        ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(transport->multi, fd, action, &running);
    look_for_end(transport);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct transport *transport = context;
    int running;
    curl_multi_socket_action(transport->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_end(transport);
}

/* libcurl says what it wants to know of a socket; the event is what it has assigned to it. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    (void)easy;
    struct transport *transport = context;
    if (assigned) {
        event_free(assigned);
        curl_multi_assign(transport->multi, fd, NULL);
    }
    if (what == CURL_POLL_REMOVE) {
        return 0;
    }
    short events = (short)(EV_PERSIST | ((what & CURL_POLL_IN) ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) ? EV_WRITE : 0));
    struct event *event = event_new(transport->base, fd, events, on_socket, transport);
    if (!event || event_add(event, NULL) != 0) {
        if (event) {
            event_free(event);
        }
        return -1;
    }
    curl_multi_assign(transport->multi, fd, event);
    return 0;
}

static int watch_time(CURLM *multi, long wait_ms, void *context)
{
    (void)multi;
    struct transport *transport = context;
    if (wait_ms < 0) {
        return evtimer_del(transport->timer);
    }
    const struct timeval wait = {.tv_sec = wait_ms / 1000,
                                 .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    return evtimer_add(transport->timer, &wait);
}

static size_t keep_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transport *transport = context;
    size_t room = sizeof(transport->body) - 1 - transport->body_length;
    size_t kept = size * count < room ? size * count : room;
    memcpy(transport->body + transport->body_length, bytes, kept);
    transport->body_length += kept;
    transport->body[transport->body_length] = '\0';
    return size * count;
}

static bool add_header(struct transport *transport, const char *name, const char *value)
{
    char *line = NULL;
    if (asprintf(&line, "%s%s", name, value) < 0) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(transport->headers, line);
    transport->headers = longer ? longer : transport->headers;
    free(line);
    return longer != NULL;
}

static bool add_headers(struct transport *transport, const struct transport_options *options)
{
    bool added = add_header(transport, "Content-Type: ", "application/x-protobuf") &&
                 add_header(transport, "Content-Encoding: ", "snappy") &&
                 add_header(transport, "X-Prometheus-Remote-Write-Version: ", "0.1.0") &&
                 add_header(transport, "User-Agent: ", "sigmad/" SIGMAD_VERSION) &&
                 add_header(transport, "Expect:", "");
    if (options->tenant && options->tenant[0]) {
        added = added && add_header(transport, "X-Scope-OrgID: ", options->tenant);
    }
    if (options->token && options->token[0]) {
        added = added && add_header(transport, "Authorization: Bearer ", options->token);
    }
    return added;
}

static void set_up(struct transport *transport, const struct transport_options *options)
{
    CURL *easy = transport->easy;
    long timeout_ms = (long)options->timeout_ms;
    curl_easy_setopt(easy, CURLOPT_URL, options->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transport->headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     timeout_ms < CONNECT_MS_MAX ? timeout_ms : CONNECT_MS_MAX);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transport);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transport->error);
    curl_multi_setopt(transport->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(transport->multi, CURLMOPT_SOCKETDATA, transport);
    curl_multi_setopt(transport->multi, CURLMOPT_TIMERFUNCTION, watch_time);
    curl_multi_setopt(transport->multi, CURLMOPT_TIMERDATA, transport);
}

struct transport *transport_new(const struct transport_options *options, transport_done *done,
                                void *context, char *reason, size_t reason_size)
{
    if (!transport_check_url(options->url, reason, reason_size)) {
        return NULL;
    }
    struct transport *transport = calloc(1, sizeof(*transport));
    if (transport && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(transport);
        transport = NULL;
    }
    if (transport) {
        transport->base = options->base;
        transport->done = done;
        transport->context = context;
        transport->multi = curl_multi_init();
        transport->easy = curl_easy_init();
        transport->timer = evtimer_new(options->base, on_timer, transport);
    }
    if (!transport || !transport->multi || !transport->easy || !transport->timer ||
        !add_headers(transport, options)) {
        transport_free(transport);
        snprintf(reason, reason_size, "remote_write: out of memory");
        return NULL;
    }
    set_up(transport, options);
    return transport;
}

void transport_free(struct transport *transport)
{
    if (!transport) {
        return;
    }
    if (transport->busy) {
        curl_multi_remove_handle(transport->multi, transport->easy);
    }
    /* The multi handle closes the connections that are kept, and for that still calls back. */
    curl_multi_cleanup(transport->multi);
    curl_easy_cleanup(transport->easy);
    if (transport->timer) {
        event_free(transport->timer);
    }
    curl_slist_free_all(transport->headers);
    curl_global_cleanup();
    free(transport);
}

bool transport_post(struct transport *transport, const char *bytes, size_t length)
{
    transport->body_length = 0;
    transport->body[0] = transport->error[0] = '\0';
    curl_easy_setopt(transport->easy, CURLOPT_POSTFIELDS, bytes);
    curl_easy_setopt(transport->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    transport->busy = curl_multi_add_handle(transport->multi, transport->easy) == CURLM_OK;
    return transport->busy;
}
