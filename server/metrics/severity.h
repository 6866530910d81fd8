/* SPDX-License-Identifier: MIT
 *
 * The words for how grave something is (enum anomaly_severity). Constant data.
 */
#ifndef SERVER_METRICS_SEVERITY_H
#define SERVER_METRICS_SEVERITY_H

#include "config/config.h"

const char *
anomaly_severity_name(enum anomaly_severity severity); /* "info", "warning", "critical" */

#endif
