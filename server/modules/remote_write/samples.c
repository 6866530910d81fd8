/* SPDX-License-Identifier: MIT */
#include "server/modules/remote_write/samples.h"

#include <string.h>

#include "server/http/protobuf.h"
#include "server/modules/remote_write/fields.h"

/* Prometheus' value.StaleNaN. */
static double stale_nan(void)
{
    const uint64_t bits = UINT64_C(0x7ff0000000000002);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

void samples_encode_value(struct buffer *out, double value, int64_t stamp_ms)
{
    size_t begun = protobuf_begin(out, SERIES_SAMPLE);
    protobuf_double(out, SAMPLE_VALUE, value);
    protobuf_unsigned(out, SAMPLE_TIMESTAMP, (uint64_t)stamp_ms);
    protobuf_end(out, begun);
}

void samples_encode_stale_value(struct buffer *out, int64_t stamp_ms)
{
    samples_encode_value(out, stale_nan(), stamp_ms);
}

static void encode_side(struct buffer *out, const struct native_side *side, unsigned span_field,
                        unsigned delta_field)
{
    for (size_t i = 0; i < side->span_count; i++) {
        size_t span = protobuf_begin(out, span_field);
        protobuf_signed(out, SPAN_OFFSET, side->spans[i].offset);
        protobuf_unsigned(out, SPAN_LENGTH, side->spans[i].length);
        protobuf_end(out, span);
    }
    protobuf_signed_list(out, delta_field, side->deltas, side->delta_count);
}

void samples_encode_histogram(struct buffer *out, const struct native_histogram *native,
                              int64_t stamp_ms)
{
    size_t begun = protobuf_begin(out, SERIES_HISTOGRAM);
    protobuf_unsigned(out, HISTOGRAM_COUNT, (uint64_t)native->count);
    protobuf_double(out, HISTOGRAM_SUM, native->sum);
    protobuf_signed(out, HISTOGRAM_SCHEMA, native->schema);
    protobuf_double(out, HISTOGRAM_ZERO_THRESHOLD, native->zero_threshold);
    protobuf_unsigned(out, HISTOGRAM_ZERO_COUNT, (uint64_t)native->zero_count);
    encode_side(out, &native->negative, HISTOGRAM_NEGATIVE_SPAN, HISTOGRAM_NEGATIVE_DELTA);
    encode_side(out, &native->positive, HISTOGRAM_POSITIVE_SPAN, HISTOGRAM_POSITIVE_DELTA);
    protobuf_unsigned(out, HISTOGRAM_TIMESTAMP, (uint64_t)stamp_ms);
    protobuf_end(out, begun);
}

void samples_encode_stale_histogram(struct buffer *out, int64_t stamp_ms)
{
    const struct native_histogram stale = {.sum = stale_nan()};
    samples_encode_histogram(out, &stale, stamp_ms);
}
