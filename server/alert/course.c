/* SPDX-License-Identifier: MIT
 *
 * The course of one alert: inactive → pending → firing → resolved → inactive.
 */
#include <math.h>

#include "server/alert/engine_private.h"

static const struct alert_rule *rule_of(const struct alert_engine *engine,
                                        const struct alert_instance *instance)
{
    return &engine->rules[instance->rule];
}

static void enter(struct alert_instance *instance, enum alert_state state)
{
    instance->state = state;
    instance->changed = true;
}

static bool cooled_down(const struct alert_engine *engine, const struct alert_instance *instance)
{
    uint64_t cooldown_ns = rule_of(engine, instance)->config->cooldown_ms * 1000000;
    return instance->told_ns == 0 || engine->now_ns - instance->told_ns >= cooldown_ns;
}

/* Whoever is to know and has not been told, once the cooldown is over. */
static void tell_firing(const struct alert_engine *engine, struct alert_instance *instance)
{
    uint32_t notifiers = rule_of(engine, instance)->notifiers;
    if (instance->told || notifiers == 0 || !cooled_down(engine, instance)) {
        return;
    }
    instance->told = true;
    instance->told_ns = engine->now_ns;
    instance->notifiers = notifiers;
    instance->notify = notifiers;
}

static void resolve(const struct alert_engine *engine, struct alert_instance *instance)
{
    enter(instance, ALERT_RESOLVED);
    instance->resolved_at = engine->timestamp;
    instance->notify = instance->told ? instance->notifiers : 0;
    instance->told = false;
}

static void hold(const struct alert_engine *engine, struct alert_instance *instance)
{
    if (instance->state == ALERT_INACTIVE || instance->state == ALERT_RESOLVED) {
        enter(instance, ALERT_PENDING);
        instance->windows = 0;
        instance->pending_since = engine->timestamp;
        instance->firing_since = instance->resolved_at = 0;
        instance->end = ALERT_END_NONE;
        instance->notifiers = 0;
    }
    instance->windows += instance->windows < UINT32_MAX;
    if (instance->state == ALERT_PENDING &&
        instance->windows >= rule_of(engine, instance)->config->for_windows) {
        enter(instance, ALERT_FIRING);
        instance->firing_since = engine->timestamp;
    }
    if (instance->state == ALERT_FIRING) {
        tell_firing(engine, instance);
    }
}

static void let_go(const struct alert_engine *engine, struct alert_instance *instance)
{
    if (instance->state == ALERT_FIRING) {
        resolve(engine, instance);
    } else if (instance->state == ALERT_PENDING) {
        enter(instance, ALERT_INACTIVE);
    } else {
        instance->state = ALERT_INACTIVE;
    }
}

void alert_course_step(struct alert_engine *engine, struct alert_instance *instance,
                       const struct alert_finding *finding)
{
    if (!finding->judged) {
        if (instance->state == ALERT_RESOLVED) {
            instance->state = ALERT_INACTIVE;
        }
        return;
    }
    instance->value = finding->value;
    if (finding->holds) {
        hold(engine, instance);
    } else {
        let_go(engine, instance);
    }
}

void alert_course_end(struct alert_engine *engine, struct alert_instance *instance,
                      enum alert_end end)
{
    if (instance->state == ALERT_FIRING || instance->state == ALERT_PENDING) {
        instance->end = end;
    }
    let_go(engine, instance);
}

bool alert_course_is_over(const struct alert_engine *engine, const struct alert_instance *instance)
{
    return instance->state == ALERT_INACTIVE && !instance->changed && !instance->ring &&
           cooled_down(engine, instance);
}
