/* SPDX-License-Identifier: MIT */
#include "server/http/trend_maker.h"

#include <event2/event.h>
#include <event2/http.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/glob.h"
#include "server/detect/trend.h"
#include "server/history/history.h"
#include "server/http/askers.h"
#include "server/http/private.h"
#include "server/http/reply.h"
#include "server/http/report_rows.h"
#include "server/http/tags_json.h"

/* A turn ends after so long. */
#define TURN_NS UINT64_C(4000000)
#define LOOK_EVERY 16

/* Stamps have three decimals, and their differences the rounding of doubles. */
#define STAMP_HALF 0.0005

struct trend_asker {
    struct asker asker;
    struct trend_query query;
};

/* A series that may be told of. */
struct candidate {
    const struct identity *identity; /* of the snapshot in hand */
    enum statistic statistic;
    struct trend trend;
    enum trend_direction direction;
    enum trend_assessment assessment;
    double gravity;
};

enum step { IDLE, FITTING, REFINING };

struct trend_maker {
    struct http_server *server;
    struct askers askers; /* the first is worked on unless idle */
    enum step step;
    struct snapshot *snapshot;
    struct history_range range;
    double *stamps, *values; /* range.count each */
    double *room;            /* of trend_robust() */
    size_t next;             /* row, or candidate */
    size_t series;           /* looked at */
    struct candidate *candidates;
    size_t count;
};

static void on_turn(int fd, short what, void *context);

struct trend_maker *trend_maker_new(struct http_server *server, struct event_base *base)
{
    struct trend_maker *maker = calloc(1, sizeof(*maker));
    if (maker && !askers_init(&maker->askers, base, on_turn, maker)) {
        free(maker);
        maker = NULL;
    }
    if (maker) {
        maker->server = server;
    }
    return maker;
}

static const struct trend_query *query_of(const struct trend_maker *maker)
{
    return &((const struct trend_asker *)maker->askers.first)->query;
}

static void drop(struct trend_maker *maker)
{
    free(maker->stamps);
    free(maker->values);
    free(maker->room);
    free(maker->candidates);
    snapshot_unref(maker->snapshot);
    maker->stamps = maker->values = maker->room = NULL;
    maker->candidates = NULL;
    maker->snapshot = NULL;
    maker->count = maker->next = maker->series = 0;
    maker->step = IDLE;
}

static struct history *history_of(const struct trend_maker *maker)
{
    return flusher_history(maker->server->options.flusher);
}

/* False without memory. */
static bool begin(struct trend_maker *maker)
{
    const struct trend_query *query = query_of(maker);
    maker->snapshot = flusher_closed(maker->server->options.flusher);
    double to = maker->snapshot ? maker->snapshot->timestamp : 0;
    maker->range =
        history_find(history_of(maker), to - query->seconds + STAMP_HALF, to, HISTORY_WINDOWS_MAX);
    maker->stamps = calloc(maker->range.count + 1, sizeof(double));
    maker->values = calloc(maker->range.count + 1, sizeof(double));
    maker->room = malloc(TREND_ROOM * sizeof(double));
    maker->candidates = calloc(query->limit + TREND_SPARE, sizeof(*maker->candidates));
    maker->step = FITTING;
    if (!maker->stamps || !maker->values || !maker->room || !maker->candidates) {
        return false;
    }
    history_stamps(history_of(maker), &maker->range, maker->stamps, NULL);
    return true;
}

static void judge(const struct trend_maker *maker, struct candidate *candidate)
{
    const struct config *config = maker->server->options.config;
    const struct identity *identity = candidate->identity;
    candidate->direction = trend_direction(&candidate->trend, query_of(maker)->share_min);
    candidate->assessment = TREND_STABLE;
    if (candidate->direction != TREND_STEADY) {
        struct class class = classify_name(config, identity_name(identity), identity->name_length);
        candidate->assessment = trend_assess(
            candidate->direction,
            classify_better(class, (enum statsd_type)identity->type, candidate->statistic));
    }
    candidate->gravity =
        trend_gravity(&candidate->trend, candidate->direction, candidate->assessment);
}

/* Keeps the gravest ones, sorted, as many as are to be looked at again. */
static void keep(struct trend_maker *maker, const struct candidate *candidate)
{
    size_t limit = query_of(maker)->limit + TREND_SPARE, at = maker->count;
    while (at > 0 && maker->candidates[at - 1].gravity < candidate->gravity) {
        at--;
    }
    if (at == limit) {
        return;
    }
    size_t moved = (maker->count < limit ? maker->count : limit - 1) - at;
    memmove(&maker->candidates[at + 1], &maker->candidates[at], moved * sizeof(*candidate));
    maker->candidates[at] = *candidate;
    maker->count += maker->count < limit;
}

static bool read_series(struct trend_maker *maker, struct candidate *candidate)
{
    return history_read(history_of(maker), &maker->range, candidate->identity, candidate->statistic,
                        maker->values) >= TREND_VALUES_MIN;
}

static void fit_row(struct trend_maker *maker)
{
    struct candidate candidate = {.identity = report_rows_identity(maker->snapshot, maker->next++)};
    const struct identity *identity = candidate.identity;
    const char *metric = query_of(maker)->metric;
    if (!glob_match(metric, identity_name(identity), identity->name_length)) {
        return;
    }
    maker->series++;
    for (unsigned slot = 0;
         history_statistic((enum metric_kind)identity->kind, slot, &candidate.statistic); slot++) {
        if (read_series(maker, &candidate) &&
            trend_fit(maker->stamps, maker->values, maker->range.count, &candidate.trend)) {
            judge(maker, &candidate);
            keep(maker, &candidate);
        }
    }
}

