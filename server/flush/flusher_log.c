/* SPDX-License-Identifier: MIT
 *
 * What of a closed window the log tells: anomalies and alerts that begin or end, a few lines of
 * each and a count of the rest.
 */
#include "server/core/log.h"
#include "server/flush/flusher_private.h"

#define LINES_MAX 10

static void log_anomalies(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->anomaly_count && i < LINES_MAX; i++) {
        const struct anomaly_row *row = &snapshot->anomalies[i];
        const struct identity *identity = row->identity;
        log_line(row->severity == SEVERITY_CRITICAL ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
                 row->end ? "anomaly ended" : "anomaly", "metric",
                 log_text("%.*s", (int)identity->name_length, identity_name(identity)), "statistic",
                 statistic_name(row->statistic), "type", anomaly_type_name(row->type), "severity",
                 anomaly_severity_name(row->severity), "reason", row->reason, NULL);
    }
    if (snapshot->anomaly_count > LINES_MAX) {
        log_line(LOG_LEVEL_INFO, "more anomalies", "count",
                 log_text("%zu", snapshot->anomaly_count - LINES_MAX), NULL);
    }
}

static void log_alert(const struct alert_row *row)
{
    log_line(row->state == ALERT_FIRING ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             row->state == ALERT_FIRING ? "alert fires" : "alert resolved", "alert", row->name,
             "metric", row->metric, "tags", row->tags, "severity",
             anomaly_severity_name(row->severity), "reason", row->reason, NULL);
}

static void log_alerts(const struct alert_set *alerts)
{
    size_t told = 0;
    for (size_t i = 0; alerts && i < alerts->count; i++) {
        const struct alert_row *row = &alerts->rows[i];
        bool tells = row->state == ALERT_FIRING || row->state == ALERT_RESOLVED;
        if (tells && row->changed && ++told <= LINES_MAX) {
            log_alert(row);
        }
    }
    if (told > LINES_MAX) {
        log_line(LOG_LEVEL_INFO, "more alerts", "count", log_text("%zu", told - LINES_MAX), NULL);
    }
}

void flusher_log_window(const struct snapshot *snapshot)
{
    log_anomalies(snapshot);
    log_alerts(snapshot->alerts);
}
