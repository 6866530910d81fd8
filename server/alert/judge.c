/* SPDX-License-Identifier: MIT
 *
 * One window: every row of a kind that some rule is about, in the order of indexes; then the alerts
 * whose series were not among them. A series that no rule is about costs a comparison.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/alert/engine_private.h"
#include "server/alert/ring.h"
#include "server/alert/texts.h"

/* A row of any kind, as far as rules want to know. */
struct subject {
    const struct identity *identity;
    struct alert_series *series;
    const void *row;
    enum metric_kind kind;
    bool judged;  /* it has a value in this window */
    int severity; /* of the anomaly that lasts, -1 for none */
};

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

/* Alerts of a series that is gone: what waits for one of its name goes to the strays. */
static void part_from(struct alert_engine *engine, struct alert_series *series)
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

static void link_to(struct alert_engine *engine, const struct subject *subject, uint32_t handle)
{
    struct alert_instance *instance = alert_instances_at(&engine->instances, handle);
    instance->expired = false;
    instance->kind = (uint8_t)subject->kind;
    instance->index = subject->identity->index;
    instance->next = subject->series->instances;
    subject->series->instances = handle;
}

/* Takes up the alerts that waited for a series of this name. */
static void meet_strays(struct alert_engine *engine, const struct subject *subject)
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

static __attribute__((noinline)) void meet(struct alert_engine *engine, struct subject *subject)
{
    struct alert_series *series = subject->series;
    part_from(engine, series);
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

static struct alert_instance *begin(struct alert_engine *engine, const struct subject *subject,
                                    size_t rule)
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
                                           const struct subject *subject)
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

static struct alert_finding find_change(const struct alert_engine *engine,
                                        const struct alert_rule *rule,
                                        const struct subject *subject,
                                        struct alert_instance *instance)
{
    struct alert_finding finding = find_threshold(engine, rule, subject);
    if (!finding.judged || !instance || !instance->ring) {
        return (struct alert_finding){.judged = false};
    }
    double before = alert_ring_before(instance->ring, engine->now_ns);
    double change = alert_ring_change(before, finding.value);
    alert_ring_add(instance->ring, engine->now_ns, finding.value);
    change = rule->condition.magnitude ? fabs(change) : change;
    return (struct alert_finding){
        .judged = !isnan(change),
        .value = change,
        .holds = condition_holds(&rule->condition, change),
    };
}

static struct alert_finding find_absent(const struct alert_engine *engine,
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
                                         const struct subject *subject)
{
    return (struct alert_finding){
        .judged = true,
        .value = subject->severity,
        .holds = subject->severity >= 0 && condition_holds(&rule->condition, subject->severity),
    };
}

/* A change is remembered from the first window on, and so needs an alert from then on. */
static struct alert_instance *remember(struct alert_engine *engine, const struct subject *subject,
                                       size_t rule, struct alert_instance *instance)
{
    if (!instance) {
        instance = begin(engine, subject, rule);
    }
    if (instance && !instance->ring) {
        instance->ring = alert_ring_new(engine->rules[rule].condition.time_ms);
        engine->rules[rule].refused += instance->ring == NULL;
    }
    return instance;
}

static void judge_rule(struct alert_engine *engine, const struct subject *subject, size_t index)
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
        finding = find_absent(engine, rule, subject->series->seen_ns);
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

/* `updated`: it had samples in this window. */
static void judge_series(struct alert_engine *engine, struct subject *subject, bool updated)
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
    struct subject subject = {
        .identity = identity,
        .row = row,
        .kind = kind,
        .judged = updated || kind == METRIC_GAUGE,
        .severity = lasting_severity(engine, lasting, identity),
    };
    judge_series(engine, &subject, updated);
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
        part_from(engine, &engine->kinds[instance->kind].series[instance->index]);
    }
    if (rule->condition.form == CONDITION_ABSENT) {
        struct alert_finding finding = find_absent(engine, rule, instance->seen_ns);
        alert_course_step(engine, instance, &finding);
    } else if (instance->expired || engine->now_ns - instance->seen_ns >= ALERT_SILENCE_NS) {
        alert_course_end(engine, instance, ALERT_END_EXPIRED);
        alert_ring_free(instance->ring);
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
    struct alert_finding finding = find_absent(engine, rule, rule->seen_ns);
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