static void refine(struct trend_maker *maker)
{
    struct candidate *candidate = &maker->candidates[maker->next++];
    if (read_series(maker, candidate)) {
        trend_robust(maker->stamps, maker->values, maker->range.count, &candidate->trend,
                     maker->room);
        judge(maker, candidate);
    }
}

static int compare(const void *left, const void *right)
{
    double a = ((const struct candidate *)left)->gravity,
           b = ((const struct candidate *)right)->gravity;
    return (a < b) - (a > b);
}

static void write_candidate(struct json *json, const struct candidate *candidate)
{
    static const char *const types[STATSD_TYPES] = {"c", "g", "ms", "h", "d", "s"};
    const struct identity *identity = candidate->identity;
    const struct trend *trend = &candidate->trend;
    json_begin_object(json);
    json_put_key(json, "name");
    json_put_string_bytes(json, identity_name(identity), identity->name_length);
    json_put_key(json, "tags");
    tags_json_write(json, identity);
    json_member_string(json, "type", types[identity->type]);
    json_member_string(json, "statistic", statistic_name(candidate->statistic));
    json_member_integer(json, "count", trend->count);
    json_member_number(json, "mean", trend->mean);
    json_member_number(json, "slope_per_hour", 3600 * trend->slope);
    json_member_number(json, "robust_slope_per_hour", 3600 * trend->robust);
    json_member_number(json, "intercept", trend->intercept);
    json_member_number(json, "r_squared", trend->r_squared);
    json_member_number(json, "z", trend->z);
    json_member_number(json, "tau", trend->tau);
    json_member_number(json, "change", trend_change(trend));
    json_member_string(json, "direction", trend_direction_name(candidate->direction));
    json_member_string(json, "assessment", trend_assessment_name(candidate->assessment));
    json_end_object(json);
}

static void write(const struct trend_maker *maker, struct buffer *out)
{
    struct json json = json_writer(out);
    size_t windows = maker->range.count;
    json_begin_object(&json);
    json_member_number(&json, "from", windows ? maker->stamps[0] : (double)NAN);
    json_member_number(&json, "to", windows ? maker->stamps[windows - 1] : (double)NAN);
    json_member_integer(&json, "windows", windows);
    json_member_integer(&json, "series", maker->series);
    json_put_key(&json, "trends");
    json_begin_array(&json);
    for (size_t i = 0; i < maker->count; i++) {
        write_candidate(&json, &maker->candidates[i]);
    }
    json_end_array(&json);
    json_end_object(&json);
    buffer_append(out, "\n", 1);
}

static void finish(struct trend_maker *maker)
{
    struct asker *asker = maker->askers.first;
    struct buffer out = {0};
    qsort(maker->candidates, maker->count, sizeof(*maker->candidates), compare);
    if (maker->count > query_of(maker)->limit) {
        maker->count = query_of(maker)->limit;
    }
    write(maker, &out);
    maker->askers.first = asker->next;
    reply_buffer(asker->request, 200, REPLY_JSON, &out);
    free(asker);
    drop(maker);
}

/* One unit of work; false when the request in hand is answered. */
static bool work(struct trend_maker *maker)
{
    size_t rows = maker->snapshot ? report_rows_count(maker->snapshot) : 0;
    if (maker->step == FITTING && maker->next < rows) {
        fit_row(maker);
        return true;
    }
    if (maker->step == FITTING) {
        maker->step = REFINING;
        maker->next = 0;
    }
    if (maker->next < maker->count) {
        refine(maker);
        return true;
    }
    finish(maker);
    return false;
}

static void on_turn(int fd, short what, void *context)
{
    struct trend_maker *maker = context;
    const struct clock *clock = maker->server->options.clock;
    uint64_t until = clock_monotonic_ns(clock) + TURN_NS;
    (void)fd;
    (void)what;
    if (!maker->askers.first) {
        return;
    }
    if (maker->step == IDLE && !begin(maker)) {
        drop(maker);
        askers_refuse_first(&maker->askers, "no memory");
    }
    for (size_t i = 1; maker->step != IDLE && work(maker); i++) {
        bool look = maker->step == REFINING || i % LOOK_EVERY == 0;
        if (look && clock_monotonic_ns(clock) >= until) {
            break;
        }
    }
    if (maker->askers.first) {
        askers_go_on(&maker->askers);
    }
}

void trend_maker_ask(struct trend_maker *maker, struct evhttp_request *request,
                     const struct trend_query *query)
{
    struct trend_asker *asker = malloc(sizeof(*asker));
    if (asker) {
        *asker = (struct trend_asker){.query = *query};
    }
    askers_add(&maker->askers, request, (struct asker *)asker);
}

void trend_maker_forget(struct trend_maker *maker, const struct evhttp_request *request)
{
    if (askers_forget(&maker->askers, request)) {
        drop(maker);
    }
}

void trend_maker_refuse_all(struct trend_maker *maker, const char *reason)
{
    if (maker) {
        askers_refuse_all(&maker->askers, reason);
    }
}

void trend_maker_free(struct trend_maker *maker)
{
    if (!maker) {
        return;
    }
    drop(maker);
    askers_deinit(&maker->askers);
    free(maker);
}
