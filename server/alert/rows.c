/* SPDX-License-Identifier: MIT
 *
 * The alerts of a window in one piece of memory: the set, its rows, its rules, and behind them all
 * texts. Texts are gathered first, by their offsets.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/alert/texts.h"

/* While texts are gathered their memory may move: pointers hold offsets until the end. */
struct maker {
    struct buffer text;
    struct alert_rule_row rules[2 * ALERT_RULES_MAX];
    const char *descriptions[2 * ALERT_RULES_MAX];
    struct alert_row *rows;
    size_t count;
};

static const char *keep(struct maker *maker, const char *text)
{
    size_t offset = maker->text.length;
    buffer_append(&maker->text, text, strlen(text) + 1);
    return (const char *)(uintptr_t)offset;
}

/* Those that are gone are not shown, but have their words in rows. */
static void keep_rules(struct maker *maker, const struct alert_engine *engine)
{
    for (size_t i = 0; i < engine->rule_count + engine->parting_count; i++) {
        const struct alert_rule *rule = &engine->rules[i];
        const struct config_alert *alert = rule->config;
        maker->descriptions[i] = keep(maker, alert->description ? alert->description : "");
        maker->rules[i] = (struct alert_rule_row){
            .name = keep(maker, alert->name),
            .condition = keep(maker, alert->condition),
            .metric = keep(maker, alert->metric),
            .severity = alert->severity,
            .matched = rule->matched,
            .refused = rule->refused,
        };
    }
}

static double threshold_of(const struct alert_rule *rule)
{
    const struct condition *condition = &rule->condition;
    switch (condition->form) {
    case CONDITION_ABSENT:
        return (double)condition->time_ms / 1000;
    case CONDITION_ANOMALY:
    case CONDITION_THRESHOLD:
    case CONDITION_CHANGE:
        return condition->threshold;
    }
    return (double)NAN;
}

static bool is_shown(const struct alert_instance *instance)
{
    return instance->used && (instance->changed || instance->state == ALERT_PENDING ||
                              instance->state == ALERT_FIRING);
}

static void keep_row(struct maker *maker, const struct alert_engine *engine,
                     const struct alert_instance *instance)
{
    char reason[ALERT_REASON_BYTES];
    const struct alert_rule *rule = &engine->rules[instance->rule];
    struct alert_rule_row *told = &maker->rules[instance->rule];
    alert_text_reason(reason, rule, instance);
    told->pending += instance->state == ALERT_PENDING;
    told->firing += instance->state == ALERT_FIRING;
    maker->rows[maker->count++] = (struct alert_row){
        .name = told->name,
        .condition = told->condition,
        .description = maker->descriptions[instance->rule],
        .metric = keep(maker, instance->names),
        .tags = keep(maker, instance->tags),
        .reason = keep(maker, reason),
        .state = instance->state,
        .severity = told->severity,
        .value = instance->value,
        .threshold = threshold_of(rule),
        .pending_since = instance->pending_since,
        .firing_since = instance->firing_since,
        .resolved_at = instance->resolved_at,
        .changed = instance->changed,
        .notifiers = instance->notifiers,
        .notify = instance->notify,
    };
}

static void move(const char **text, const char *base)
{
    *text = base + (uintptr_t)*text;
}

static struct alert_set *put_together(const struct maker *maker, size_t rule_count)
{
    size_t rows_bytes = maker->count * sizeof(struct alert_row);
    size_t rules_bytes = rule_count * sizeof(struct alert_rule_row);
    size_t bytes = sizeof(struct alert_set) + rows_bytes + rules_bytes + maker->text.length;
    struct alert_set *set = malloc(bytes);
    if (!set) {
        return NULL;
    }
    struct alert_row *rows = (struct alert_row *)(set + 1);
    struct alert_rule_row *rules = (struct alert_rule_row *)(rows + maker->count);
    char *text = (char *)(rules + rule_count);
    memcpy(rules, maker->rules, rules_bytes);
    if (maker->text.length > 0) {
        memcpy(text, maker->text.bytes, maker->text.length);
    }
    for (size_t i = 0; i < maker->count; i++) {
        rows[i] = maker->rows[i];
        const char **texts[] = {&rows[i].name,   &rows[i].condition, &rows[i].description,
                                &rows[i].metric, &rows[i].tags,      &rows[i].reason};
        for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
            move(texts[k], text);
        }
    }
    for (size_t i = 0; i < rule_count; i++) {
        move(&rules[i].name, text);
        move(&rules[i].condition, text);
        move(&rules[i].metric, text);
    }
    *set = (struct alert_set){.rows = rows,
                              .rules = rules,
                              .count = maker->count,
                              .rule_count = rule_count,
                              .bytes = bytes};
    atomic_init(&set->references, 1);
    return set;
}

struct alert_set *alert_rows_make(const struct alert_engine *engine)
{
    struct maker maker = {.count = 0};
    struct alert_set *set = NULL;
    maker.rows = malloc((engine->instances.used + 1) * sizeof(*maker.rows));
    if (maker.rows) {
        keep_rules(&maker, engine);
        for (uint32_t i = 0; i < engine->instances.made; i++) {
            if (is_shown(&engine->instances.items[i])) {
                keep_row(&maker, engine, &engine->instances.items[i]);
            }
        }
        set = maker.text.failed ? NULL : put_together(&maker, engine->rule_count);
    }
    free(maker.rows);
    buffer_deinit(&maker.text);
    return set;
}
