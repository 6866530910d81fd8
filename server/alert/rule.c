/* SPDX-License-Identifier: MIT */
#include "server/alert/rule.h"

#include <math.h>
#include <string.h>

#include "config/glob.h"
#include "server/alert/texts.h"

#define ALL_KINDS ((1u << METRIC_KINDS) - 1)
#define KIND(kind) (1u << METRIC_##kind)

static const unsigned kinds_of[CONDITION_STATISTICS] = {
    [CONDITION_MAIN] = ALL_KINDS,
    [CONDITION_COUNT] = KIND(COUNTER) | KIND(TIMER),
    [CONDITION_RATE] = KIND(COUNTER) | KIND(TIMER),
    [CONDITION_SUM] = KIND(TIMER),
    [CONDITION_MEAN] = KIND(TIMER),
    [CONDITION_MIN] = KIND(TIMER),
    [CONDITION_MAX] = KIND(TIMER),
    [CONDITION_STDDEV] = KIND(TIMER),
    [CONDITION_VALUE] = KIND(GAUGE),
    [CONDITION_UNIQUE] = KIND(SET),
    [CONDITION_PERCENTILE] = KIND(TIMER),
};

static uint32_t notifiers_of(const struct config *config, const struct config_alert *alert)
{
    uint32_t notifiers = 0;
    for (size_t i = 0; i < config->notifies.count && i < ALERT_NOTIFIERS_MAX; i++) {
        const char *name = config->notifies.items[i].name;
        for (size_t k = 0; k < alert->notify.count; k++) {
            if (glob_match(alert->notify.items[k], name, strlen(name))) {
                notifiers |= UINT32_C(1) << i;
            }
        }
    }
    return notifiers;
}

struct alert_rule alert_rule_make(const struct config *config, const struct config_alert *alert)
{
    struct alert_rule rule = {.config = alert, .notifiers = notifiers_of(config, alert)};
    char why[CONDITION_WHY_MAX];
    if (condition_parse(alert->condition, &rule.condition, why)) {
        rule.kinds = kinds_of[rule.condition.statistic];
    }
    return rule;
}

static bool has_tag(const struct identity *identity, const char *pattern)
{
    struct tag tags[IDENTITY_TAGS_MAX];
    char text[ALERT_TAG_BYTES];
    identity_tags(identity, tags);
    for (uint16_t i = 0; i < identity->tag_count; i++) {
        size_t length = alert_text_tag(text, &tags[i]);
        if (glob_match(pattern, text, length)) {
            return true;
        }
    }
    return false;
}

bool alert_rule_takes(const struct alert_rule *rule, const struct identity *identity)
{
    const struct config_alert *alert = rule->config;
    if (!(rule->kinds >> identity->kind & 1) ||
        (rule->condition.seconds && identity->type != STATSD_TIMER) ||
        !glob_match(alert->metric, identity_name(identity), identity->name_length)) {
        return false;
    }
    for (size_t i = 0; i < alert->tags.count; i++) {
        if (!has_tag(identity, alert->tags.items[i])) {
            return false;
        }
    }
    return true;
}

static bool equal_lists(const struct config_strings *left, const struct config_strings *right)
{
    if (left->count != right->count) {
        return false;
    }
    for (size_t i = 0; i < left->count; i++) {
        if (strcmp(left->items[i], right->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool alert_rule_equal(const struct alert_rule *left, const struct alert_rule *right)
{
    const struct config_alert *a = left->config, *b = right->config;
    return strcmp(a->name, b->name) == 0 && strcmp(a->metric, b->metric) == 0 &&
           strcmp(a->condition, b->condition) == 0 && equal_lists(&a->tags, &b->tags);
}

static double timer_value(const struct condition *condition, const struct snapshot *snapshot,
                          const struct timer_row *row)
{
    switch (condition->statistic) {
    case CONDITION_COUNT:
        return row->count;
    case CONDITION_RATE:
        return row->rate;
    case CONDITION_SUM:
        return row->sum;
    case CONDITION_MIN:
        return row->min;
    case CONDITION_MAX:
        return row->max;
    case CONDITION_STDDEV:
        return row->stddev;
    case CONDITION_PERCENTILE:
        for (size_t i = 0; row->percentiles && i < snapshot->percentile_count; i++) {
            if (snapshot->percents[i] == condition->percent) {
                return row->percentiles[i];
            }
        }
        return (double)NAN;
    default:
        return row->mean;
    }
}

double alert_rule_value(const struct alert_rule *rule, const struct snapshot *snapshot,
                        enum metric_kind kind, const void *row)
{
    const struct counter_row *counter = row;
    switch (kind) {
    case METRIC_COUNTER:
        return rule->condition.statistic == CONDITION_COUNT ? counter->count : counter->rate;
    case METRIC_GAUGE:
        return ((const struct gauge_row *)row)->value;
    case METRIC_TIMER:
        return timer_value(&rule->condition, snapshot, row);
    default:
        return ((const struct set_row *)row)->unique;
    }
}
