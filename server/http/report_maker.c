/* SPDX-License-Identifier: MIT */
#include "server/http/report_maker.h"

#include <event2/event.h>
#include <event2/http.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/http/askers.h"
#include "server/http/private.h"
#include "server/http/reply.h"
#include "server/http/report_facts.h"
#include "server/http/report_history.h"
#include "server/http/report_json.h"
#include "server/http/report_rows.h"
#include "server/report/gather.h"
#include "server/report/write.h"

/* A turn ends after so long, and the clock is looked at after so many series. */
#define TURN_NS UINT64_C(4000000)
#define LOOK_EVERY 32

/* Windows of this share of the configured length are as long as that: the first one is shorter. */
#define USUAL_SHARE 0.5

struct report_asker {
    struct asker asker;
    enum report_answer answer;
    double seconds;
};

struct report_maker {
    struct http_server *server;
    struct askers askers;
    /* The report in hand; none while there is no snapshot. */
    struct snapshot *snapshot;
    struct report report;
    double seconds;
    size_t next; /* row */
    struct series series;
    struct buffer tags;
    struct report_history past;
};

static void on_turn(int fd, short what, void *context);

struct report_maker *report_maker_new(struct http_server *server, struct event_base *base)
{
    struct report_maker *maker = calloc(1, sizeof(*maker));
    if (maker && !askers_init(&maker->askers, base, on_turn, maker)) {
        free(maker);
        maker = NULL;
    }
    if (maker) {
        maker->server = server;
    }
    return maker;
}

static const struct report_asker *first_of(const struct report_maker *maker)
{
    return (const struct report_asker *)maker->askers.first;
}

/* Where what is remembered of the server itself begins, and of series; 0 where nothing is. */
static double begin_of(const struct report_maker *maker)
{
    const struct ticks *ticks = &maker->server->report_memory.ticks;
    struct history_figures figures;
    double begun = 0;
    history_figures(flusher_history(maker->server->options.flusher), &figures);
    if (ticks->count > 0) {
        const struct tick *oldest = ticks_at(ticks, 0);
        begun = oldest->timestamp - oldest->seconds;
    }
    return figures.from > 0 && (begun <= 0 || figures.from < begun) ? figures.from : begun;
}

/* The length of a window: what is configured, unless windows are mostly closed before their time
 * (by POST /-/flush), which points of the configured length would make one of. */
static double usual_window(const struct report_maker *maker)
{
    const struct ticks *ticks = &maker->server->report_memory.ticks;
    double configured = (double)maker->server->options.config->flush.interval_ms / 1000;
    double seconds = 0;
    for (size_t i = 0; i < ticks->count; i++) {
        seconds += ticks_at(ticks, i)->seconds / (double)ticks->count;
    }
    return ticks->count > 0 && seconds < USUAL_SHARE * configured ? seconds : configured;
}

/* From the first window that anything is known of, if that is later than what was asked for. */
static struct points choose_points(const struct report_maker *maker, double interval, double to)
{
    double begun = begin_of(maker), from = fmax(to - maker->seconds, begun);
    return points_of(begun > 0 && from < to ? from : to - interval, to, interval);
}

static void begin(struct report_maker *maker)
{
    struct http_server *server = maker->server;
    struct report *report = &maker->report;
    const struct config *config = server->options.config;
    double interval = usual_window(maker);
    double now = (double)clock_wall_ns(server->options.clock) / 1e9;
    maker->seconds = first_of(maker)->seconds;
    maker->snapshot = flusher_closed(server->options.flusher);
    maker->next = 0;
    double to = maker->snapshot ? maker->snapshot->timestamp : now;
    report_init(report, config, choose_points(maker, interval, to), interval);
    report->made = now;
    report->has_history = report_history_init(
        &maker->past, flusher_history(server->options.flusher), &report->points);
    if (!report->has_history) {
        report->series_seconds = maker->snapshot ? maker->snapshot->window_seconds : interval;
    }
    snprintf(report->origin, sizeof(report->origin), "%s, %s", server->host_name,
             server->addresses);
    report_memory_tell(&server->report_memory, report);
    report_facts_read(server, maker->snapshot, report);
    for (size_t i = 0; i < report->ticks->count; i++) {
        report->windows += ticks_at(report->ticks, i)->timestamp > report->points.from;
    }
}

