/* SPDX-License-Identifier: MIT */
#include "server/http/waiting.h"

#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/http/json.h"
#include "server/http/pages.h"
#include "server/http/private.h"
#include "server/http/reply.h"

struct waiter {
    struct waiter *next;
    struct evhttp_request *request;
    enum flusher_work work;
    uint64_t ticket;
    uint64_t deadline_ns;
    bool answered;      /* by the flusher */
    uint64_t window;    /* that was closed */
    uint64_t sequence;  /* of the snapshot that is to be shown at least; 0 = not known yet */
    enum format format; /* that the exposition is wanted in */
    bool packed;        /* and compressed */
    /* What the sinks had counted when the request came: more than that is this window's. */
    struct {
        uint64_t errors, windows_lost;
    } before[HTTP_SINKS_MAX];
};

/* Units of exposition_step() in one turn: four milliseconds or less. */
#define TURN_WORK 4096

enum progress { PROGRESS_WAITS, PROGRESS_DONE, PROGRESS_FAILED };

static uint64_t now_ns(const struct waiting *waiting)
{
    return clock_monotonic_ns(waiting->server->options.clock);
}

static void set_timer(struct waiting *waiting)
{
    if (!waiting->first) {
        evtimer_del(waiting->timer);
        return;
    }
    uint64_t now = now_ns(waiting);
    uint64_t due = waiting->first->deadline_ns;
    uint64_t rest_us = due > now ? (due - now) / 1000 + 1 : 0;
    struct timeval delay = {.tv_sec = (time_t)(rest_us / 1000000),
                            .tv_usec = (suseconds_t)(rest_us % 1000000)};
    evtimer_add(waiting->timer, &delay);
}

/* What a sink's figures mean for a window that is to be written. */
static enum progress judge_sink(const struct waiter *waiter, size_t i, const struct own_sink *sink,
                                char *reason, size_t reason_size)
{
    const struct sink_figures *figures = &sink->figures;
    bool written = figures->done_window >= waiter->window;
    bool lost = written && figures->windows_lost > waiter->before[i].windows_lost;
    bool failing = figures->failing && figures->errors > waiter->before[i].errors;
    if (lost || (failing && !written)) {
        snprintf(reason, reason_size, "%s: %s", sink->name,
                 figures->reason[0] ? figures->reason : "the window could not be written");
        return PROGRESS_FAILED;
    }
    snprintf(reason, reason_size, "%s has not written the window yet%s%s", sink->name,
             figures->failing ? ": " : "", figures->failing ? figures->reason : "");
    return written ? PROGRESS_DONE : PROGRESS_WAITS;
}

static enum progress judge_sinks(struct http_server *server, const struct waiter *waiter,
                                 char *reason, size_t reason_size)
{
    struct own_sink sinks[HTTP_SINKS_MAX];
    size_t count = http_server_sinks(server, sinks);
    for (size_t i = 0; i < count; i++) {
        if (sinks[i].aside) {
            continue;
        }
        enum progress progress = judge_sink(waiter, i, &sinks[i], reason, reason_size);
        if (progress != PROGRESS_DONE) {
            return progress;
        }
    }
    return PROGRESS_DONE;
}

/* Sees to it that the exposition shows a snapshot no older than the latest at the first call. */
static enum progress judge_exposition(struct http_server *server, struct waiter *waiter,
                                      char *reason, size_t reason_size)
{
    struct exposition *exposition = server->exposition;
    struct snapshot *latest = flusher_latest(server->options.flusher);
    if (!latest) {
        snprintf(reason, reason_size, "there is no snapshot yet");
        return PROGRESS_FAILED;
    }
    snprintf(reason, reason_size, "the exposition is being rendered");
    waiter->sequence = waiter->sequence > 0 ? waiter->sequence : latest->sequence;
    bool ready = exposition_has(exposition, waiter->sequence, waiter->format);
    if (!ready) {
        exposition_begin(exposition, latest, waiter->format);
    } else if (waiter->packed) {
        ready = exposition_pack(exposition, waiter->format);
    }
    snapshot_unref(latest);
    return ready ? PROGRESS_DONE : PROGRESS_WAITS;
}

static enum progress judge(struct http_server *server, struct waiter *waiter, char *reason,
                           size_t reason_size)
{
    if (!waiter->answered) {
        waiter->answered = flusher_answered(server->options.flusher, waiter->work, waiter->ticket,
                                            &waiter->window);
        snprintf(reason, reason_size, "the flusher has not answered");
    }
    if (!waiter->answered) {
        return PROGRESS_WAITS;
    }
    enum progress progress = waiter->work == FLUSHER_CLOSE
                                 ? judge_sinks(server, waiter, reason, reason_size)
                                 : PROGRESS_DONE;
    return progress == PROGRESS_DONE ? judge_exposition(server, waiter, reason, reason_size)
                                     : progress;
}

/* The end of a window that was closed. One that the wake-ups have passed over, because the next was
 * closed at once, ended as good as when that one did. */
static double stamp_of(const struct http_server *server, uint64_t window,
                       const struct snapshot *closed)
{
    const struct window_stamp *stamp = &server->stamps[window % HTTP_STAMPS];
    return stamp->window == window ? stamp->timestamp : closed->timestamp;
}

