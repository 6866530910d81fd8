/* SPDX-License-Identifier: MIT */
#include "server/alert/engine.h"

#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/core/log.h"

static void take_rules(struct alert_engine *engine, const struct config *config)
{
    engine->rule_count = 0;
    for (size_t i = 0; i < config->alerts.count && i < ALERT_RULES_MAX; i++) {
        engine->rules[engine->rule_count++] = alert_rule_make(config, &config->alerts.items[i]);
    }
}

struct alert_engine *alert_engine_new(const struct config *config, uint64_t now_ns)
{
    struct alert_engine *engine = calloc(1, sizeof(*engine));
    if (engine) {
        engine->started_ns = engine->now_ns = now_ns;
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

/* What fires although its rule is gone was told to somebody who should know. */
static void tell_of_gone(const struct alert_rule *rule, const struct alert_instance *instance)
{
    if (instance->state == ALERT_FIRING) {
        log_line(LOG_LEVEL_WARNING, "alert forgotten with its rule", "alert", rule->config->name,
                 "metric", instance->names, NULL);
    }
}

void alert_engine_configure(struct alert_engine *engine, const struct config *config)
{
    struct alert_rule before[ALERT_RULES_MAX];
    size_t before_count = engine->rule_count;
    memcpy(before, engine->rules, sizeof(before));
    take_rules(engine, config);
    size_t now[ALERT_RULES_MAX];
    for (size_t i = 0; i < before_count; i++) {
        now[i] = find_equal(engine, &before[i]);
    }
    for (uint32_t handle = 1; handle <= engine->instances.made; handle++) {
        struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        if (!instance->used) {
            continue;
        }
        if (instance->stray) {
            alert_instances_unstray(&engine->instances, handle);
        }
        instance->next = 0;
        if (now[instance->rule] < engine->rule_count) {
            instance->rule = (uint8_t)now[instance->rule];
            alert_instances_stray(&engine->instances, handle);
        } else {
            tell_of_gone(&before[instance->rule], instance);
            alert_instances_give(&engine->instances, handle);
        }
    }
    /* All series are met anew, and meet their alerts among the strays. */
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        free(engine->kinds[kind].series);
        engine->kinds[kind] = (struct alert_kind){0};
    }
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

struct alert_set *alert_engine_judge(struct alert_engine *engine, const struct snapshot *snapshot,
                                     uint64_t now_ns)
{
    if (engine->rule_count == 0) {
        return NULL;
    }
    engine->snapshot = snapshot;
    engine->now_ns = now_ns;
    engine->timestamp = snapshot->timestamp;
    alert_judge_window(engine);
    engine->snapshot = NULL;
    tell_refused(engine);
    return alert_rows_make(engine);
}
