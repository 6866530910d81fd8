/* SPDX-License-Identifier: MIT */
#include "server/http/profile_session.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/profile.h"
#include "server/http/json.h"
#include "server/http/private.h"
#include "server/http/reply.h"
#include "server/resources/process.h"

#define THREADS_MAX 128

struct profile_session {
    struct http_server *server;
    struct event *timer;
    struct event *closed; /* the connection of the request was; NULL without one */
    struct event_base *base;
    struct evhttp_request *request; /* that waits; NULL: none does */
    bool running, ended;            /* ended: there is a report */
    uint64_t begun_ns;
    double seconds; /* how long the latest one took */
    struct thread_time before[THREADS_MAX], threads[THREADS_MAX];
    size_t before_count, thread_count;
    double stages[FLUSH_STAGES];
    uint64_t windows;
    struct buffer profile;
};

static uint64_t now_ns(const struct profile_session *session)
{
    return clock_monotonic_ns(session->server->options.clock);
}

/* What each thread has used since the beginning. */
static void count_threads(struct profile_session *session)
{
    session->thread_count = process_read_threads(session->threads, THREADS_MAX);
    for (size_t i = 0; i < session->thread_count; i++) {
        struct thread_time *thread = &session->threads[i];
        for (size_t j = 0; j < session->before_count; j++) {
            if (session->before[j].id == thread->id) {
                thread->cpu_seconds = fmax(thread->cpu_seconds - session->before[j].cpu_seconds, 0);
            }
        }
    }
}

static void end(struct profile_session *session, struct buffer *profile)
{
    event_del(session->timer);
    if (session->closed) {
        event_free(session->closed);
        session->closed = NULL;
    }
    session->server->options.profiler->stop(profile);
    session->running = false;
    session->ended = true;
    session->seconds = (double)(now_ns(session) - session->begun_ns) / 1e9;
    count_threads(session);
}

static void finish(struct profile_session *session)
{
    struct evhttp_request *request = session->request;
    session->request = NULL;
    session->profile.length = 0;
    session->profile.failed = false;
    end(session, &session->profile);
    if (request) {
        reply_buffer(request, HTTP_OK, "application/octet-stream", &session->profile);
    }
}

static void on_timer(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    finish(context);
}

/* evhttp does not look at a connection whose request it has read. */
static void on_hang_up(int fd, short what, void *context)
{
    struct profile_session *session = context;
    (void)fd;
    (void)what;
    evhttp_connection_free(evhttp_request_get_connection(session->request));
}

static void watch(struct profile_session *session)
{
    struct evhttp_connection *peer = evhttp_request_get_connection(session->request);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(peer));
    session->closed = event_new(session->base, fd, EV_CLOSED, on_hang_up, session);
    if (session->closed) {
        event_add(session->closed, NULL);
    }
}

struct profile_session *profile_session_new(struct http_server *server, struct event_base *base)
{
    struct profile_session *session = calloc(1, sizeof(*session));
    if (session) {
        session->server = server;
        session->base = base;
        buffer_init(&session->profile);
        session->timer = evtimer_new(base, on_timer, session);
    }
    if (session && !session->timer) {
        free(session);
        session = NULL;
    }
    return session;
}

void profile_session_free(struct profile_session *session)
{
    if (session) {
        profile_session_refuse(session, "the server is stopping");
        event_free(session->timer);
        buffer_deinit(&session->profile);
        free(session);
    }
}

bool profile_session_start(struct profile_session *session, struct evhttp_request *request,
                           unsigned seconds, char *reason, size_t reason_size)
{
    const struct timeval delay = {.tv_sec = (time_t)seconds};
    if (session->running) {
        snprintf(reason, reason_size, "a profile is being taken; one at a time");
        return false;
    }
    if (!session->server->options.profiler->start(reason, reason_size)) {
        return false;
    }
    session->running = true;
    session->ended = false;
    session->request = request;
    session->begun_ns = now_ns(session);
    session->before_count = process_read_threads(session->before, THREADS_MAX);
    session->windows = 0;
    memset(session->stages, 0, sizeof(session->stages));
    evtimer_add(session->timer, &delay);
    if (request) {
        watch(session);
    }
    return true;
}

bool profile_session_stop(struct profile_session *session)
{
    if (session->running && !session->request) {
        finish(session);
    }
    return !session->running && session->ended;
}

static void write_share(struct json *json, double seconds, double all)
{
    json_member_number(json, "seconds", seconds);
    json_member_number(json, "share", all > 0 ? seconds / all : 0);
}

static void write_threads(const struct profile_session *session, struct json *json)
{
    double all = 0;
    for (size_t i = 0; i < session->thread_count; i++) {
        all += session->threads[i].cpu_seconds;
    }
    json_member_number(json, "cpu_seconds", all);
    json_put_key(json, "threads");
    json_begin_array(json);
    for (size_t i = 0; i < session->thread_count; i++) {
        json_begin_object(json);
        json_member_string(json, "name", session->threads[i].name);
        write_share(json, session->threads[i].cpu_seconds, all);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_stages(const struct profile_session *session, struct json *json)
{
    double all = 0;
    for (size_t stage = 0; stage < FLUSH_STAGES; stage++) {
        all += session->stages[stage];
    }
    json_member_integer(json, "windows", session->windows);
    json_put_key(json, "flush");
    json_begin_array(json);
    for (unsigned stage = 0; stage < FLUSH_STAGES; stage++) {
        json_begin_object(json);
        json_member_string(json, "stage", flush_stage_name((enum flush_stage)stage));
        write_share(json, session->stages[stage], all);
        json_end_object(json);
    }
    json_end_array(json);
}

bool profile_session_report(const struct profile_session *session, struct buffer *out)
{
    if (!session->ended) {
        return false;
    }
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_member_number(&json, "seconds", session->seconds);
    json_member_integer(&json, "profile_bytes", session->profile.length);
    write_threads(session, &json);
    write_stages(session, &json);
    json_end_object(&json);
    buffer_append(out, "\n", 1);
    return true;
}

const struct buffer *profile_session_profile(const struct profile_session *session)
{
    return &session->profile;
}

void profile_session_add(struct profile_session *session, const struct flush_stages *stages)
{
    if (!session->running || stages->begun_ns < session->begun_ns) {
        return;
    }
    session->windows++;
    for (unsigned stage = 0; stage < FLUSH_STAGES; stage++) {
        session->stages[stage] += flush_stage_seconds(stages, (enum flush_stage)stage);
    }
}

void profile_session_forget(struct profile_session *session, const struct evhttp_request *request)
{
    if (session && session->request == request && request) {
        session->request = NULL;
        end(session, NULL);
        session->ended = false;
    }
}

void profile_session_refuse(struct profile_session *session, const char *reason)
{
    if (session && session->running) {
        struct evhttp_request *request = session->request;
        session->request = NULL;
        end(session, NULL);
        if (request) {
            reply_text(request, HTTP_SERVUNAVAIL, reason);
        }
    }
}
