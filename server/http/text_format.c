/* SPDX-License-Identifier: MIT */
#include "server/http/text_format.h"

#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "server/http/family.h"

#define TOTAL "_total"

/* One family that is being written. */
struct writing {
    struct sampler *sampler;
    const struct family *family;
    struct buffer *out;
    size_t name_length; /* of the name in HELP and TYPE */
    bool openmetrics;
    bool counter; /* in the sense of the format */
};

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* OpenMetrics escapes quotes here too. At most twice `length` bytes. */
static char *put_help(char *at, bool openmetrics, const char *help, size_t length)
{
    if (!openmetrics || !memchr(help, '"', length)) {
        return put(at, help, length);
    }
    for (size_t i = 0; i < length; i++) {
        if (help[i] == '"') {
            *at++ = '\\';
        }
        *at++ = help[i];
    }
    return at;
}

static const char *type_word(const struct writing *writing)
{
    if (prom_kind_is_timer((enum prom_kind)writing->family->kind)) {
        return sampler_is_histogram(writing->sampler, writing->family) ? "histogram" : "summary";
    }
    if (writing->family->kind == PROM_COUNTER) {
        return writing->counter ? "counter" : "unknown";
    }
    return "gauge";
}

/* # UNIT took_seconds seconds */
static void write_unit(const struct writing *writing)
{
    const struct family *family = writing->family;
    const char *unit = naming_unit(&writing->sampler->catalogue->naming, family->rule);
    if (writing->openmetrics && *unit) {
        buffer_append_text(writing->out, "# UNIT ");
        buffer_append(writing->out, family->text, writing->name_length);
        buffer_append_text(writing->out, " ");
        buffer_append_text(writing->out, unit);
        buffer_append_text(writing->out, "\n");
    }
}

/* # HELP api_hits_total StatsD counter api.hits.
 * # TYPE api_hits_total counter */
static void write_head(const struct writing *writing)
{
    static const char help[] = "# HELP ";
    static const char statsd[] = " StatsD ";
    static const char type[] = "\n# TYPE ";
    const struct family *family = writing->family;
    const char *name = family->text;
    const char *sent = prom_type_word((enum statsd_type)family->type);
    const char *word = type_word(writing);
    const char *metric = name + family->name_length;
    size_t sent_length = strlen(sent);
    size_t word_length = strlen(word);
    struct buffer *out = writing->out;
    /* Twice the metric: it may have to be escaped. */
    char *room =
        buffer_room(out, sizeof(help) + sizeof(statsd) + sizeof(type) + 2 * family->name_length +
                             2 * (size_t)family->help_length + sent_length + word_length);
    if (!room) {
        return;
    }
    char *at = put(room, help, strlen(help));
    at = put(at, name, writing->name_length);
    if (family->own_help) {
        *at++ = ' ';
    } else {
        at = put(at, statsd, strlen(statsd));
        at = put(at, sent, sent_length);
        *at++ = ' ';
    }
    at = put_help(at, writing->openmetrics, metric, family->help_length);
    if (!family->own_help) {
        *at++ = '.';
    }
    at = put(at, type, strlen(type));
    at = put(at, name, writing->name_length);
    *at++ = ' ';
    at = put(at, word, word_length);
    *at++ = '\n';
    out->length += (size_t)(at - room);
    write_unit(writing);
}

/* name suffix{labels,extra} value, of the first `name_length` bytes of the name */
static void write_line_of(struct buffer *out, const struct series *series, size_t name_length,
                          const char *suffix, const char *extra, size_t extra_length, double value)
{
    const struct family *family = series->family;
    size_t suffix_length = strlen(suffix);
    char *room = buffer_room(out, name_length + suffix_length + series->labels_length +
                                      extra_length + NUMBER_TEXT_MAX + 5);
    if (!room) {
        return;
    }
    char *at = put(room, family->text, name_length);
    at = put(at, suffix, suffix_length);
    if (series->labels_length + extra_length > 0) {
        *at++ = '{';
        at = put(at, series->labels, series->labels_length);
        if (series->labels_length > 0 && extra_length > 0) {
            *at++ = ',';
        }
        at = put(at, extra, extra_length);
        *at++ = '}';
    }
    *at++ = ' ';
    at += number_format(at, value);
    *at++ = '\n';
    out->length += (size_t)(at - room);
}

static void write_line(struct buffer *out, const struct series *series, const char *suffix,
                       const char *extra, size_t extra_length, double value)
{
    write_line_of(out, series, series->family->name_length, suffix, extra, extra_length, value);
}

static void write_id(struct buffer *out, const char *label, const char *id, size_t length)
{
    if (length > 0) {
        buffer_append_text(out, label);
        buffer_append(out, id, length);
        buffer_append_text(out, "\"");
    }
}

