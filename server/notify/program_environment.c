/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/notify/program.h"
#include "server/notify/texts.h"

#define PREFIX "ALERT_"

static const struct {
    const char *name, *template;
} variables[] = {
    {"ALERT_STATUS", "{{status}}"},       {"ALERT_NAME", "{{alert}}"},
    {"ALERT_SEVERITY", "{{severity}}"},   {"ALERT_METRIC", "{{metric}}"},
    {"ALERT_TAGS", "{{tags}}"},           {"ALERT_REASON", "{{reason}}"},
    {"ALERT_CONDITION", "{{condition}}"}, {"ALERT_DESCRIPTION", "{{description}}"},
    {"ALERT_VALUE", "{{value}}"},         {"ALERT_THRESHOLD", "{{threshold}}"},
    {"ALERT_STARTS_AT", "{{starts_at}}"}, {"ALERT_ENDS_AT", "{{ends_at}}"},
    {"ALERT_NOTIFIER", "{{notifier}}"},
};
#define VARIABLES (sizeof(variables) / sizeof(*variables))

static char *make_variable(size_t i, const struct notification *notification, const char *notifier)
{
    struct buffer text = {0};
    const char *template = variables[i].template;
    buffer_append_text(&text, variables[i].name);
    buffer_append(&text, "=", 1);
    notify_text_fill(&text, template, strlen(template), notification, notifier, NOTIFY_FILL_PLAIN);
    buffer_append(&text, "", 1);
    if (text.failed) {
        buffer_deinit(&text);
        return NULL;
    }
    return text.bytes;
}

char **program_environment_new(const struct notification *notification, const char *notifier,
                               char *const *environment)
{
    size_t count = 0;
    while (environment[count]) {
        count++;
    }
    char **made = calloc(VARIABLES + count + 1, sizeof(char *));
    for (size_t i = 0; made && i < VARIABLES; i++) {
        made[i] = make_variable(i, notification, notifier);
        if (!made[i]) {
            program_environment_free(made);
            made = NULL;
        }
    }
    size_t end = VARIABLES;
    for (size_t i = 0; made && i < count; i++) {
        if (strncmp(environment[i], PREFIX, strlen(PREFIX)) != 0) {
            made[end++] = environment[i];
        }
    }
    return made;
}

void program_environment_free(char **environment)
{
    for (size_t i = 0; environment && i < VARIABLES; i++) {
        free(environment[i]);
    }
    free(environment);
}
