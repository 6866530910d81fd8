/* SPDX-License-Identifier: MIT */
#include "server/report/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"

static const struct rule *const tables[] = {rules_of_losses, rules_of_bounds, rules_of_settings};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

const struct rule *rule_find(const char *name)
{
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct rule *rule = tables[t]; rule->name; rule++) {
            if (strcmp(rule->name, name) == 0) {
                return rule;
            }
        }
    }
    return NULL;
}

void advice_title(struct advice *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(advice->title, sizeof(advice->title), format, arguments);
    va_end(arguments);
}

void advice_evidence(struct advice *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(advice->evidence, sizeof(advice->evidence), format, arguments);
    va_end(arguments);
}

void advice_action(struct advice *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(advice->action, sizeof(advice->action), format, arguments);
    va_end(arguments);
}

void advice_set(struct advice *advice, const char *section, const char *key, const char *value,
                const char *was)
{
    if (advice->setting_count < REPORT_SETTINGS) {
        struct report_setting *setting = &advice->settings[advice->setting_count++];
        snprintf(setting->section, sizeof(setting->section), "%s", section);
        snprintf(setting->key, sizeof(setting->key), "%s", key);
        snprintf(setting->value, sizeof(setting->value), "%s", value);
        snprintf(setting->was, sizeof(setting->was), "%s", was);
    }
}

void advice_set_size(struct advice *advice, const char *section, const char *key, uint64_t bytes,
                     uint64_t was)
{
    char value[UNITS_TEXT_MAX], old[UNITS_TEXT_MAX];
    units_format_size(value, bytes);
    units_format_size(old, was);
    advice_set(advice, section, key, value, old);
}

void advice_set_duration(struct advice *advice, const char *section, const char *key, uint64_t ms,
                         uint64_t was)
{
    char value[UNITS_TEXT_MAX], old[UNITS_TEXT_MAX];
    units_format_duration(value, ms);
    units_format_duration(old, was);
    advice_set(advice, section, key, value, old);
}

void advice_set_count(struct advice *advice, const char *section, const char *key, uint64_t value,
                      uint64_t was)
{
    char text[24], old[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    snprintf(old, sizeof(old), "%llu", (unsigned long long)was);
    advice_set(advice, section, key, text, old);
}

static void add(struct report *report, const struct advice *advice)
{
    size_t at = report->advice_count;
    if (at == REPORT_ADVICE) {
        return;
    }
    while (at > 0 && report->advice[at - 1].severity < advice->severity) {
        report->advice[at] = report->advice[at - 1];
        at--;
    }
    report->advice[at] = *advice;
    report->advice_count++;
}

void rules_judge(struct report *report)
{
    report->advice_count = 0;
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct rule *rule = tables[t]; rule->name; rule++) {
            struct advice advice = {.rule = rule->name};
            if (rule->judge(report, &advice)) {
                add(report, &advice);
            }
        }
    }
}

static enum anomaly_severity gravest(const struct report *report)
{
    enum anomaly_severity status =
        report->advice_count > 0 ? report->advice[0].severity : SEVERITY_INFO;
    if (report->anomalies_critical > 0 || report->alerts_critical > 0) {
        return SEVERITY_CRITICAL;
    }
    bool lasting = report->anomalies_active > 0 || report->alerts_firing > 0;
    return lasting && status == SEVERITY_INFO ? SEVERITY_WARNING : status;
}

static void put_part(struct buffer *out, uint64_t count, const char *one, const char *many)
{
    if (count > 0) {
        buffer_append_text(out, out->length > 0 ? "; " : "");
        words_put_count(out, (double)count, one, many);
    }
}

/* The gravest advice, and what fires or lasts. */
static void put_reasons(struct buffer *out, const struct report *report)
{
    bool grave = report->advice_count > 0 && report->advice[0].severity > SEVERITY_INFO;
    if (grave) {
        buffer_append_text(out, report->advice[0].title);
    }
    put_part(out, report->alerts_firing, "alert fires", "alerts fire");
    put_part(out, report->anomalies_active, "anomaly lasts", "anomalies last");
    if (report->changed.count > 0) {
        const struct series *first = report->changed.rows[0].series;
        buffer_append_format(out, "%s%s of %.*s has changed most", out->length > 0 ? "; " : "",
                             statistic_name(first->changed),
                             (int)fmin(80, (double)first->name_length), first->name);
    }
}

void report_conclude(struct report *report)
{
    struct buffer reasons = {0};
    rules_judge(report);
    report->status = gravest(report);
    put_reasons(&reasons, report);
    if (reasons.length == 0) {
        buffer_append_text(&reasons, "Nothing was lost, nothing lasts, nothing has changed");
    }
    snprintf(report->summary, sizeof(report->summary), "%.*s.", (int)reasons.length,
             reasons.length > 0 ? reasons.bytes : "");
    report->failed = report->failed || reasons.failed;
    buffer_deinit(&reasons);
}
