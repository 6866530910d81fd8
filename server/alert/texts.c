/* SPDX-License-Identifier: MIT */
#include "server/alert/texts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/units.h"
#include "proto/tags.h"
#include "server/metrics/severity.h"

static const char *const main_names[METRIC_KINDS] = {
    [METRIC_COUNTER] = "rate",
    [METRIC_GAUGE] = "value",
    [METRIC_TIMER] = "mean",
    [METRIC_SET] = "unique",
};

static size_t put(char *out, size_t length, const char *text, size_t text_length)
{
    size_t room = ALERT_TAG_BYTES - length;
    size_t taken = text_length < room ? text_length : room;
    memcpy(out + length, text, taken);
    return length + taken;
}

size_t alert_text_tag(char out[ALERT_TAG_BYTES], const struct tag *tag)
{
    size_t length = put(out, 0, tag->key, tag->key_length);
    if (tag->value_length > 0) {
        length = put(out, length, "=", 1);
        length = put(out, length, tag->value, tag->value_length);
    }
    return length;
}

static size_t tags_bytes_max(const struct tag *tags, size_t count)
{
    size_t bytes = 2 * count;
    for (size_t i = 0; i < count; i++) {
        bytes += 2 * ((size_t)tags[i].key_length + tags[i].value_length);
    }
    return bytes;
}

char *alert_text_names(const struct identity *identity, char **tags)
{
    struct tag all[IDENTITY_TAGS_MAX];
    identity_tags(identity, all);
    size_t name_length = identity->name_length;
    char *names = malloc(name_length + tags_bytes_max(all, identity->tag_count) + 2);
    if (!names) {
        return NULL;
    }
    memcpy(names, identity_name(identity), name_length);
    names[name_length] = '\0';
    *tags = names + name_length + 1;
    (*tags)[tags_format_csv(*tags, all, identity->tag_count)] = '\0';
    return names;
}

static const char *statistic_of(const struct alert_rule *rule,
                                const struct alert_instance *instance, char *room)
{
    return rule->condition.statistic == CONDITION_MAIN
               ? main_names[instance->kind]
               : condition_statistic_name(&rule->condition, room);
}

static void put_threshold(char *out, const struct alert_rule *rule,
                          const struct alert_instance *instance)
{
    char room[CONDITION_NAME_MAX];
    const struct condition *condition = &rule->condition;
    snprintf(out, ALERT_REASON_BYTES, "%s %.6g %s %.6g", statistic_of(rule, instance, room),
             instance->value, condition_operator_text(condition->compare), condition->threshold);
}

static void put_change(char *out, const struct alert_rule *rule,
                       const struct alert_instance *instance)
{
    char room[CONDITION_NAME_MAX], time[UNITS_TEXT_MAX];
    const struct condition *condition = &rule->condition;
    units_format_duration(time, condition->time_ms);
    snprintf(out, ALERT_REASON_BYTES, "%s changed by %+.3g %% over %s (%s %.4g %%)",
             statistic_of(rule, instance, room), 100 * instance->value, time,
             condition_operator_text(condition->compare), 100 * condition->threshold);
}

static void put_anomaly(char *out, const struct alert_instance *instance)
{
    if (instance->value >= 0 && instance->value < SEVERITIES) {
        snprintf(out, ALERT_REASON_BYTES, "an anomaly of severity %s lasts",
                 anomaly_severity_name((enum anomaly_severity)instance->value));
    } else {
        snprintf(out, ALERT_REASON_BYTES, "no anomaly lasts");
    }
}

static void put_absent(char *out, const struct alert_rule *rule,
                       const struct alert_instance *instance)
{
    char time[UNITS_TEXT_MAX];
    units_format_duration(time, rule->condition.time_ms);
    snprintf(out, ALERT_REASON_BYTES, "no samples for %.0f s (absent %s)", instance->value, time);
}

static void put_state(char *out, const struct alert_instance *instance)
{
    size_t length = strlen(out);
    size_t room = ALERT_REASON_BYTES - length;
    if (instance->end != ALERT_END_NONE) {
        static const char *const ends[ALERT_ENDS] = {
            [ALERT_END_SILENT] = "; it has no samples any more",
            [ALERT_END_EXPIRED] = "; the series has expired",
        };
        snprintf(out + length, room, "%s", ends[instance->end]);
    } else if (instance->state == ALERT_RESOLVED || instance->state == ALERT_INACTIVE) {
        snprintf(out + length, room, " no longer holds");
    } else if (instance->windows > 1) {
        snprintf(out + length, room, " for %u windows", instance->windows);
    }
}

void alert_text_reason(char out[ALERT_REASON_BYTES], const struct alert_rule *rule,
                       const struct alert_instance *instance)
{
    if (instance->end == ALERT_END_RULE) {
        snprintf(out, ALERT_REASON_BYTES, "the rule %s", rule->kinds ? "has changed" : "is gone");
        return;
    }
    switch (rule->condition.form) {
    case CONDITION_THRESHOLD:
        put_threshold(out, rule, instance);
        break;
    case CONDITION_CHANGE:
        put_change(out, rule, instance);
        break;
    case CONDITION_ANOMALY:
        put_anomaly(out, instance);
        break;
    case CONDITION_ABSENT:
        put_absent(out, rule, instance);
        break;
    }
    put_state(out, instance);
}
