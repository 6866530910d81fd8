/* SPDX-License-Identifier: MIT */
#include "server/sink/graphite_lines.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/buffer.h"
#include "server/sink/graphite_ages.h"
#include "server/sink/graphite_path.h"
#include "server/sink/graphite_put.h"
#include "server/sink/graphite_statistics.h"

/* Identities lie anywhere in memory: they are fetched so many rows ahead. */
#define ROWS_AHEAD 12
#define CACHE_LINE 64

#define OWN_PREFIX "statsd"

/* In front of the name, and behind it. */
struct frame {
    struct buffer head, tail;
};

struct graphite_lines {
    struct frame rate, count, timer, gauge, set, own;
    bool pickle, counts, etsy_tags;
    bool idle_counters, idle_timers, idle_gauges, idle_sets; /* shown */
    struct graphite_statistics statistics;
    unsigned gauge_windows;
    struct graphite_ages ages;
    /* Of the window that is being rendered. */
    struct graphite_path path;
    struct graphite_put put;
    uint64_t series;
};

static struct graphite_text text_of(const struct buffer *buffer)
{
    return (struct graphite_text){buffer->length > 0 ? buffer->bytes : "", buffer->length};
}

static void put_value(struct graphite_lines *lines, const struct frame *frame,
                      struct graphite_text tail, double value)
{
    struct graphite_full_path path = {
        {text_of(&frame->head), text_of(&lines->path.name), tail, text_of(&lines->path.tags)}};
    graphite_put(&lines->put, &path, value);
}

/* False without memory, which is then seen in the output too. */
static bool begin_series(struct graphite_lines *lines, const struct identity *identity)
{
    lines->series++;
    if (graphite_path_make(&lines->path, identity, lines->etsy_tags)) {
        return true;
    }
    lines->put.out->failed = true;
    return false;
}

static void put_counter(struct graphite_lines *lines, const struct counter_row *row)
{
    if (!(row->updated || lines->idle_counters) || !begin_series(lines, row->identity)) {
        return;
    }
    put_value(lines, &lines->rate, text_of(&lines->rate.tail), row->updated ? row->rate : 0);
    if (lines->counts) {
        put_value(lines, &lines->count, text_of(&lines->count.tail), row->updated ? row->count : 0);
    }
}

/* `.histogram.bin_` and the bound, then the suffix. */
static void put_bins(struct graphite_lines *lines, const struct timer_details *details)
{
    for (size_t i = 0; i < details->bin_count; i++) {
        put_value(lines, &lines->timer,
                  graphite_statistics_bin(&lines->statistics, details->bins[i].bound),
                  details->bins[i].count);
    }
}

static void put_timer(struct graphite_lines *lines, const struct timer_row *row)
{
    if (!(row->updated || lines->idle_timers) || !begin_series(lines, row->identity)) {
        return;
    }
    for (size_t i = 0; i < lines->statistics.count; i++) {
        const struct graphite_statistic *statistic = &lines->statistics.items[i];
        double value;
        if (graphite_statistics_value(statistic, row, &value)) {
            put_value(lines, &lines->timer,
                      (struct graphite_text){statistic->tail, statistic->tail_length}, value);
        }
    }
    if (row->updated && row->details && lines->statistics.bins) {
        put_bins(lines, row->details);
    }
}

static void put_gauge(struct graphite_lines *lines, const struct gauge_row *row)
{
    bool shown = lines->idle_gauges || graphite_ages_count(&lines->ages, row->identity,
                                                           row->updated) < lines->gauge_windows;
    if (shown && begin_series(lines, row->identity)) {
        put_value(lines, &lines->gauge, text_of(&lines->gauge.tail), row->value);
    }
}

static void put_set(struct graphite_lines *lines, const struct set_row *row)
{
    if ((row->updated || lines->idle_sets) && begin_series(lines, row->identity)) {
        put_value(lines, &lines->set, text_of(&lines->set.tail), row->updated ? row->unique : 0);
    }
}

static void fetch(const struct identity *identity)
{
    __builtin_prefetch(identity);
    __builtin_prefetch((const char *)identity + CACHE_LINE);
}

/* Renders all rows of a kind. */
#define PUT_ROWS(rows, row_count, put_row)                                \
    for (size_t i = 0; i < (row_count) && !lines->put.out->failed; i++) { \
        if (i + ROWS_AHEAD < (row_count)) {                               \
            fetch((rows)[i + ROWS_AHEAD].identity);                       \
        }                                                                 \
        put_row(lines, &(rows)[i]);                                       \
    }

