/* SPDX-License-Identifier: MIT
 *
 * Alerts as lines of text. Moments are Unix seconds, so that they mean something to the next
 * process.
 */
#include <string.h>

#include "proto/number.h"
#include "server/alert/engine_private.h"
#include "server/alert/saved_line.h"

enum field {
    RULE,
    CONDITION,
    METRIC,
    TAGS,
    STATE,
    PENDING,
    FIRING,
    SEEN,
    TOLD,
    IS_TOLD,
    WINDOWS,
    FIELDS
};

static double wall_of(uint64_t ns, double wall_offset_s)
{
    return ns == 0 ? 0 : (double)ns / 1e9 + wall_offset_s;
}

static void put_alert(const struct alert_engine *engine, const struct alert_instance *instance,
                      double wall_offset_s, struct buffer *out)
{
    const struct config_alert *alert = engine->rules[instance->rule].config;
    const char *texts[] = {alert->name, alert->condition, instance->names, instance->tags,
                           alert_state_name(instance->state)};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        buffer_append(out, "\t", i > 0);
        alert_line_put(out, texts[i]);
    }
    alert_line_put_number(out, instance->pending_since);
    alert_line_put_number(out, instance->firing_since);
    alert_line_put_number(out, wall_of(instance->seen_ns, wall_offset_s));
    alert_line_put_number(out, wall_of(instance->told_ns, wall_offset_s));
    alert_line_put_number(out, instance->told);
    alert_line_put_number(out, instance->windows);
    buffer_append(out, "\n", 1);
}

void alert_engine_save(const struct alert_engine *engine, double wall_offset_s, struct buffer *out)
{
    for (uint32_t i = 0; i < engine->instances.made; i++) {
        const struct alert_instance *instance = &engine->instances.items[i];
        if (instance->used && (instance->state != ALERT_INACTIVE || instance->told_ns > 0)) {
            put_alert(engine, instance, wall_offset_s, out);
        }
    }
}

static bool split(char *line, const char *fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        if (!alert_line_take(&line, &fields[i])) {
            return false;
        }
    }
    return line == NULL;
}

struct saved {
    enum alert_state state;
    double numbers[FIELDS];
};

static bool read_fields(const char *fields[FIELDS], struct saved *saved)
{
    int state = ALERT_INACTIVE;
    while (state < ALERT_STATES &&
           strcmp(fields[STATE], alert_state_name((enum alert_state)state)) != 0) {
        state++;
    }
    for (int i = PENDING; i < FIELDS; i++) {
        if (!number_parse(fields[i], strlen(fields[i]), &saved->numbers[i]) ||
            saved->numbers[i] < 0 || saved->numbers[i] > 1e12) {
            return false;
        }
    }
    saved->state = (enum alert_state)state;
    return state < ALERT_STATES;
}

/* A moment before the clock began counts as its beginning, one to come as now; 0 stays `never`. */
static uint64_t monotonic_of(const struct alert_engine *engine, double wall, double wall_offset_s)
{
    double seconds = wall - wall_offset_s;
    if (wall <= 0) {
        return 0;
    }
    if (seconds * 1e9 >= (double)engine->now_ns) {
        return engine->now_ns;
    }
    return seconds > 1e-9 ? (uint64_t)(seconds * 1e9) : 1;
}

static bool is_absent(const struct alert_engine *engine, size_t rule)
{
    return engine->rules[rule].condition.form == CONDITION_ABSENT;
}

static bool load_line(struct alert_engine *engine, double wall_offset_s, char *line)
{
    const char *fields[FIELDS];
    struct saved saved;
    if (!split(line, fields) || !read_fields(fields, &saved)) {
        return false;
    }
    size_t rule = alert_line_rule(engine, fields[RULE], fields[CONDITION]);
    if (rule == engine->rule_count) {
        alert_engine_tell_of_gone(fields[RULE], fields[METRIC], saved.state);
        return true;
    }
    uint32_t handle;
    struct alert_instance *instance =
        alert_line_add(engine, rule, fields[METRIC], fields[TAGS], &handle);
    if (!instance) {
        return true; /* counted */
    }
    const double *numbers = saved.numbers;
    instance->state = saved.state;
    instance->pending_since = numbers[PENDING];
    instance->firing_since = numbers[FIRING];
    instance->told = numbers[IS_TOLD] > 0;
    instance->notifiers = instance->told ? engine->rules[rule].notifiers : 0;
    instance->windows = (uint32_t)(numbers[WINDOWS] < UINT32_MAX ? numbers[WINDOWS] : UINT32_MAX);
    instance->told_ns = monotonic_of(engine, numbers[TOLD], wall_offset_s);
    /* While the server was down nothing could be seen: that is no silence of the series. */
    instance->seen_ns = saved.state == ALERT_FIRING && is_absent(engine, rule)
                            ? monotonic_of(engine, numbers[SEEN], wall_offset_s)
                            : engine->now_ns;
    if (instance->seen_ns < engine->rules[rule].seen_ns && *instance->tags == '\0' &&
        strcmp(instance->names, engine->rules[rule].config->metric) == 0) {
        engine->rules[rule].seen_ns = instance->seen_ns; /* the pattern itself is missed */
    }
    return true;
}

bool alert_engine_load(struct alert_engine *engine, double wall_offset_s, const char *text,
                       size_t length)
{
    return alert_lines_read(engine, wall_offset_s, text, length, load_line);
}
