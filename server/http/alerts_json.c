/* SPDX-License-Identifier: MIT */
#include "server/http/alerts_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/tags_json.h"

static void write_rule(struct json *json, const struct alert_rule_row *rule)
{
    bool fires = rule->firing > 0;
    enum alert_state state = fires               ? ALERT_FIRING
                             : rule->pending > 0 ? ALERT_PENDING
                                                 : ALERT_INACTIVE;
    json_begin_object(json);
    json_member_string(json, "name", rule->name);
    json_member_string(json, "metric", rule->metric);
    json_member_string(json, "condition", rule->condition);
    json_member_string(json, "severity", anomaly_severity_name(rule->severity));
    json_member_string(json, "state", alert_state_name(state));
    json_member_integer(json, "matched", rule->matched);
    json_member_integer(json, "pending", rule->pending);
    json_member_integer(json, "firing", rule->firing);
    json_member_integer(json, "refused", rule->refused);
    json_end_object(json);
}

static void write_tags(struct json *json, const char *text)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    char *copy = strdup(text);
    json_put_key(json, "tags");
    if (copy) {
        tags_json_write_tags(json, tags,
                             tags_read_csv(copy, strlen(copy), tags, IDENTITY_TAGS_MAX));
    } else {
        json->out->failed = true;
    }
    free(copy);
}

/* null where it has not come to that. */
static void write_moment(struct json *json, const char *key, double moment)
{
    json_member_number(json, key, moment > 0 ? moment : (double)NAN);
}

static void write_alert(struct json *json, const struct alert_row *row)
{
    json_begin_object(json);
    json_member_string(json, "name", row->name);
    json_member_string(json, "metric", row->metric);
    write_tags(json, row->tags);
    json_member_string(json, "state", alert_state_name(row->state));
    json_member_string(json, "severity", anomaly_severity_name(row->severity));
    json_member_number(json, "value", row->value);
    json_member_number(json, "threshold", row->threshold);
    json_member_string(json, "condition", row->condition);
    json_member_string(json, "description", row->description);
    json_member_string(json, "reason", row->reason);
    write_moment(json, "pending_since", row->pending_since);
    write_moment(json, "firing_since", row->firing_since);
    write_moment(json, "resolved_at", row->resolved_at);
    json_end_object(json);
}

void alerts_json_write(struct json *json, const struct snapshot *closed)
{
    const struct alert_set *alerts = closed ? closed->alerts : NULL;
    json_begin_object(json);
    json_member_number(json, "evaluated", alerts ? closed->timestamp : (double)NAN);
    json_put_key(json, "rules");
    json_begin_array(json);
    for (size_t i = 0; alerts && i < alerts->rule_count; i++) {
        write_rule(json, &alerts->rules[i]);
    }
    json_end_array(json);
    json_put_key(json, "alerts");
    json_begin_array(json);
    for (size_t i = 0; alerts && i < alerts->count; i++) {
        write_alert(json, &alerts->rows[i]);
    }
    json_end_array(json);
    json_end_object(json);
}