void graphite_lines_render(struct graphite_lines *lines, const struct snapshot *snapshot,
                           struct blocks *out)
{
    if (!graphite_statistics_make(&lines->statistics, snapshot)) {
        out->failed = true;
        return;
    }
    graphite_put_begin(&lines->put, out, llround(snapshot->timestamp), lines->pickle);
    lines->series = 0;
    PUT_ROWS(snapshot->counters, snapshot->counter_count, put_counter)
    PUT_ROWS(snapshot->timers, snapshot->timer_count, put_timer)
    PUT_ROWS(snapshot->gauges, snapshot->gauge_count, put_gauge)
    PUT_ROWS(snapshot->sets, snapshot->set_count, put_set)
    lines->path.name.length = 0;
    lines->path.tags.length = 0;
    put_value(lines, &lines->own, text_of(&lines->own.tail), (double)lines->series);
    graphite_put_end(&lines->put);
}

/* Parts that are not empty, each with its dot behind it. */
static void make_head(struct frame *frame, const char *first, const char *second)
{
    const char *parts[] = {first, second};
    for (size_t i = 0; i < 2; i++) {
        if (*parts[i]) {
            buffer_append_text(&frame->head, parts[i]);
            buffer_append(&frame->head, ".", 1);
        }
    }
}

static void make_tail(struct frame *frame, const char *statistic, const char *suffix)
{
    buffer_append_text(&frame->tail, statistic);
    buffer_append_text(&frame->tail, *suffix ? "." : "");
    buffer_append_text(&frame->tail, suffix);
}

static void make_frames(struct graphite_lines *lines, const struct config *config)
{
    bool legacy = config->graphite.legacy_namespace;
    const char *prefix = legacy ? "stats" : config->graphite.global_prefix;
    const char *suffix = config->graphite.global_suffix;
    const char *counter = legacy ? "" : config->graphite.prefix_counter;
    make_head(&lines->rate, prefix, counter);
    make_head(&lines->count, legacy ? "stats_counts" : prefix, counter);
    make_head(&lines->timer, prefix, legacy ? "timers" : config->graphite.prefix_timer);
    make_head(&lines->gauge, prefix, legacy ? "gauges" : config->graphite.prefix_gauge);
    make_head(&lines->set, prefix, legacy ? "sets" : config->graphite.prefix_set);
    make_head(&lines->own, legacy ? "" : prefix, OWN_PREFIX);
    make_tail(&lines->rate, legacy ? "" : ".rate", suffix);
    make_tail(&lines->count, legacy ? "" : ".count", suffix);
    make_tail(&lines->timer, "", suffix);
    make_tail(&lines->gauge, "", suffix);
    make_tail(&lines->set, ".count", suffix);
    make_tail(&lines->own, "numStats", suffix);
}

static bool frames_failed(const struct graphite_lines *lines)
{
    const struct frame *frames[] = {&lines->rate,  &lines->count, &lines->timer,
                                    &lines->gauge, &lines->set,   &lines->own};
    bool failed = false;
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        failed = failed || frames[i]->head.failed || frames[i]->tail.failed;
    }
    return failed;
}

struct graphite_lines *graphite_lines_new(const struct config *config)
{
    struct graphite_lines *lines = calloc(1, sizeof(*lines));
    if (!lines) {
        return NULL;
    }
    lines->pickle = config->graphite.protocol == GRAPHITE_PICKLE;
    lines->counts = config->graphite.flush_counts;
    lines->etsy_tags = config->server.profile == PROFILE_ETSY;
    lines->idle_counters = config->graphite.delete_counters != SWITCH_ON;
    lines->idle_timers = config->graphite.delete_timers != SWITCH_ON;
    lines->idle_gauges = config->graphite.delete_gauges != SWITCH_ON;
    lines->idle_sets = config->graphite.delete_sets != SWITCH_ON;
    lines->gauge_windows = config->graphite.gauges_max_ttl;
    make_frames(lines, config);
    buffer_append(&lines->timer.tail, "", 1);
    const char *suffix_text = lines->timer.tail.bytes;
    if (frames_failed(lines) ||
        !graphite_statistics_init(&lines->statistics, &config->graphite.statistics, suffix_text)) {
        graphite_lines_free(lines);
        return NULL;
    }
    return lines;
}

static void free_frame(struct frame *frame)
{
    buffer_deinit(&frame->head);
    buffer_deinit(&frame->tail);
}

void graphite_lines_free(struct graphite_lines *lines)
{
    free_frame(&lines->rate);
    free_frame(&lines->count);
    free_frame(&lines->timer);
    free_frame(&lines->gauge);
    free_frame(&lines->set);
    free_frame(&lines->own);
    graphite_statistics_deinit(&lines->statistics);
    graphite_ages_deinit(&lines->ages);
    graphite_path_deinit(&lines->path);
    free(lines);
}
