/* SPDX-License-Identifier: MIT */
#include "server/http/report_json.h"

#include <math.h>

#include "server/http/json.h"

static void put_series(struct json *json, const struct series *series)
{
    json_put_key(json, "metric");
    json_put_string_bytes(json, series->name, series->name_length);
    json_put_key(json, "tags");
    json_put_string_bytes(json, series->tags, series->tags_length);
    json_member_string(json, "type", statsd_type_name(series->type));
}

static const char *shape_name(enum change_shape shape)
{
    return shape == CHANGE_BUMP ? "bump" : "step";
}

static void put_change(struct json *json, const struct report *report, const struct series *series)
{
    const struct change *change = &series->change;
    json_member_string(json, "statistic", statistic_name(series->changed));
    json_member_string(json, "shape", shape_name(change->shape));
    json_member_number(json, "since",
                       points_stamp(&report->points, change->from) - points_step(&report->points));
    json_member_number(json, "until", points_stamp(&report->points, change->to));
    json_member_number(json, "before", change->before);
    json_member_number(json, "after", change->after);
    json_member_number(json, "likelihood", change->likelihood);
    json_member_number(json, "deviations", change->effect);
    json_member_number(json, "weight", series->weight);
}

static void put_trend(struct json *json, const struct report *report, const struct series *series)
{
    double share_min = report->config->anomaly.min_change;
    enum trend_direction direction = trend_direction(&series->trend, share_min);
    enum better better = series->better[series->trending];
    json_member_string(json, "statistic", statistic_name(series->trending));
    json_member_string(json, "direction", trend_direction_name(direction));
    json_member_string(json, "assessment", trend_assessment_name(trend_assess(direction, better)));
    json_member_number(json, "change", trend_change(&series->trend));
    json_member_number(json, "slope", series->trend.slope);
    json_member_number(json, "r_squared", series->trend.r_squared);
}

static void put_load(struct json *json, const struct report *report, const struct series *series)
{
    json_member_number(json, "count", series->count);
    json_member_number(json, "rate", series->count / report->series_seconds);
}

static void put_latency(struct json *json, const struct report *report, const struct series *series)
{
    put_load(json, report, series);
    json_member_number(json, "mean", series->sum / series->count);
    json_member_number(json, "p50", series->typical[SERIES_P50]);
    json_member_number(json, "p95", series->typical[SERIES_P95]);
    json_member_number(json, "p99", series->typical[SERIES_P99]);
    json_member_number(json, "worst_p99", series->worst[SERIES_P99]);
    json_member_number(json, "max", series->max);
}

