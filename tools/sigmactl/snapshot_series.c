/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/snapshot_series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/glob.h"
#include "proto/tags.h"
#include "server/core/buffer.h"
#include "server/core/clock.h"
#include "server/metrics/identity.h"
#include "tools/sigmactl/http_client.h"
#include "tools/sigmactl/progress.h"

#define SNAPSHOT_PATH "/api/v1/snapshot"
#define TIMEOUT_S 10
/* A server that closes no window so long after one was due has stopped. While none was closed yet,
 * their length is not known. */
#define PATIENCE_S 10.0
#define FIRST_PATIENCE_S 300.0
#define ASKS_A_WINDOW 10
#define ASK_LEAST_S 0.02
#define ASK_MOST_S 1.0
#define NANO 1e9

/* One kind: the snapshot's array and the members that are figures. */
static const struct {
    enum csv_kind kind;
    const char *member;
    const char *figures[8];
} kinds[] = {
    {CSV_COUNTERS, "counters", {"count", "rate"}},
    {CSV_GAUGES, "gauges", {"value"}},
    {CSV_TIMERS, "timers", {"count", "rate", "sum", "mean", "min", "max", "stddev"}},
    {CSV_SETS, "sets", {"unique"}},
};

static size_t add_tag(struct tag *tags, size_t count, const char *key, const json_t *value)
{
    size_t key_length = strlen(key), length = json_string_length(value);
    if (count == IDENTITY_TAGS_MAX || !json_is_string(value) || key_length > UINT16_MAX ||
        length > UINT16_MAX) {
        return count;
    }
    tags[count] =
        (struct tag){key, json_string_value(value), (uint16_t)key_length, (uint16_t)length};
    return count + 1;
}

/* Appends the canonical text of the tags with a NUL. */
static void append_tags(struct buffer *out, json_t *object)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    const char *key;
    json_t *value, *member;
    size_t count = 0, bytes = 1, index;
    json_object_foreach(object, key, value)
    {
        if (!json_is_array(value)) {
            count = add_tag(tags, count, key, value);
        }
        json_array_foreach(value, index, member)
        {
            count = add_tag(tags, count, key, member);
        }
    }
    count = tags_sort(tags, count);
    for (size_t i = 0; i < count; i++) {
        bytes += 2 * ((size_t)tags[i].key_length + tags[i].value_length) + 2;
    }
    char *room = buffer_room(out, bytes);
    if (room) {
        size_t length = tags_format_csv(room, tags, count);
        room[length] = '\0';
        out->length += length + 1;
    }
}

struct figures {
    const char *names[CSV_LINE_FIELDS_MAX];
    double values[CSV_LINE_FIELDS_MAX];
    size_t count;
};

static void add_figure(struct figures *figures, const char *name, const json_t *value)
{
    if (figures->count < CSV_LINE_FIELDS_MAX) {
        figures->names[figures->count] = name;
        figures->values[figures->count++] =
            json_is_number(value) ? json_number_value(value) : (double)NAN;
    }
}

/* Percentile columns are called by their percents behind a p; `names` holds these texts. */
static void add_percentiles(struct figures *figures, json_t *row, struct buffer *names)
{
    size_t starts[CSV_LINE_FIELDS_MAX];
    size_t first = figures->count;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(row, "percentiles"), key, value)
    {
        if (figures->count < CSV_LINE_FIELDS_MAX) {
            starts[figures->count] = names->length;
            buffer_append_text(names, "p");
            buffer_append(names, key, strlen(key) + 1);
            add_figure(figures, "", value);
        }
    }
    for (size_t i = first; i < figures->count && !names->failed; i++) {
        figures->names[i] = names->bytes + starts[i];
    }
}

/* False without memory. */
static bool add_row(struct csv_series_list *list, size_t kind, double stamp, json_t *row)
{
    struct buffer tags = {0}, names = {0};
    struct figures figures = {.count = 0};
    const char *type = json_string_value(json_object_get(row, "type"));
    for (size_t i = 0; i < 8 && kinds[kind].figures[i]; i++) {
        add_figure(&figures, kinds[kind].figures[i], json_object_get(row, kinds[kind].figures[i]));
    }
    add_percentiles(&figures, row, &names);
    append_tags(&tags, json_object_get(row, "tags"));
    bool added = !tags.failed && !names.failed;
    if (added) {
        const struct csv_series_name name = {kinds[kind].kind,
                                             json_string_value(json_object_get(row, "name")),
                                             tags.bytes, type ? type : ""};
        added = csv_series_add(list, &name, stamp, figures.names, figures.values, figures.count);
    }
    buffer_deinit(&tags);
    buffer_deinit(&names);
    return added;
}

