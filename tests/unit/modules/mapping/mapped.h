/* SPDX-License-Identifier: MIT
 *
 * For tests of the module `mapping`: rules from a text, and its answers as one line of text.
 */
#ifndef TESTS_UNIT_MODULES_MAPPING_MAPPED_H
#define TESTS_UNIT_MODULES_MAPPING_MAPPED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/core/mapping.h"
#include "server/core/module.h"

extern const struct module sigmad_module;

static inline const struct mapper_module *mapper(void)
{
    return sigmad_module.offer;
}

/* Reads rules from a text by way of a file; NULL with the faults, without the file's path. */
static inline struct mapping *read_text(const char *text, char *faults, size_t size)
{
    char path[] = "mapping-XXXXXX";
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    fputs(text, out);
    fclose(out);
    char *found = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&found, &length);
    struct mapping *mapping = mapper()->read(path, stream);
    fclose(stream);
    unlink(path);
    faults[0] = '\0';
    for (char *line = strtok(found, "\n"); line; line = strtok(NULL, "\n")) {
        size_t used = strlen(faults);
        snprintf(faults + used, size - used, "%s%s", used ? "\n" : "", line + strlen(path) + 1);
    }
    free(found);
    return mapping;
}

/* `LINE name key=value ...`, `LINE dropped` or `unmapped`. */
static inline const char *ask(struct mapping *mapping, enum statsd_type type, const char *name)
{
    static char text[1024];
    struct mapping_answer answer = {0};
    if (!mapper()->map(mapping, type, name, strlen(name), &answer)) {
        abort();
    }
    const struct mapping_rule *rule = &mapping->rules[answer.rule];
    if (answer.outcome == MAPPING_NONE) {
        snprintf(text, sizeof(text), "unmapped");
    } else if (answer.outcome == MAPPING_DROPPED) {
        snprintf(text, sizeof(text), "%u dropped", rule->line);
    } else {
        int at = snprintf(text, sizeof(text), "%u %.*s", rule->line, (int)answer.name_length,
                          answer.name);
        for (size_t i = 0; i < answer.label_count; i++) {
            const struct tag *label = &answer.labels[i];
            at += snprintf(text + at, sizeof(text) - (size_t)at, " %.*s=%.*s", label->key_length,
                           label->key, label->value_length, label->value);
        }
    }
    mapping_answer_deinit(&answer);
    return text;
}

#endif
