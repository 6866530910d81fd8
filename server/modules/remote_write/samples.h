/* SPDX-License-Identifier: MIT
 *
 * Samples and histograms of a TimeSeries as bytes. Appends to the caller's buffer. Pure.
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_SAMPLES_H
#define SERVER_MODULES_REMOTE_WRITE_SAMPLES_H

#include <stdint.h>

#include "server/core/buffer.h"
#include "server/metrics/native_histogram.h"

/* Stamps are Unix milliseconds. */
void samples_encode_value(struct buffer *out, double value, int64_t stamp_ms);
void samples_encode_histogram(struct buffer *out, const struct native_histogram *native,
                              int64_t stamp_ms);

/* The series has ended: the NaN that Prometheus takes for that, as a value or as the sum of an
 * empty histogram. */
void samples_encode_stale_value(struct buffer *out, int64_t stamp_ms);
void samples_encode_stale_histogram(struct buffer *out, int64_t stamp_ms);

#endif
