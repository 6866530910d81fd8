/* SPDX-License-Identifier: MIT
 *
 * One window: every row of a kind that some rule is about, in the order of indexes; then the alerts
 * whose series were not among them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/alert/ring.h"

static bool wants(const struct alert_engine *engine, enum metric_kind kind)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < engine->rule_count; i++) {
        kinds |= engine->rules[i].kinds;
    }
    return kinds >> kind & 1;
}

/* The severest anomaly of a series that lasts; they are few, and sorted by nothing. */
static int severity_of(const struct snapshot *snapshot, const struct identity *identity)
{
    int severity = -1;
    for (size_t i = 0; i < snapshot->active_count; i++) {
        const struct anomaly_row *row = &snapshot->active[i];
        if (row->identity == identity && (int)row->severity > severity) {
            severity = (int)row->severity;
        }
    }
    return severity;
}

static int compare_pointers(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    return (a > b) - (a < b);
}

/* The identities of what lasts, sorted, so that most rows need not look at all of them. */
struct lasting {
    const struct identity **items;
    size_t count;
};

static struct lasting list_lasting(const struct snapshot *snapshot)
{
    struct lasting lasting = {.count = snapshot->active_count};
    lasting.items = lasting.count ? malloc(lasting.count * sizeof(*lasting.items)) : NULL;
    if (!lasting.items) {
        lasting.count = 0;
        return lasting;
    }
    for (size_t i = 0; i < lasting.count; i++) {
        lasting.items[i] = snapshot->active[i].identity;
    }
    qsort(lasting.items, lasting.count, sizeof(*lasting.items), compare_pointers);
    return lasting;
}

static int lasting_severity(const struct alert_engine *engine, const struct lasting *lasting,
                            const struct identity *identity)
{
    bool lasts = lasting->count > 0 && bsearch(&identity, lasting->items, lasting->count,
                                               sizeof(*lasting->items), compare_pointers);
    return lasts ? severity_of(engine->snapshot, identity) : -1;
}

static void judge_row(struct alert_engine *engine, const struct lasting *lasting,
                      enum metric_kind kind, const struct identity *identity, const void *row,
                      bool updated)
{
    struct alert_subject subject = {
        .identity = identity,
        .row = row,
        .kind = kind,
        .judged = updated || kind == METRIC_GAUGE,
        .severity = lasting_severity(engine, lasting, identity),
    };
    alert_judge_series(engine, &subject, updated);
}

static void judge_rows(struct alert_engine *engine, const struct lasting *lasting)
{
    const struct snapshot *s = engine->snapshot;
    for (size_t i = 0; wants(engine, METRIC_COUNTER) && i < s->counter_count; i++) {
        judge_row(engine, lasting, METRIC_COUNTER, s->counters[i].identity, &s->counters[i],
                  s->counters[i].updated);
    }
    for (size_t i = 0; wants(engine, METRIC_GAUGE) && i < s->gauge_count; i++) {
        judge_row(engine, lasting, METRIC_GAUGE, s->gauges[i].identity, &s->gauges[i],
                  s->gauges[i].updated);
    }
    for (size_t i = 0; wants(engine, METRIC_TIMER) && i < s->timer_count; i++) {
        judge_row(engine, lasting, METRIC_TIMER, s->timers[i].identity, &s->timers[i],
                  s->timers[i].updated);
    }
    for (size_t i = 0; wants(engine, METRIC_SET) && i < s->set_count; i++) {
        judge_row(engine, lasting, METRIC_SET, s->sets[i].identity, &s->sets[i],
                  s->sets[i].updated);
    }
}

/* An alert whose series is not there: `absent` goes on, what else has begun ends. */
static void judge_missing(struct alert_engine *engine, struct alert_instance *instance)
{
    const struct alert_rule *rule = &engine->rules[instance->rule];
    if (!instance->stray) {
        alert_judge_part(engine, &engine->kinds[instance->kind].series[instance->index]);
    }
    if (rule->condition.form == CONDITION_ABSENT) {
        struct alert_finding finding = alert_judge_silence(engine, rule, instance->seen_ns);
        alert_course_step(engine, instance, &finding);
    } else if (instance->expired || engine->now_ns - instance->seen_ns >= ALERT_SILENCE_NS) {
        alert_course_end(engine, instance, ALERT_END_EXPIRED);
        alert_ring_unref(instance->ring);
        instance->ring = NULL;
    }
}

