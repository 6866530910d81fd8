/* SPDX-License-Identifier: MIT
 *
 * One series in one window: which rules are about it, what each of them finds, and what becomes of
 * its alerts. A series that no rule is about costs a comparison.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/alert/ring.h"
#include "server/alert/texts.h"

/* Room for the index; NULL without memory. */
static struct alert_series *series_at(struct alert_kind *kind, uint32_t index)
{
    if (index >= kind->capacity) {
        uint32_t capacity = kind->capacity ? kind->capacity : 256;
        while (capacity <= index) {
            capacity *= 2;
        }
        struct alert_series *grown = reallocarray(kind->series, capacity, sizeof(*grown));
        if (!grown) {
            return NULL;
        }
        memset(grown + kind->capacity, 0, (capacity - kind->capacity) * sizeof(*grown));
        kind->series = grown;
        kind->capacity = capacity;
    }
    return &kind->series[index];
}

void alert_judge_part(struct alert_engine *engine, struct alert_series *series)
{
    uint32_t handle = series->instances;
    series->instances = 0;
    while (handle) {
        struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        uint32_t next = instance->next;
        instance->expired = true;
        alert_instances_stray(&engine->instances, handle);
        handle = next;
    }
}

static void link_to(struct alert_engine *engine, const struct alert_subject *subject,
                    uint32_t handle)
{
    struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
    instance->expired = false;
    instance->kind = (uint8_t)subject->kind;
    instance->index = subject->identity->index;
    instance->next = subject->series->instances;
    subject->series->instances = handle;
}

/* Takes up the alerts that waited for a series of this name. */
static void meet_strays(struct alert_engine *engine, const struct alert_subject *subject)
{
    char *tags;
    char *names = engine->instances.stray_count ? alert_text_names(subject->identity, &tags) : NULL;
    for (size_t i = 0; names && i < engine->rule_count; i++) {
        uint32_t handle =
            subject->series->rules >> i & 1
                ? alert_instances_find_stray(&engine->instances, (uint8_t)i, names, tags)
                : 0;
        if (handle) {
            link_to(engine, subject, handle);
        }
    }
    free(names);
}

static __attribute__((noinline)) void meet(struct alert_engine *engine,
                                           struct alert_subject *subject)
{
    struct alert_series *series = subject->series;
    alert_judge_part(engine, series);
    bool again = series->generation == 0 && series->seen_ns > 0; /* the rules are others */
    *series = (struct alert_series){.generation = subject->identity->generation,
                                    .seen_ns = again ? series->seen_ns : engine->now_ns};
    for (size_t i = 0; i < engine->rule_count; i++) {
        if (alert_rule_takes(&engine->rules[i], subject->identity)) {
            series->rules |= UINT64_C(1) << i;
        }
    }
    meet_strays(engine, subject);
}

static struct alert_instance *find(const struct alert_engine *engine,
                                   const struct alert_series *series, size_t rule)
{
    uint32_t handle = series->instances;
    while (handle) {
        struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
        if (instance->rule == rule) {
            return instance;
        }
        handle = instance->next;
    }
    return NULL;
}

static struct alert_instance *begin(struct alert_engine *engine,
                                    const struct alert_subject *subject, size_t rule)
{
    char *tags = NULL;
    bool room = engine->instances.used < ALERT_INSTANCES_MAX; /* else names are not worth making */
    char *names = room ? alert_text_names(subject->identity, &tags) : NULL;
    uint32_t handle;
    struct alert_instance *instance = alert_engine_add(engine, rule, names, tags, &handle);
    if (instance) {
        link_to(engine, subject, handle);
    }
    return instance;
}

static struct alert_finding find_threshold(const struct alert_engine *engine,
                                           const struct alert_rule *rule,
                                           const struct alert_subject *subject)
{
    double value = subject->judged
                       ? alert_rule_value(rule, engine->snapshot, subject->kind, subject->row)
                       : (double)NAN;
    return (struct alert_finding){
        .judged = !isnan(value),
        .value = value,
        .holds = condition_holds(&rule->condition, value),
    };
}

/* How long a value stands for what came after it: as long as silence says nothing, or for a window
 * that is missing. */
