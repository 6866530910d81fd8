/* SPDX-License-Identifier: MIT */
#include "server/http/anomaly_log.h"

#include "server/http/tags_json.h"

void anomaly_log_deinit(struct anomaly_log *log)
{
    for (size_t i = 0; i < ANOMALY_LOG_ROWS; i++) {
        buffer_deinit(&log->rows[i]);
    }
}

static void write_row(struct json *json, const struct anomaly_row *row, double timestamp)
{
    const struct identity *identity = row->identity;
    json_begin_object(json);
    json_member_number(json, "timestamp", timestamp);
    json_put_key(json, "metric");
    json_put_string_bytes(json, identity_name(identity), identity->name_length);
    json_put_key(json, "tags");
    tags_json_write(json, identity);
    json_member_string(json, "statistic", statistic_name(row->statistic));
    json_member_number(json, "value", row->value);
    json_member_number(json, "mean", row->mean);
    json_member_number(json, "stddev", row->stddev);
    json_member_number(json, "lower", row->lower);
    json_member_number(json, "upper", row->upper);
    json_member_string(json, "type", anomaly_type_name(row->type));
    json_member_string(json, "severity", anomaly_severity_name(row->severity));
    json_member_string(json, "state", row->end ? "end" : "start");
    json_member_string(json, "reason", row->reason);
    json_member_number(json, "since", row->since);
    json_end_object(json);
}

void anomaly_log_add(struct anomaly_log *log, const struct snapshot *closed)
{
    for (size_t i = 0; i < closed->anomaly_count; i++) {
        struct buffer *place = &log->rows[log->next];
        place->length = 0;
        place->failed = false;
        struct json json = json_writer(place);
        write_row(&json, &closed->anomalies[i], closed->timestamp);
        if (place->failed) {
            place->length = 0;
        }
        log->next = (log->next + 1) % ANOMALY_LOG_ROWS;
        log->count += log->count < ANOMALY_LOG_ROWS;
    }
}

static void write_recent(const struct anomaly_log *log, struct json *json)
{
    json_begin_array(json);
    for (size_t i = 1; i <= log->count; i++) {
        const struct buffer *row =
            &log->rows[(log->next + ANOMALY_LOG_ROWS - i) % ANOMALY_LOG_ROWS];
        if (row->length > 0) {
            json_put_raw(json, row->bytes, row->length);
        }
    }
    json_end_array(json);
}

void anomaly_log_write(const struct anomaly_log *log, const struct snapshot *latest,
                       struct json *json)
{
    json_begin_object(json);
    json_put_key(json, "active");
    json_begin_array(json);
    for (size_t i = 0; latest && i < latest->active_count; i++) {
        write_row(json, &latest->active[i], latest->active[i].since);
    }
    json_end_array(json);
    json_put_key(json, "recent");
    write_recent(log, json);
    json_end_object(json);
}