bool snapshot_series_add(struct csv_series_list *list, json_t *snapshot, const char *metric,
                         char reason[CSV_READER_REASON_MAX])
{
    json_t *stamp = json_object_get(snapshot, "timestamp");
    json_t *row;
    size_t index;
    if (!json_is_number(stamp)) {
        snprintf(reason, CSV_READER_REASON_MAX, "the answer is no snapshot: it has no timestamp");
        return false;
    }
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        json_array_foreach(json_object_get(snapshot, kinds[kind].member), index, row)
        {
            const char *name = json_string_value(json_object_get(row, "name"));
            bool wanted = name && (!metric || glob_match(metric, name, strlen(name)));
            if (wanted && !add_row(list, kind, json_number_value(stamp), row)) {
                snprintf(reason, CSV_READER_REASON_MAX, "out of memory");
                return false;
            }
        }
    }
    if (list->values > CSV_SERIES_VALUES_MAX) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s", CSV_SERIES_TOO_MANY);
        return false;
    }
    return true;
}

/* NULL with the reason. */
static json_t *fetch(const struct endpoint *server, char reason[CSV_READER_REASON_MAX])
{
    struct http_reply reply;
    char why[HTTP_CLIENT_REASON_MAX];
    json_error_t error;
    if (!http_client_request(server, HTTP_CLIENT_GET, SNAPSHOT_PATH, TIMEOUT_S, &reply, why)) {
        snprintf(reason, CSV_READER_REASON_MAX, "cannot reach the server at %s port %s: %.200s",
                 server->host, server->port, why);
        return NULL;
    }
    json_t *snapshot = NULL;
    if (reply.status != 200) {
        snprintf(reason, CSV_READER_REASON_MAX, "%s port %s answered %d", server->host,
                 server->port, reply.status);
    } else {
        snapshot = json_loadb(reply.body, reply.length, JSON_ALLOW_NUL, &error);
        if (!json_is_object(snapshot)) {
            snprintf(reason, CSV_READER_REASON_MAX, "the answer is no snapshot");
            json_decref(snapshot);
            snapshot = NULL;
        }
    }
    http_reply_deinit(&reply);
    return snapshot;
}

static double now_s(void)
{
    return (double)clock_monotonic_ns(&clock_system) / NANO;
}

static void wait_s(double seconds)
{
    struct timespec rest = {(time_t)seconds, (long)(fmod(seconds, 1) * NANO)};
    nanosleep(&rest, NULL);
}

/* What is known of the windows while they are waited for. */
struct watch {
    double stamp;    /* of the latest snapshot seen; NaN before the first */
    double window_s; /* its length */
    double since_s;  /* when it was first seen */
    uint64_t taken;
};

/* Looks at a snapshot: one that is new is taken, but for the first, which closed before. */
static bool look_at(struct watch *watch, struct csv_series_list *list, json_t *snapshot,
                    const char *metric, char reason[CSV_READER_REASON_MAX])
{
    double stamp = json_number_value(json_object_get(snapshot, "timestamp"));
    bool first = isnan(watch->stamp);
    if (stamp == watch->stamp) {
        return true;
    }
    watch->stamp = stamp;
    watch->window_s = json_number_value(json_object_get(snapshot, "window_seconds"));
    watch->since_s = now_s();
    watch->taken += !first;
    return first || snapshot_series_add(list, snapshot, metric, reason);
}

static bool is_overdue(const struct watch *watch, char reason[CSV_READER_REASON_MAX])
{
    double patience_s = watch->window_s > 0 ? watch->window_s + PATIENCE_S : FIRST_PATIENCE_S;
    bool overdue = now_s() - watch->since_s > patience_s;
    if (overdue) {
        snprintf(reason, CSV_READER_REASON_MAX, "the server closed no window for %.0f s",
                 patience_s);
    }
    return overdue;
}

bool snapshot_series_collect(struct csv_series_list *list, const struct endpoint *server,
                             uint64_t windows, const char *metric,
                             char reason[CSV_READER_REASON_MAX])
{
    struct progress progress;
    struct watch watch = {.stamp = (double)NAN, .since_s = now_s()};
    bool sound = csv_series_init(list);
    if (!sound) {
        snprintf(reason, CSV_READER_REASON_MAX, "out of memory");
    }
    progress_start(&progress);
    while (sound && watch.taken < windows) {
        json_t *snapshot = fetch(server, reason);
        sound = snapshot && look_at(&watch, list, snapshot, metric, reason) &&
                !is_overdue(&watch, reason);
        json_decref(snapshot);
        if (progress_is_due(&progress, clock_monotonic_ns(&clock_system))) {
            progress_show("%" PRIu64 " of %" PRIu64 " windows", watch.taken, windows);
        }
        if (sound && watch.taken < windows) {
            wait_s(fmin(fmax(watch.window_s / ASKS_A_WINDOW, ASK_LEAST_S), ASK_MOST_S));
        }
    }
    progress_stop(&progress);
    return sound;
}