static void put_ranking(struct json *json, const char *key, const struct report *report,
                        const struct ranking *ranking,
                        void (*put)(struct json *, const struct report *, const struct series *))
{
    json_put_key(json, key);
    json_begin_array(json);
    for (size_t i = 0; i < ranking->count; i++) {
        json_begin_object(json);
        put_series(json, ranking->rows[i].series);
        put(json, report, ranking->rows[i].series);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_settings(struct json *json, const struct advice *advice)
{
    json_put_key(json, "settings");
    json_begin_array(json);
    for (size_t i = 0; i < advice->setting_count; i++) {
        const struct report_setting *setting = &advice->settings[i];
        json_begin_object(json);
        json_member_string(json, "section", setting->section);
        json_member_string(json, "key", setting->key);
        json_member_string(json, "value", setting->value);
        json_member_string(json, "was", setting->was);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_advice(struct json *json, const struct report *report)
{
    json_put_key(json, "recommendations");
    json_begin_array(json);
    for (size_t i = 0; i < report->advice_count; i++) {
        const struct advice *advice = &report->advice[i];
        json_begin_object(json);
        json_member_string(json, "rule", advice->rule);
        json_member_string(json, "severity", anomaly_severity_name(advice->severity));
        json_member_string(json, "title", advice->title);
        json_member_string(json, "evidence", advice->evidence);
        json_member_string(json, "action", advice->action);
        put_settings(json, advice);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_anomalies(struct json *json, const struct report *report)
{
    json_put_key(json, "anomalies");
    json_begin_array(json);
    for (size_t i = 0; i < report->anomaly_count; i++) {
        const struct report_anomaly *anomaly = &report->anomalies[i];
        json_begin_object(json);
        json_member_number(json, "from", anomaly->from);
        json_member_number(json, "to", anomaly->to > 0 ? anomaly->to : (double)NAN);
        json_member_string(json, "metric", anomaly->metric);
        json_member_string(json, "tags", anomaly->tags);
        json_member_string(json, "statistic", statistic_name(anomaly->statistic));
        json_member_string(json, "type", anomaly_type_name(anomaly->type));
        json_member_string(json, "severity", anomaly_severity_name(anomaly->severity));
        json_member_string(json, "reason", anomaly->reason);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_alerts(struct json *json, const struct report *report)
{
    json_put_key(json, "alerts");
    json_begin_array(json);
    for (size_t i = 0; i < report->alert_count; i++) {
        const struct report_alert *alert = &report->alerts[i];
        json_begin_object(json);
        json_member_string(json, "name", alert->name);
        json_member_string(json, "state", alert_state_name(alert->state));
        json_member_string(json, "severity", anomaly_severity_name(alert->severity));
        json_member_string(json, "metric", alert->metric);
        json_member_string(json, "tags", alert->tags);
        json_member_number(json, "since", alert->since);
        json_member_string(json, "reason", alert->reason);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_tags(struct json *json, const struct report *report)
{
    const struct tag_key *key = tag_keys_next(&report->keys, NULL);
    json_put_key(json, "tags");
    json_begin_array(json);
    for (size_t row = 0; row < REPORT_ROWS && key; row++) {
        json_begin_object(json);
        json_member_string(json, "key", key->key);
        json_member_number(json, "values", round(tag_key_values(key)));
        json_member_integer(json, "series", key->series);
        json_member_string(json, "metric", tag_key_metric(key) ? tag_key_metric(key) : "");
        json_end_object(json);
        key = tag_keys_next(&report->keys, key);
    }
    json_end_array(json);
}

static void put_losses(struct json *json, const struct ingest_figures *figures)
{
    json_begin_object(json);
    json_member_integer(json, "datagrams_dropped", figures->datagrams_dropped);
    json_member_integer(json, "lines_rejected", ingest_lines_rejected(figures));
    json_member_integer(json, "samples_received", ingest_samples_received(figures));
    json_member_integer(json, "samples_stored", ingest_samples_stored(figures));
    json_member_integer(json, "samples_rejected", ingest_samples_rejected(figures));
    json_member_integer(json, "samples_late", figures->samples_late);
    json_end_object(json);
}

static void put_counts(struct json *json, const struct report *report)
{
    json_put_key(json, "series");
    json_begin_object(json);
    for (unsigned type = 0; type < STATSD_TYPES; type++) {
        json_member_integer(json, statsd_type_name((enum statsd_type)type),
                            report->series_count[type]);
    }
    json_end_object(json);
    json_member_integer(json, "windows", report->windows);
    json_member_integer(json, "anomalies_started", report->anomalies_started);
    json_member_integer(json, "anomalies_lasting", report->anomalies_active);
    json_member_integer(json, "alerts_firing", report->alerts_firing);
    if (report->has_figures) {
        json_put_key(json, "losses");
        put_losses(json, &report->recent);
    }
}

void report_json_write(const struct report *report, struct buffer *out)
{
    struct json json = json_writer(out);
    json_begin_object(&json);
    json_member_number(&json, "from", report->points.from);
    json_member_number(&json, "to", report->points.to);
    json_member_string(&json, "source", report->source == REPORT_OF_FILES ? "csv" : "server");
    json_member_string(&json, "origin", report->origin);
    json_member_boolean(&json, "has_history", report->has_history);
    json_member_string(&json, "status",
                       report->status == SEVERITY_INFO ? "ok"
                                                       : anomaly_severity_name(report->status));
    json_member_string(&json, "reason", report->summary);
    json_member_boolean(&json, "complete", !report->failed);
    put_counts(&json, report);
    put_ranking(&json, "changes", report, &report->changed, put_change);
    put_advice(&json, report);
    put_ranking(&json, "busiest", report, &report->busiest, put_load);
    put_ranking(&json, "slowest", report, &report->slowest, put_latency);
    put_ranking(&json, "trends", report, &report->rising, put_trend);
    put_tags(&json, report);
    put_anomalies(&json, report);
    put_alerts(&json, report);
    json_end_object(&json);
    buffer_append(out, "\n", 1);
}
