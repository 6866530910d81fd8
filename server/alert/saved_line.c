/* SPDX-License-Identifier: MIT */
#include "server/alert/saved_line.h"

#include <stdlib.h>
#include <string.h>

#include "proto/number.h"

void alert_line_put(struct buffer *out, const char *text)
{
    for (;;) {
        size_t plain = strcspn(text, "\t\n\\");
        buffer_append(out, text, plain);
        text += plain;
        if (*text == '\0') {
            return;
        }
        buffer_append(out, *text == '\t' ? "\\t" : *text == '\n' ? "\\n" : "\\\\", 2);
        text++;
    }
}

void alert_line_put_number(struct buffer *out, double value)
{
    char *at = buffer_room(out, 1 + NUMBER_TEXT_MAX);
    if (at) {
        *at = '\t';
        out->length += 1 + number_format(at + 1, value);
    }
}

/* Undoes alert_line_put() in place. */
static bool unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (*text == '\\') {
            text++;
            if (*text != 't' && *text != 'n' && *text != '\\') {
                return false;
            }
            *out++ = *text == 't' ? '\t' : *text == 'n' ? '\n' : '\\';
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
    return true;
}

bool alert_line_take(char **rest, const char **field)
{
    char *text = strsep(rest, "\t");
    *field = text;
    return text && unescape(text);
}

bool alert_lines_read(struct alert_engine *engine, double wall_offset_s, const char *text,
                      size_t length,
                      bool (*take)(struct alert_engine *engine, double wall_offset_s, char *line))
{
    char *copy = malloc(length + 1);
    bool sound = copy != NULL;
    char *rest = copy;
    if (copy && length > 0) {
        memcpy(copy, text, length);
    }
    if (copy) {
        copy[length] = '\0';
    }
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (*line && !take(engine, wall_offset_s, line)) {
            sound = false;
        }
    }
    free(copy);
    return sound;
}

size_t alert_line_rule(const struct alert_engine *engine, const char *name, const char *condition)
{
    size_t i = 0;
    while (i < engine->rule_count && (strcmp(engine->rules[i].config->name, name) != 0 ||
                                      strcmp(engine->rules[i].config->condition, condition) != 0)) {
        i++;
    }
    return i;
}

struct alert_instance *alert_line_add(struct alert_engine *engine, size_t rule, const char *metric,
                                      const char *tags, uint32_t *handle)
{
    size_t length = strlen(metric) + 1;
    char *names = malloc(length + strlen(tags) + 1);
    if (names) {
        memcpy(names, metric, length);
        strcpy(names + length, tags);
    }
    struct alert_instance *instance =
        alert_engine_add(engine, rule, names, names ? names + length : NULL, handle);
    if (instance) {
        alert_instances_stray(&engine->instances, *handle);
    }
    return instance;
}
