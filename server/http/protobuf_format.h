/* SPDX-License-Identifier: MIT
 *
 * Writes families as messages io.prometheus.client.MetricFamily, each behind its length. Messages
 * and the numbers of their fields are those of client_model,
 * https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto.
 *
 * The only format with native histograms. Counts of timers are whole here.
 */
#ifndef SERVER_HTTP_PROTOBUF_FORMAT_H
#define SERVER_HTTP_PROTOBUF_FORMAT_H

#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/sample.h"

enum protobuf_type {
    PROTOBUF_COUNTER = 0,
    PROTOBUF_GAUGE = 1,
    PROTOBUF_SUMMARY = 2,
    PROTOBUF_HISTOGRAM = 4
};

/* Appends a family with all its series. Returns how many these are. */
size_t protobuf_format_family(struct sampler *sampler, struct family *family, struct buffer *out);

/* The same by hand, for what is no series of a catalogue: head, metrics, then protobuf_end() with
 * what the head has returned. `labels` are as prom_append_labels() has them. */
size_t protobuf_format_head(struct buffer *out, const char *name, size_t name_length,
                            const char *help, size_t help_length, enum protobuf_type type);
void protobuf_format_metric(struct buffer *out, const char *labels, size_t labels_length,
                            enum protobuf_type type, double value);

#endif