static void read_row(struct report_maker *maker)
{
    size_t last = maker->report.points.count - 1;
    const struct identity *identity =
        report_rows_read(maker->snapshot, maker->next++, last, &maker->tags, &maker->series);
    if (maker->report.has_history) {
        report_history_read(&maker->past, identity, &maker->report.points, &maker->series);
    }
    gather_series(&maker->report, &maker->series);
}

static bool has_more(const struct report_maker *maker)
{
    return maker->snapshot && maker->next < report_rows_count(maker->snapshot);
}

static void answer(struct report_maker *maker, const struct report_asker *asker)
{
    static const char *const types[REPORT_ANSWERS] = {"text/markdown; charset=utf-8", REPLY_HTML,
                                                      REPLY_JSON};
    struct buffer out = {0};
    if (asker->answer == REPORT_AS_JSON) {
        report_json_write(&maker->report, &out);
    } else {
        report_write(&maker->report,
                     asker->answer == REPORT_AS_HTML ? REPORT_HTML : REPORT_MARKDOWN, &out);
    }
    reply_say_negotiated(asker->asker.request);
    reply_buffer(asker->asker.request, 200, types[asker->answer], &out);
}

static bool asks_for_this(const struct report_maker *maker, const struct report_asker *asker)
{
    return asker->seconds <= maker->seconds && asker->seconds >= maker->seconds;
}

static void drop(struct report_maker *maker)
{
    report_history_deinit(&maker->past);
    report_deinit(&maker->report);
    snapshot_unref(maker->snapshot);
    maker->snapshot = NULL;
    maker->seconds = 0;
}

static void finish(struct report_maker *maker)
{
    struct asker **link = &maker->askers.first;
    gather_end(&maker->report);
    report_conclude(&maker->report);
    while (*link) {
        struct report_asker *asker = (struct report_asker *)*link;
        if (!asks_for_this(maker, asker)) {
            link = &asker->asker.next;
            continue;
        }
        *link = asker->asker.next;
        answer(maker, asker);
        free(asker);
    }
    drop(maker);
}

static void on_turn(int fd, short what, void *context)
{
    struct report_maker *maker = context;
    const struct clock *clock = maker->server->options.clock;
    uint64_t until = clock_monotonic_ns(clock) + TURN_NS;
    (void)fd;
    (void)what;
    if (maker->seconds <= 0) {
        if (!maker->askers.first) {
            return;
        }
        begin(maker);
    }
    while (has_more(maker)) {
        for (size_t i = 0; i < LOOK_EVERY && has_more(maker); i++) {
            read_row(maker);
        }
        if (clock_monotonic_ns(clock) >= until) {
            askers_go_on(&maker->askers);
            return;
        }
    }
    finish(maker);
    if (maker->askers.first) {
        askers_go_on(&maker->askers);
    }
}

void report_maker_ask(struct report_maker *maker, struct evhttp_request *request,
                      enum report_answer answer, double seconds)
{
    struct report_asker *asker = malloc(sizeof(*asker));
    if (asker) {
        *asker = (struct report_asker){.answer = answer, .seconds = seconds};
    }
    askers_add(&maker->askers, request, (struct asker *)asker);
}

void report_maker_forget(struct report_maker *maker, const struct evhttp_request *request)
{
    askers_forget(&maker->askers, request);
}

void report_maker_restart(struct report_maker *maker)
{
    if (maker->seconds > 0) {
        drop(maker);
        askers_go_on(&maker->askers);
    }
}

void report_maker_refuse_all(struct report_maker *maker, const char *reason)
{
    if (maker) {
        askers_refuse_all(&maker->askers, reason);
    }
}

void report_maker_free(struct report_maker *maker)
{
    if (!maker) {
        return;
    }
    if (maker->seconds > 0) {
        drop(maker);
    }
    askers_deinit(&maker->askers);
    buffer_deinit(&maker->tags);
    free(maker);
}
