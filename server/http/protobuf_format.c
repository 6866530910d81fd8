/* SPDX-License-Identifier: MIT */
#include "server/http/protobuf_format.h"

#include <math.h>
#include <string.h>

#include "proto/number.h"
#include "server/http/label_text.h"
#include "server/http/protobuf.h"

/* The fields of each message. */
enum metric_family { FAMILY_NAME = 1, FAMILY_HELP, FAMILY_TYPE, FAMILY_METRIC };
enum metric { METRIC_LABEL = 1, METRIC_GAUGE_VALUE, METRIC_COUNTER_VALUE, METRIC_SUMMARY };
enum { METRIC_HISTOGRAM_VALUE = 7 };
enum label_pair { LABEL_NAME = 1, LABEL_VALUE };
enum { SCALAR_VALUE = 1, COUNTER_CREATED = 3 }; /* of Counter and Gauge */
enum summary { SUMMARY_COUNT = 1, SUMMARY_SUM, SUMMARY_QUANTILE, SUMMARY_CREATED };
enum quantile { QUANTILE_QUANTILE = 1, QUANTILE_VALUE };
enum histogram {
    HISTOGRAM_COUNT = 1,
    HISTOGRAM_SUM,
    HISTOGRAM_BUCKET,
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD,
    HISTOGRAM_ZERO_COUNT,
    HISTOGRAM_NEGATIVE_SPAN = 9,
    HISTOGRAM_NEGATIVE_DELTA,
    HISTOGRAM_POSITIVE_SPAN = 12,
    HISTOGRAM_POSITIVE_DELTA,
    HISTOGRAM_CREATED = 15
};
enum bucket { BUCKET_COUNT = 1, BUCKET_BOUND };
enum bucket_span { SPAN_OFFSET = 1, SPAN_LENGTH };
enum { TIMESTAMP_SECONDS = 1 };

size_t protobuf_format_head(struct buffer *out, const char *name, size_t name_length,
                            const char *help, size_t help_length, enum protobuf_type type)
{
    size_t begun = protobuf_begin(out, 0);
    protobuf_bytes(out, FAMILY_NAME, name, name_length);
    protobuf_bytes(out, FAMILY_HELP, help, help_length);
    protobuf_unsigned(out, FAMILY_TYPE, type);
    return begun;
}

static void write_labels(struct buffer *out, const char *labels, size_t length,
                         struct buffer *scratch)
{
    struct label_text text = {labels, labels + length};
    const char *key;
    size_t key_length;
    while (label_text_next(&text, &key, &key_length, scratch)) {
        size_t begun = protobuf_begin(out, METRIC_LABEL);
        protobuf_bytes(out, LABEL_NAME, key, key_length);
        protobuf_bytes(out, LABEL_VALUE, scratch->bytes, scratch->length);
        protobuf_end(out, begun);
    }
    out->failed |= scratch->failed;
}

static void write_created(struct buffer *out, unsigned field, const struct sampler *sampler,
                          const struct series *series)
{
    if (sampler->created) {
        size_t begun = protobuf_begin(out, field);
        protobuf_unsigned(out, TIMESTAMP_SECONDS, (uint64_t)sampler_created(sampler, series));
        protobuf_end(out, begun);
    }
}

void protobuf_format_metric(struct buffer *out, const char *labels, size_t labels_length,
                            enum protobuf_type type, double value)
{
    size_t metric = protobuf_begin(out, FAMILY_METRIC);
    struct buffer scratch;
    buffer_init(&scratch);
    write_labels(out, labels, labels_length, &scratch);
    buffer_deinit(&scratch);
    size_t scalar =
        protobuf_begin(out, type == PROTOBUF_COUNTER ? METRIC_COUNTER_VALUE : METRIC_GAUGE_VALUE);
    protobuf_double(out, SCALAR_VALUE, value);
    protobuf_end(out, scalar);
    protobuf_end(out, metric);
}

static void write_counter(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    size_t begun = protobuf_begin(out, METRIC_COUNTER_VALUE);
    protobuf_double(out, SCALAR_VALUE, sampler_value(sampler, series));
    write_created(out, COUNTER_CREATED, sampler, series);
    protobuf_end(out, begun);
}

static void write_gauge(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    size_t begun = protobuf_begin(out, METRIC_GAUGE_VALUE);
    protobuf_double(out, SCALAR_VALUE, sampler_value(sampler, series));
    protobuf_end(out, begun);
}

static uint64_t whole(double count)
{
    return count < 0x1p63 ? (uint64_t)count : INT64_MAX;
}

/* As its label has it: 99.9 / 100 is a little more than 0.999. */
static double quantile_of(const struct sample_quantiles *listed, size_t i)
{
    static const char before[] = "quantile=\"";
    const struct sample_label *label = &listed->labels[i];
    double quantile = listed->percents[i] / 100;
    number_parse(listed->text.bytes + label->offset + strlen(before),
                 label->length - strlen(before) - 1, &quantile);
    return quantile;
}

