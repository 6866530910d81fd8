/* SPDX-License-Identifier: MIT */
#include "server/alert/engine.h"

#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/alert/ring.h"
#include "server/core/log.h"

static void take_rules(struct alert_engine *engine, const struct config *config)
{
    engine->rule_count = 0;
    for (size_t i = 0; i < config->alerts.count && i < ALERT_RULES_MAX; i++) {
        engine->rules[engine->rule_count] = alert_rule_make(config, &config->alerts.items[i]);
        engine->rules[engine->rule_count++].seen_ns = engine->now_ns;
    }
}

struct alert_engine *alert_engine_new(const struct config *config, uint64_t now_ns)
{
    struct alert_engine *engine = calloc(1, sizeof(*engine));
    if (engine) {
        engine->now_ns = now_ns;
        take_rules(engine, config);
    }
    return engine;
}

void alert_engine_free(struct alert_engine *engine)
{
    if (!engine) {
        return;
    }
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        free(engine->kinds[kind].series);
    }
    alert_instances_deinit(&engine->instances);
    alert_parting_deinit(engine);
    free(engine);
}

struct alert_instance *alert_engine_add(struct alert_engine *engine, size_t rule, char *names,
                                        const char *tags, uint32_t *handle)
{
    *handle = names ? alert_instances_take(&engine->instances) : 0;
    if (*handle == 0) {
        engine->rules[rule].refused++;
        free(names);
        return NULL;
    }
    struct alert_instance *instance = alert_instances_at(&engine->instances, *handle);
    instance->rule = (uint8_t)rule;
    instance->names = names;
    instance->tags = tags;
    instance->seen_ns = engine->now_ns;
    return instance;
}

/* The index of the rule that means the same, or that there is none. */
static size_t find_equal(const struct alert_engine *engine, const struct alert_rule *rule)
{
    size_t i = 0;
    while (i < engine->rule_count && !alert_rule_equal(&engine->rules[i], rule)) {
        i++;
    }
    return i;
}

static size_t find_named(const struct alert_engine *engine, const char *name)
{
    size_t i = 0;
    while (i < engine->rule_count && strcmp(engine->rules[i].config->name, name) != 0) {
        i++;
    }
    return i;
}

void alert_engine_tell_of_gone(const char *rule, const char *metric, enum alert_state state)
{
    if (state == ALERT_FIRING) {
        log_line(LOG_LEVEL_WARNING, "alert forgotten with its rule", "alert", rule, "metric",
                 metric, NULL);
    }
}

/* Gives an alert to the rule at `index`, or forgets it where there is none. */
static void hand_on(struct alert_engine *engine, uint32_t handle, size_t index)
{
    struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
    if (index == engine->rule_count + engine->parting_count) {
        alert_instances_give(&engine->instances, handle);
        return;
    }
    instance->rule = (uint8_t)index;
    /* [notify] sections may have others in front of them now. */
    instance->notifiers = instance->notifiers ? engine->rules[index].notifiers : 0;
    alert_instances_stray(&engine->instances, handle);
}

/* `before` is the rule that it was of. */
static void adopt(struct alert_engine *engine, const struct alert_rule *before, uint32_t handle)
{
    struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
    size_t index = find_equal(engine, before);
    size_t nowhere = engine->rule_count + engine->parting_count;
    instance->next = 0;
    if (index == engine->rule_count && instance->state == ALERT_FIRING) {
        instance->end = ALERT_END_RULE;
        alert_ring_unref(instance->ring); /* of another condition */
        instance->ring = NULL;
        index = find_named(engine, before->config->name);
        index = index < engine->rule_count ? index : alert_parting_add(engine, before);
        if (index == engine->rule_count + engine->parting_count) {
            alert_engine_tell_of_gone(before->config->name, instance->names, instance->state);
        }
    } else if (index == engine->rule_count) {
        index = nowhere;
    } else if (instance->state == ALERT_FIRING) {
        instance->end = ALERT_END_NONE; /* a rule that went is back before anybody was told */
    }
    hand_on(engine, handle, index);
}

/* All series are met anew, and meet their alerts among the strays; when they had samples is not
 * forgotten. */
static void forget_series(struct alert_engine *engine)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t i = 0; i < engine->kinds[kind].capacity; i++) {
            engine->kinds[kind].series[i].generation = 0;
            engine->kinds[kind].series[i].instances = 0;
        }
    }
}

void alert_engine_configure(struct alert_engine *engine, const struct config *config)
{
    struct alert_rule before[2 * ALERT_RULES_MAX];
    size_t before_count = engine->rule_count;
    memcpy(before, engine->rules, sizeof(before));
    take_rules(engine, config);
    alert_parting_move(engine);
    for (size_t i = 0; i < before_count; i++) {
        size_t index = find_equal(engine, &before[i]);
        if (index < engine->rule_count) {
            engine->rules[index].seen_ns = before[i].seen_ns;
            engine->rules[index].refused = before[i].refused;
            engine->rules[index].windows = before[i].windows;
            engine->rules[index].met = before[i].met;
        }
    }
    /* Strays are found by their rule's index: all are taken out before the first gets another. */
    for (uint32_t handle = 1; handle <= engine->instances.made; handle++) {
        if (alert_instances_at(&engine->instances, handle)->stray) {
            alert_instances_unstray(&engine->instances, handle);
        }
    }
    for (uint32_t handle = 1; handle <= engine->instances.made; handle++) {
        const struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        if (instance->used) {
            adopt(engine, &before[instance->rule], handle);
        }
    }
    forget_series(engine);
}

/* Says once a window what found no room. */
static void tell_refused(struct alert_engine *engine)
{
    uint64_t refused = 0;
    for (size_t i = 0; i < engine->rule_count; i++) {
        refused += engine->rules[i].refused;
    }
    if (refused > engine->refused_told) {
        log_line(LOG_LEVEL_WARNING, "no room for alerts", "count",
                 log_text("%llu", (unsigned long long)(refused - engine->refused_told)), "limit",
                 log_text("%d", ALERT_INSTANCES_MAX), NULL);
    }
    engine->refused_told = refused;
}

/* A pattern that nobody meant is not found out when the configuration is checked: it is said once,
 * when series had the time to come. */
static void tell_unmatched(struct alert_engine *engine)
{
    for (size_t i = 0; i < engine->rule_count; i++) {
        struct alert_rule *rule = &engine->rules[i];
        rule->windows++;
        rule->met |= rule->matched > 0;
        if (!rule->met && rule->windows == ALERT_UNMATCHED_WINDOWS) {
            log_line(LOG_LEVEL_WARNING, "an alert matches no series", "alert", rule->config->name,
                     "metric", rule->config->metric, "condition", rule->config->condition,
                     "windows", log_text("%d", ALERT_UNMATCHED_WINDOWS), NULL);
        }
    }
}

struct alert_set *alert_engine_judge(struct alert_engine *engine, const struct snapshot *snapshot,
                                     uint64_t now_ns)
{
    if (engine->rule_count + engine->parting_count == 0) {
        return NULL;
    }
    engine->snapshot = snapshot;
    engine->now_ns = now_ns;
    engine->timestamp = snapshot->timestamp;
    alert_judge_window(engine);
    engine->snapshot = NULL;
    tell_refused(engine);
    tell_unmatched(engine);
    return alert_rows_make(engine);
}
