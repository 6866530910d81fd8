/* SPDX-License-Identifier: MIT
 *
 * How grave something is that an operator is told of. Constant data.
 */
#ifndef SERVER_METRICS_SEVERITY_H
#define SERVER_METRICS_SEVERITY_H

enum anomaly_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };
const char *
anomaly_severity_name(enum anomaly_severity severity); /* "info", "warning", "critical" */

#endif
