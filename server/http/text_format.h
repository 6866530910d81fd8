/* SPDX-License-Identifier: MIT
 *
 * Writes families in the two text formats: Prometheus text 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0.0
 * (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md), as the
 * sampler was told. No printf on the way.
 *
 * OpenMetrics allows less: counts of timers are whole, and what may not be negative there, sums and
 * quantiles, is left out where it is. A counter whose names another family has is `unknown` there.
 */
#ifndef SERVER_HTTP_TEXT_FORMAT_H
#define SERVER_HTTP_TEXT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/buffer.h"
#include "server/http/sample.h"

/* Appends a family with all its series. Returns how many these are. */
size_t text_format_family(struct sampler *sampler, struct family *family, struct buffer *out);

/* What stands behind all families. */
void text_format_end(enum format format, struct buffer *out);

#endif
