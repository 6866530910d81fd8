/* SPDX-License-Identifier: MIT
 *
 * Rules that a reload has taken out while their alerts fired: whoever was told of those is to hear
 * of the end, for which a window is needed, and rows want the rule's words until then.
 */
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"

static void clear(struct config_alert *alert)
{
    free(alert->name);
    free(alert->metric);
    free(alert->condition);
    free(alert->description);
    *alert = (struct config_alert){0};
}

/* As far as rows show it. False without memory. */
static bool copy(struct config_alert *to, const struct config_alert *from)
{
    *to = (struct config_alert){
        .name = strdup(from->name),
        .metric = strdup(from->metric),
        .condition = strdup(from->condition),
        .description = strdup(from->description ? from->description : ""),
        .severity = from->severity,
        .for_windows = from->for_windows,
        .cooldown_ms = from->cooldown_ms,
    };
    if (to->name && to->metric && to->condition && to->description) {
        return true;
    }
    clear(to);
    return false;
}

static bool is_same(const struct config_alert *a, const struct config_alert *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->metric, b->metric) == 0 &&
           strcmp(a->condition, b->condition) == 0;
}

static void put_rule(struct alert_engine *engine, size_t number, const struct condition *condition,
                     uint32_t notifiers)
{
    engine->rules[engine->rule_count + number] = (struct alert_rule){
        .config = &engine->parting[number], .condition = *condition, .notifiers = notifiers};
}

size_t alert_parting_add(struct alert_engine *engine, const struct alert_rule *gone)
{
    size_t number = 0;
    while (number < engine->parting_count && !is_same(&engine->parting[number], gone->config)) {
        number++;
    }
    bool is_new = number == engine->parting_count;
    if (is_new && (number == ALERT_RULES_MAX || !copy(&engine->parting[number], gone->config))) {
        return engine->rule_count + engine->parting_count;
    }
    engine->parting_count += is_new;
    put_rule(engine, number, &gone->condition, gone->notifiers);
    return engine->rule_count + number;
}

void alert_parting_move(struct alert_engine *engine)
{
    for (size_t i = 0; i < engine->parting_count; i++) {
        struct condition condition;
        char why[CONDITION_WHY_MAX];
        condition_parse(engine->parting[i].condition, &condition, why);
        put_rule(engine, i, &condition, 0);
    }
}

void alert_parting_forget(struct alert_engine *engine)
{
    bool some = false;
    for (uint32_t handle = 1; engine->parting_count > 0 && handle <= engine->instances.made;
         handle++) {
        const struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        if (!instance->used || instance->rule < engine->rule_count) {
            continue;
        }
        if (instance->state == ALERT_FIRING) {
            some = true;
            continue;
        }
        alert_instances_unstray(&engine->instances, handle);
        alert_instances_give(&engine->instances, handle);
    }
    if (!some) {
        alert_parting_deinit(engine);
    }
}

void alert_parting_deinit(struct alert_engine *engine)
{
    while (engine->parting_count > 0) {
        clear(&engine->parting[--engine->parting_count]);
    }
}
