/* SPDX-License-Identifier: MIT
 *
 * The numbers of the fields of remote write 1.0 (Prometheus' prompb/remote.proto and types.proto,
 * https://prometheus.io/docs/specs/prw/remote_write_spec/).
 */
#ifndef SERVER_MODULES_REMOTE_WRITE_FIELDS_H
#define SERVER_MODULES_REMOTE_WRITE_FIELDS_H

enum write_request_field { REQUEST_SERIES = 1 };
enum time_series_field { SERIES_LABEL = 1, SERIES_SAMPLE = 2, SERIES_HISTOGRAM = 4 };
enum label_field { LABEL_NAME = 1, LABEL_VALUE };
enum sample_field { SAMPLE_VALUE = 1, SAMPLE_TIMESTAMP };
enum histogram_field {
    HISTOGRAM_COUNT = 1,
    HISTOGRAM_SUM = 3,
    HISTOGRAM_SCHEMA,
    HISTOGRAM_ZERO_THRESHOLD,
    HISTOGRAM_ZERO_COUNT,
    HISTOGRAM_NEGATIVE_SPAN = 8,
    HISTOGRAM_NEGATIVE_DELTA,
    HISTOGRAM_POSITIVE_SPAN = 11,
    HISTOGRAM_POSITIVE_DELTA,
    HISTOGRAM_TIMESTAMP = 15
};
enum bucket_span_field { SPAN_OFFSET = 1, SPAN_LENGTH };

#endif