/* Every output has the window, the exposition too. */
static void answer_flush(struct http_server *server, const struct waiter *waiter)
{
    struct evhttp_request *request = waiter->request;
    struct snapshot *closed = flusher_closed(server->options.flusher);
    struct body *exposition = exposition_body(server->exposition, waiter->format);
    if (!closed || !exposition) {
        reply_text(request, HTTP_SERVUNAVAIL, "no memory to render the window");
    } else {
        struct buffer buffer;
        buffer_init(&buffer);
        struct json json = json_writer(&buffer);
        json_begin_object(&json);
        json_member_integer(&json, "window", waiter->window);
        json_member_number(&json, "timestamp", stamp_of(server, waiter->window, closed));
        json_end_object(&json);
        buffer_append(&buffer, "\n", 1);
        reply_buffer(request, HTTP_OK, REPLY_JSON, &buffer);
    }
    body_unref(exposition);
    snapshot_unref(closed);
}

static void answer_scrape(struct http_server *server, struct evhttp_request *request)
{
    struct snapshot *latest = flusher_latest(server->options.flusher);
    if (latest) {
        page_metrics_answer(server, request, latest);
    } else {
        reply_text(request, HTTP_SERVUNAVAIL, "there is no snapshot yet");
    }
    snapshot_unref(latest);
}

static void answer(struct http_server *server, const struct waiter *waiter, enum progress progress,
                   const char *reason)
{
    if (progress != PROGRESS_DONE) {
        reply_text(waiter->request, HTTP_SERVUNAVAIL, reason);
    } else if (waiter->work == FLUSHER_CLOSE) {
        answer_flush(server, waiter);
    } else {
        answer_scrape(server, waiter->request);
    }
}

/* Takes the waiter at *link out of the list; the caller frees it. */
static struct waiter *take_out(struct waiting *waiting, struct waiter **link)
{
    struct waiter *waiter = *link;
    *link = waiter->next;
    if (waiting->last == &waiter->next) {
        waiting->last = link;
    }
    return waiter;
}

static void look_once(struct waiting *waiting)
{
    uint64_t now = now_ns(waiting);
    struct waiter **link = &waiting->first;
    while (*link) {
        char reason[320] = "";
        enum progress progress = judge(waiting->server, *link, reason, sizeof(reason));
        if (progress == PROGRESS_WAITS && now < (*link)->deadline_ns) {
            link = &(*link)->next;
            continue;
        }
        struct waiter *waiter = take_out(waiting, link);
        answer(waiting->server, waiter, progress, reason);
        free(waiter);
    }
}

void waiting_look(struct waiting *waiting)
{
    struct exposition *exposition = waiting->server->exposition;
    look_once(waiting);
    while (exposition_is_busy(exposition) && !evtimer_pending(waiting->turn, NULL)) {
        if (exposition_step(exposition, TURN_WORK)) {
            look_once(waiting);
        } else {
            /* A timer lets the loop look at its sockets first, which an active event would not. */
            const struct timeval now = {0};
            evtimer_add(waiting->turn, &now);
        }
    }
    set_timer(waiting);
}

static void on_timer(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    waiting_look(context);
}

bool waiting_init(struct waiting *waiting, struct http_server *server, struct event_base *base)
{
    *waiting = (struct waiting){.server = server};
    waiting->last = &waiting->first;
    waiting->timer = evtimer_new(base, on_timer, waiting);
    waiting->turn = evtimer_new(base, on_timer, waiting);
    return waiting->timer && waiting->turn;
}

void waiting_refuse_all(struct waiting *waiting, const char *reason)
{
    while (waiting->first) {
        struct waiter *waiter = take_out(waiting, &waiting->first);
        reply_text(waiter->request, HTTP_SERVUNAVAIL, reason);
        free(waiter);
    }
}

void waiting_deinit(struct waiting *waiting)
{
    if (waiting->timer) {
        event_free(waiting->timer);
    }
    if (waiting->turn) {
        event_free(waiting->turn);
    }
}

/* The waiter at the end of the list, or NULL, with the request answered, without memory. */
static struct waiter *append(struct waiting *waiting, struct evhttp_request *request,
                             enum flusher_work work)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter) {
        reply_text(request, HTTP_SERVUNAVAIL, "no memory");
        return NULL;
    }
    waiter->request = request;
    waiter->work = work;
    waiter->packed = work == FLUSHER_VIEW && reply_may_be_packed(request);
    waiter->format = work == FLUSHER_VIEW ? reply_format(request) : FORMAT_TEXT;
    waiter->deadline_ns = now_ns(waiting) + WAITING_DEADLINE_SECONDS * UINT64_C(1000000000);
    *waiting->last = waiter;
    waiting->last = &waiter->next;
    return waiter;
}

void waiting_add(struct waiting *waiting, struct evhttp_request *request, enum flusher_work work)
{
    struct waiter *waiter = append(waiting, request, work);
    if (!waiter) {
        return;
    }
    struct own_sink sinks[HTTP_SINKS_MAX];
    size_t count = http_server_sinks(waiting->server, sinks);
    for (size_t i = 0; i < count; i++) {
        waiter->before[i].errors = sinks[i].figures.errors;
        waiter->before[i].windows_lost = sinks[i].figures.windows_lost;
    }
    waiter->ticket = flusher_ask(waiting->server->options.flusher, work);
    /* It may have been answered already, before there was anybody to look. */
    waiting_look(waiting);
}

void waiting_add_fresh(struct waiting *waiting, struct evhttp_request *request)
{
    struct waiter *waiter = append(waiting, request, FLUSHER_VIEW);
    if (waiter) {
        waiter->answered = true;
        waiting_look(waiting);
    }
}

void waiting_forget(struct waiting *waiting, const struct evhttp_request *request)
{
    for (struct waiter **link = &waiting->first; *link; link = &(*link)->next) {
        if ((*link)->request == request) {
            free(take_out(waiting, link));
            break;
        }
    }
    set_timer(waiting);
}
