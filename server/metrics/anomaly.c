/* SPDX-License-Identifier: MIT
 *
 * The words for an anomaly's statistic, type and severity, as CSV, JSON and label values spell
 * them.
 */
#include "server/core/require.h"
#include "server/metrics/snapshot.h"

const char *statistic_name(enum statistic statistic)
{
    static const char *const names[STATISTICS] = {
        [STATISTIC_RATE] = "rate", [STATISTIC_VALUE] = "value",   [STATISTIC_MEAN] = "mean",
        [STATISTIC_P99] = "p99",   [STATISTIC_UNIQUE] = "unique",
    };
    REQUIRE(statistic < STATISTICS);
    return names[statistic];
}

const char *anomaly_type_name(enum anomaly_type type)
{
    static const char *const names[ANOMALY_TYPES] = {
        [ANOMALY_HIGH_LATENCY] = "high_latency",
        [ANOMALY_HIGH_RATE] = "high_rate",
        [ANOMALY_LOW_RATE] = "low_rate",
        [ANOMALY_HIGH_VALUE] = "high_value",
        [ANOMALY_LOW_VALUE] = "low_value",
        [ANOMALY_HIGH_ERROR_RATE] = "high_error_rate",
        [ANOMALY_HIGH_MEMORY] = "high_memory",
        [ANOMALY_HIGH_CPU] = "high_cpu",
        [ANOMALY_LOW_THROUGHPUT] = "low_throughput",
        [ANOMALY_FLATLINE] = "flatline",
    };
    REQUIRE(type < ANOMALY_TYPES);
    return names[type];
}

const char *anomaly_severity_name(enum anomaly_severity severity)
{
    static const char *const names[SEVERITIES] = {
        [SEVERITY_INFO] = "info",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
    };
    REQUIRE(severity < SEVERITIES);
    return names[severity];
}
