/* SPDX-License-Identifier: MIT */
#include "tools/sigmactl/explain_line.h"

#include <stdbool.h>
#include <string.h>

#include "server/core/clock.h"
#include "server/metrics/figures.h"
#include "tools/sigmactl/explain_outputs.h"
#include "tools/sigmactl/json_text.h"
#include "tools/sigmactl/pipeline.h"
#include "tools/sigmactl/reasons.h"

#define ITEMS_AT_ONCE 16
/* A window of a second: rates are then what was sent. */
#define START_NS UINT64_C(1000000000)
#define WINDOW_NS UINT64_C(1000000000)

static json_t *span_text(const char *line, struct span span)
{
    return json_text(line + span.offset, span.length);
}

static json_t *sample_object(const char *line, const struct statsd_item *item)
{
    enum statsd_type type = (enum statsd_type)item->type;
    json_t *value = type == STATSD_SET ? span_text(line, item->text) : json_real(item->value);
    json_t *object = json_pack("{s:s, s:s, s:o, s:f}", "kind", "sample", "type",
                               statsd_type_name(type), "value", value, "rate", item->rate);
    if (object && type == STATSD_GAUGE) {
        json_object_set_new(object, "delta", json_boolean(item->delta));
    }
    if (object && item->timestamp > 0) {
        json_object_set_new(object, "timestamp", json_integer(item->timestamp));
    }
    return object;
}

static json_t *item_object(const char *line, const struct statsd_item *item)
{
    switch ((enum statsd_kind)item->kind) {
    case STATSD_SAMPLE:
        return sample_object(line, item);
    case STATSD_EVENT:
        return json_pack("{s:s, s:o}", "kind", "event", "title", span_text(line, item->name));
    case STATSD_SERVICE_CHECK:
        return json_pack("{s:s, s:o, s:i}", "kind", "service_check", "name",
                         span_text(line, item->name), "status", (int)item->status);
    case STATSD_REFUSED:
        return json_pack("{s:s, s:s}", "kind", "refused", "reason",
                         statsd_reason_name((enum statsd_reason)item->reason));
    }
    return NULL;
}

/* All that the parser reads. */
static json_t *read_items(const struct config *config, const char *line, size_t length)
{
    struct statsd_parser parser;
    struct statsd_item items[ITEMS_AT_ONCE];
    json_t *list = json_array();
    statsd_parser_init(&parser, config->server.dialect);
    statsd_parser_feed(&parser, line, (uint32_t)length);
    size_t count;
    while (list && (count = statsd_parser_read(&parser, items, ITEMS_AT_ONCE)) > 0) {
        for (size_t i = 0; list && i < count; i++) {
            if (json_array_append_new(list, item_object(line, &items[i])) != 0) {
                json_decref(list);
                list = NULL;
            }
        }
    }
    return list;
}

/* A key that is there several times has a list. */
static bool add_tag(json_t *tags, const struct tag *tag)
{
    char key[UINT16_MAX + 1];
    memcpy(key, tag->key, tag->key_length);
    key[tag->key_length] = '\0';
    json_t *value = json_text(tag->value, tag->value_length);
    json_t *before = json_object_get(tags, key);
    if (json_is_array(before)) {
        return json_array_append_new(before, value) == 0;
    }
    return before ? json_object_set_new(tags, key, json_pack("[O, o]", before, value)) == 0
                  : json_object_set_new(tags, key, value) == 0;
}

static bool add_series(json_t *list, struct mapper *mapper, const struct identity *identity)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    json_t *object = json_pack("{s:o, s:s, s:{}}", "name",
                               json_text(identity_name(identity), identity->name_length), "type",
                               statsd_type_name((enum statsd_type)identity->type), "tags");
    bool added = object && json_array_append_new(list, object) == 0;
    if (added && mapper->mapping) {
        json_object_set_new(object, "mapping", explain_mapping(mapper, identity));
    }
    identity_tags(identity, tags);
    for (uint16_t i = 0; added && i < identity->tag_count; i++) {
        added = add_tag(json_object_get(object, "tags"), &tags[i]);
    }
    return added;
}

static json_t *list_series(struct mapper *mapper, const struct snapshot *snapshot)
{
    json_t *list = json_array();
    bool added = list != NULL;
    for (size_t i = 0; added && i < snapshot->counter_count; i++) {
        added = add_series(list, mapper, snapshot->counters[i].identity);
    }
    for (size_t i = 0; added && i < snapshot->gauge_count; i++) {
        added = add_series(list, mapper, snapshot->gauges[i].identity);
    }
    for (size_t i = 0; added && i < snapshot->timer_count; i++) {
        added = add_series(list, mapper, snapshot->timers[i].identity);
    }
    for (size_t i = 0; added && i < snapshot->set_count; i++) {
        added = add_series(list, mapper, snapshot->sets[i].identity);
    }
    if (!added) {
        json_decref(list);
    }
    return added ? list : NULL;
}

static bool add_refusal(json_t *list, const char *what, unsigned reason, uint64_t count)
{
    return count == 0 || json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "what", what,
                                                               "reason", loss_reason_name(reason),
                                                               "why", reason_sentence(reason),
                                                               "count", (json_int_t)count)) == 0;
}

/* The server's own count of what it lost, by reason. */
static json_t *list_refusals(const struct ingest_figures *figures)
{
    json_t *list = json_array();
    bool added = list != NULL;
    for (unsigned i = 0; added && i < STATSD_REASONS; i++) {
        added = add_refusal(list, "line", i, figures->lines_rejected[i]);
    }
    for (unsigned i = 0; added && i < LOSS_REASONS; i++) {
        added = add_refusal(list, "sample", i, figures->samples_rejected[i]);
    }
    if (!added) {
        json_decref(list);
    }
    return added ? list : NULL;
}

/* Every key gets its value or, without memory, nothing does. */
static json_t *describe(const struct pipeline *pipeline, struct mapper *mapper,
                        const struct snapshot *snapshot, const char *line, size_t length)
{
    const struct config *config = pipeline->config;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "line", json_text(line, length),
                     "items", read_items(config, line, length), "refused",
                     list_refusals(&pipeline->intake->figures), "series",
                     list_series(mapper, snapshot), "csv", explain_csv(config, snapshot),
                     "prometheus", explain_prometheus(config, snapshot, pipeline->total_sketches),
                     "graphite", explain_graphite(config, snapshot));
}

json_t *explain_line(const struct config *config, struct mapper *mapper, const char *line,
                     size_t length)
{
    struct pipeline pipeline;
    json_t *object = NULL;
    int64_t wall_ns = clock_wall_ns(&clock_system);
    if (pipeline_init(&pipeline, config, START_NS, wall_ns)) {
        pipeline.total_sketches = config->prometheus.timer_type == TIMER_TYPE_NATIVE ||
                                  (mapper->mapping && mapping_has_histograms(mapper->mapping));
        pipeline_take(&pipeline, line, (uint32_t)length, START_NS);
        struct snapshot *snapshot =
            pipeline_close(&pipeline, START_NS + WINDOW_NS, wall_ns + (int64_t)WINDOW_NS, true);
        if (snapshot) {
            object = describe(&pipeline, mapper, snapshot, line, length);
            pipeline_release(&pipeline, snapshot);
        }
    }
    pipeline_deinit(&pipeline);
    return object;
}