/* Whether a series of the rule that is gone is missed already. */
static bool misses_somebody(const struct alert_engine *engine, size_t rule)
{
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        const struct alert_instance *instance = &engine->instances.items[i];
        if (instance->used && instance->rule == rule && instance->state == ALERT_FIRING) {
            return true;
        }
    }
    return false;
}

/* The alert of a pattern itself is there while no series is, unless one is missed by name. */
static void judge_pattern(struct alert_engine *engine, size_t index)
{
    struct alert_rule *rule = &engine->rules[index];
    if (rule->condition.form != CONDITION_ABSENT) {
        return;
    }
    uint32_t handle =
        alert_instances_find_stray(&engine->instances, (uint8_t)index, rule->config->metric, "");
    struct alert_instance *instance =
        handle ? alert_instances_at(&engine->instances, handle) : NULL;
    if (!instance && rule->matched > 0) {
        return;
    }
    struct alert_finding finding = alert_judge_silence(engine, rule, rule->seen_ns);
    finding.holds = finding.holds && rule->matched == 0;
    if (!instance && finding.holds && !misses_somebody(engine, index)) {
        size_t length = strlen(rule->config->metric);
        char *names = calloc(length + 2, 1);
        if (names) {
            memcpy(names, rule->config->metric, length);
        }
        instance = alert_engine_add(engine, index, names, names + length + 1, &handle);
    }
    if (instance) {
        instance->seen_window = engine->window;
        instance->seen_ns = rule->seen_ns;
        alert_course_step(engine, instance, &finding);
        alert_instances_stray(&engine->instances, handle);
    }
}

/* What fires by a rule that is another now ends; it begins anew where that one holds as well. */
static void end_changed(struct alert_engine *engine)
{
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        struct alert_instance *instance = &engine->instances.items[i];
        if (instance->used && instance->state == ALERT_FIRING && instance->end == ALERT_END_RULE) {
            instance->value = (double)NAN;
            instance->seen_window = engine->window;
            alert_course_end(engine, instance, ALERT_END_RULE);
        }
    }
}

/* Takes an alert that is over off the list that it is on. */
static void drop(struct alert_engine *engine, uint32_t *link)
{
    uint32_t handle = *link;
    *link = alert_instances_at(&engine->instances, handle)->next;
    alert_instances_give(&engine->instances, handle);
}

static void drop_of_series(struct alert_engine *engine)
{
    for (int kind = 0; kind < METRIC_KINDS; kind++) {
        for (uint32_t i = 0; i < engine->kinds[kind].capacity; i++) {
            uint32_t *link = &engine->kinds[kind].series[i].instances;
            while (*link) {
                struct alert_instance *instance = alert_instances_at(&engine->instances, *link);
                if (alert_course_is_over(engine, instance)) {
                    drop(engine, link);
                } else {
                    link = &instance->next;
                }
            }
        }
    }
}

static void drop_strays(struct alert_engine *engine)
{
    for (uint32_t handle = 1; handle <= engine->instances.made; handle++) {
        const struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        if (instance->used && instance->stray && alert_course_is_over(engine, instance)) {
            alert_instances_unstray(&engine->instances, handle);
            alert_instances_give(&engine->instances, handle);
        }
    }
}

static void begin_window(struct alert_engine *engine)
{
    engine->window++;
    for (size_t i = 0; i < engine->rule_count; i++) {
        engine->rules[i].matched = 0;
    }
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        engine->instances.items[i].changed = false;
        engine->instances.items[i].notify = 0;
    }
}

void alert_judge_window(struct alert_engine *engine)
{
    begin_window(engine);
    alert_parting_forget(engine);
    if (engine->instances.used > 0) {
        drop_of_series(engine);
        drop_strays(engine);
        end_changed(engine);
    }
    struct lasting lasting = list_lasting(engine->snapshot);
    judge_rows(engine, &lasting);
    free(lasting.items);
    for (size_t i = 0; i < engine->rule_count; i++) {
        judge_pattern(engine, i);
    }
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        struct alert_instance *instance = &engine->instances.items[i];
        if (instance->used && instance->seen_window != engine->window) {
            judge_missing(engine, instance);
        }
    }
}