/* Behind the line that was just written: # {trace_id="4bf9",span_id="00f0"} 0.32 1520879607.789 */
static void write_exemplar(struct buffer *out, const struct shown_exemplar *shown)
{
    const struct exemplar *exemplar = shown->exemplar;
    if (out->failed || out->length == 0) {
        return;
    }
    out->length--;
    buffer_append_text(out, " # {");
    write_id(out, "trace_id=\"", exemplar->ids, exemplar->trace_length);
    write_id(out, exemplar->trace_length > 0 ? ",span_id=\"" : "span_id=\"",
             exemplar->ids + exemplar->trace_length, exemplar->span_length);
    buffer_append_text(out, "} ");
    buffer_append_number(out, shown->value);
    buffer_append_text(out, " ");
    buffer_append_number(out, shown->timestamp);
    buffer_append_text(out, "\n");
}

static void write_created(const struct writing *writing, const struct series *series)
{
    if (writing->openmetrics && writing->sampler->created) {
        write_line_of(writing->out, series, writing->name_length, "_created", "", 0,
                      sampler_created(writing->sampler, series));
    }
}

static void write_quantiles(const struct writing *writing, const struct series *series,
                            const struct timer_view *view)
{
    for (size_t i = 0; i < view->listed->count; i++) {
        const struct sample_label *label = &view->listed->labels[i];
        if (view->listed->percents[i] < 0) {
            continue; /* the top of a window is no quantile */
        }
        double value = view->quantiles ? view->quantiles[i] / view->unit : (double)NAN;
        if (!writing->openmetrics || !(value < 0)) {
            write_line(writing->out, series, "", view->listed->text.bytes + label->offset,
                       label->length, value);
        }
    }
}

static double count_of(const struct writing *writing, double count)
{
    return writing->openmetrics ? floor(count) : count;
}

/* Sums of fractions may differ in the last bit, and a bucket may never exceed the next. */
static void write_buckets(const struct writing *writing, const struct series *series,
                          const struct timer_view *view)
{
    const struct sample_bounds *bounds = view->bounds;
    struct shown_exemplar shown;
    bool pending = writing->openmetrics && sampler_exemplar(writing->sampler, series, &shown);
    for (size_t i = 0; i <= bounds->count; i++) {
        const struct sample_label *label = &bounds->labels[i];
        double below = view->count;
        if (i < bounds->count) {
            below = view->buckets ? fmin(view->buckets[i], view->count) : 0;
        }
        write_line(writing->out, series, "_bucket", bounds->text.bytes + label->offset,
                   label->length, count_of(writing, below));
        if (pending && (i == bounds->count || shown.value <= bounds->values[i])) {
            write_exemplar(writing->out, &shown);
            pending = false;
        }
    }
}

static void write_timer(const struct writing *writing, const struct series *series)
{
    struct timer_view view;
    sampler_view(writing->sampler, series, &view);
    bool histogram = view.histogram;
    if (histogram) {
        write_buckets(writing, series, &view);
    } else {
        write_quantiles(writing, series, &view);
    }
    /* In OpenMetrics a histogram has sum and count or neither, and no sum beside negative bounds.
     */
    bool negative =
        view.sum < 0 || (histogram && view.bounds->count > 0 && view.bounds->values[0] < 0);
    bool sum = !writing->openmetrics || !negative;
    if (sum) {
        write_line(writing->out, series, "_sum", "", 0, view.sum / view.unit);
    }
    if (sum || !histogram) {
        write_line(writing->out, series, "_count", "", 0, count_of(writing, view.count));
    }
    write_created(writing, series);
}

size_t text_format_family(struct sampler *sampler, struct family *family, struct buffer *out)
{
    bool openmetrics = sampler->format == FORMAT_OPENMETRICS;
    struct writing writing = {.sampler = sampler,
                              .family = family,
                              .out = out,
                              .name_length = family->name_length,
                              .openmetrics = openmetrics,
                              .counter = true};
    size_t count = 0;
    if (openmetrics && family->kind == PROM_COUNTER) {
        writing.counter = family_is_openmetrics_counter(sampler->catalogue, family);
        writing.name_length -= writing.counter ? strlen(TOTAL) : 0;
    }
    if (family->first) {
        write_head(&writing);
    }
    for (const struct series *series = family->first; series; series = series->next, count++) {
        if (prom_kind_is_timer((enum prom_kind)family->kind)) {
            write_timer(&writing, series);
            continue;
        }
        write_line(out, series, "", "", 0, sampler_value(sampler, series));
        if (family->kind == PROM_COUNTER && writing.counter) {
            struct shown_exemplar shown;
            if (openmetrics && sampler_exemplar(sampler, series, &shown)) {
                write_exemplar(out, &shown);
            }
            write_created(&writing, series);
        }
    }
    return count;
}

void text_format_end(enum format format, struct buffer *out)
{
    if (format == FORMAT_OPENMETRICS) {
        buffer_append_text(out, "# EOF\n");
    }
}
