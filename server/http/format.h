/* SPDX-License-Identifier: MIT
 *
 * The formats of /metrics, and which of them a request is answered in. A function of its input.
 */
#ifndef SERVER_HTTP_FORMAT_H
#define SERVER_HTTP_FORMAT_H

#include <stddef.h>

enum format {
    FORMAT_TEXT,        /* Prometheus text 0.0.4 */
    FORMAT_OPENMETRICS, /* OpenMetrics text 1.0.0 */
    FORMAT_PROTOBUF,    /* io.prometheus.client.MetricFamily, each behind its length */
    FORMATS
};

/* The value of Content-Type. */
const char *format_content_type(enum format format);

/* By an Accept header (RFC 9110, 12.5.1; NULL: there is none): what has the largest weight, of
 * equals the first. Ranges such as with a star mean the Prometheus text, which is also the answer
 * to who takes none of the three. */
enum format format_negotiate(const char *accept);

/* The same of plain media types, without parameters: the place of the one that is preferred, the
 * first one where nothing says otherwise. */
size_t format_prefer(const char *accept, const char *const *types, size_t count);

#endif