static void write_summary(const struct sampler *sampler, const struct series *series,
                          const struct timer_view *view, struct buffer *out)
{
    size_t begun = protobuf_begin(out, METRIC_SUMMARY);
    protobuf_unsigned(out, SUMMARY_COUNT, whole(view->count));
    protobuf_double(out, SUMMARY_SUM, view->sum / view->unit);
    for (size_t i = 0; i < view->listed->count; i++) {
        if (view->listed->percents[i] < 0) {
            continue; /* the top of a window is no quantile */
        }
        size_t quantile = protobuf_begin(out, SUMMARY_QUANTILE);
        protobuf_double(out, QUANTILE_QUANTILE, quantile_of(view->listed, i));
        protobuf_double(out, QUANTILE_VALUE,
                        view->quantiles ? view->quantiles[i] / view->unit : (double)NAN);
        protobuf_end(out, quantile);
    }
    write_created(out, SUMMARY_CREATED, sampler, series);
    protobuf_end(out, begun);
}

static void write_buckets(const struct timer_view *view, struct buffer *out)
{
    protobuf_unsigned(out, HISTOGRAM_COUNT, whole(view->count));
    protobuf_double(out, HISTOGRAM_SUM, view->sum / view->unit);
    for (size_t i = 0; i < view->bounds->count; i++) {
        double below = view->buckets ? fmin(view->buckets[i], view->count) : 0;
        size_t bucket = protobuf_begin(out, HISTOGRAM_BUCKET);
        protobuf_unsigned(out, BUCKET_COUNT, whole(below));
        protobuf_double(out, BUCKET_BOUND, view->bounds->values[i]);
        protobuf_end(out, bucket);
    }
}

static void write_side(const struct native_side *side, unsigned span_field, unsigned delta_field,
                       struct buffer *out)
{
    for (size_t i = 0; i < side->span_count; i++) {
        size_t span = protobuf_begin(out, span_field);
        protobuf_signed(out, SPAN_OFFSET, side->spans[i].offset);
        protobuf_unsigned(out, SPAN_LENGTH, side->spans[i].length);
        protobuf_end(out, span);
    }
    /* Packed, which readers of an unpacked field take as well. */
    protobuf_signed_list(out, delta_field, side->deltas, side->delta_count);
}

static void write_native(const struct native_histogram *native, struct buffer *out)
{
    protobuf_unsigned(out, HISTOGRAM_COUNT, (uint64_t)native->count);
    protobuf_double(out, HISTOGRAM_SUM, native->sum);
    protobuf_signed(out, HISTOGRAM_SCHEMA, native->schema);
    protobuf_double(out, HISTOGRAM_ZERO_THRESHOLD, native->zero_threshold);
    protobuf_unsigned(out, HISTOGRAM_ZERO_COUNT, (uint64_t)native->zero_count);
    write_side(&native->negative, HISTOGRAM_NEGATIVE_SPAN, HISTOGRAM_NEGATIVE_DELTA, out);
    write_side(&native->positive, HISTOGRAM_POSITIVE_SPAN, HISTOGRAM_POSITIVE_DELTA, out);
}

static void write_timer(struct sampler *sampler, const struct series *series, struct buffer *out)
{
    struct timer_view view;
    sampler_view(sampler, series, &view);
    if (!view.histogram) {
        write_summary(sampler, series, &view, out);
        return;
    }
    size_t begun = protobuf_begin(out, METRIC_HISTOGRAM_VALUE);
    if (view.native) {
        write_native(view.native, out);
    } else {
        write_buckets(&view, out);
    }
    write_created(out, HISTOGRAM_CREATED, sampler, series);
    protobuf_end(out, begun);
}

static enum protobuf_type type_of(const struct sampler *sampler, const struct family *family)
{
    enum prom_kind kind = (enum prom_kind)family->kind;
    if (prom_kind_is_timer(kind)) {
        return sampler_is_histogram(sampler, family) ? PROTOBUF_HISTOGRAM : PROTOBUF_SUMMARY;
    }
    return kind == PROM_COUNTER ? PROTOBUF_COUNTER : PROTOBUF_GAUGE;
}

static size_t begin_family(struct sampler *sampler, const struct family *family, struct buffer *out)
{
    struct buffer *help = &sampler->scratch;
    help->length = 0;
    if (!family->own_help) {
        buffer_append_text(help, "StatsD ");
        buffer_append_text(help, prom_type_word((enum statsd_type)family->type));
        buffer_append_text(help, " ");
    }
    label_text_unescape(help, family->text + family->name_length, family->help_length);
    if (!family->own_help) {
        buffer_append_text(help, ".");
    }
    out->failed |= help->failed;
    return protobuf_format_head(out, family->text, family->name_length, help->bytes, help->length,
                                type_of(sampler, family));
}

size_t protobuf_format_family(struct sampler *sampler, struct family *family, struct buffer *out)
{
    size_t count = 0;
    if (!family->first) {
        return 0;
    }
    size_t begun = begin_family(sampler, family, out);
    for (const struct series *series = family->first; series; series = series->next, count++) {
        size_t metric = protobuf_begin(out, FAMILY_METRIC);
        write_labels(out, series->labels, series->labels_length, &sampler->scratch);
        if (prom_kind_is_timer((enum prom_kind)family->kind)) {
            write_timer(sampler, series, out);
        } else if (family->kind == PROM_COUNTER) {
            write_counter(sampler, series, out);
        } else {
            write_gauge(sampler, series, out);
        }
        protobuf_end(out, metric);
    }
    protobuf_end(out, begun);
    return count;
}