static uint64_t gap_ns(const struct alert_engine *engine)
{
    double windows_ns = 2e9 * engine->snapshot->window_seconds;
    return windows_ns > (double)ALERT_SILENCE_NS ? (uint64_t)windows_ns : ALERT_SILENCE_NS;
}

static struct alert_finding find_change(const struct alert_engine *engine,
                                        const struct alert_rule *rule,
                                        const struct alert_subject *subject,
                                        struct alert_instance *instance)
{
    struct alert_finding finding = find_threshold(engine, rule, subject);
    if (!finding.judged || !instance || !instance->ring) {
        return (struct alert_finding){.judged = false};
    }
    double before = alert_ring_before(instance->ring, engine->now_ns, gap_ns(engine));
    double change = alert_ring_change(before, finding.value);
    if (alert_ring_own(&instance->ring)) {
        alert_ring_add(instance->ring, engine->now_ns, finding.value);
    }
    change = rule->condition.magnitude ? fabs(change) : change;
    return (struct alert_finding){
        .judged = !isnan(change),
        .value = change,
        .holds = condition_holds(&rule->condition, change),
    };
}

struct alert_finding alert_judge_silence(const struct alert_engine *engine,
                                         const struct alert_rule *rule, uint64_t seen_ns)
{
    uint64_t silent_ns = engine->now_ns - seen_ns;
    return (struct alert_finding){
        .judged = true,
        .value = (double)silent_ns / 1e9,
        .holds = silent_ns >= rule->condition.time_ms * 1000000,
    };
}

static struct alert_finding find_anomaly(const struct alert_rule *rule,
                                         const struct alert_subject *subject)
{
    return (struct alert_finding){
        .judged = true,
        .value = subject->severity,
        .holds = subject->severity >= 0 && condition_holds(&rule->condition, subject->severity),
    };
}

/* A change is remembered from the first window on, and so needs an alert from then on. */
static struct alert_instance *remember(struct alert_engine *engine,
                                       const struct alert_subject *subject, size_t rule,
                                       struct alert_instance *instance)
{
    if (!instance) {
        instance = begin(engine, subject, rule);
    }
    if (instance && !instance->ring) {
        instance->ring = alert_ring_make(&engine->rules[rule], instance->names, instance->tags);
        engine->rules[rule].refused += instance->ring == NULL;
    }
    return instance;
}

static void judge_rule(struct alert_engine *engine, const struct alert_subject *subject,
                       size_t index)
{
    struct alert_rule *rule = &engine->rules[index];
    struct alert_instance *instance =
        subject->series->instances ? find(engine, subject->series, index) : NULL;
    struct alert_finding finding;
    rule->matched++;
    rule->seen_ns =
        subject->series->seen_ns > rule->seen_ns ? subject->series->seen_ns : rule->seen_ns;
    switch (rule->condition.form) {
    case CONDITION_CHANGE:
        instance = remember(engine, subject, index, instance);
        finding = find_change(engine, rule, subject, instance);
        break;
    case CONDITION_ANOMALY:
        finding = find_anomaly(rule, subject);
        break;
    case CONDITION_ABSENT:
        finding = alert_judge_silence(engine, rule, subject->series->seen_ns);
        break;
    default:
        finding = find_threshold(engine, rule, subject);
        break;
    }
    if (!instance && finding.judged && finding.holds) {
        instance = begin(engine, subject, index);
    }
    if (!instance || (instance->changed && instance->end == ALERT_END_RULE)) {
        return;
    }
    instance->seen_window = engine->window;
    instance->seen_ns = subject->series->seen_ns;
    if (!finding.judged && engine->now_ns - instance->seen_ns >= ALERT_SILENCE_NS) {
        alert_course_end(engine, instance, ALERT_END_SILENT);
    } else {
        alert_course_step(engine, instance, &finding);
    }
}

void alert_judge_series(struct alert_engine *engine, struct alert_subject *subject, bool updated)
{
    struct alert_kind *kind = &engine->kinds[subject->kind];
    struct alert_series *series = series_at(kind, subject->identity->index);
    if (!series) {
        return;
    }
    subject->series = series;
    if (series->generation != subject->identity->generation) {
        meet(engine, subject);
    }
    if (updated) {
        series->seen_ns = engine->now_ns;
    }
    for (uint64_t rules = series->rules; rules; rules &= rules - 1) {
        judge_rule(engine, subject, (size_t)__builtin_ctzll(rules));
    }
}
