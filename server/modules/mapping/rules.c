/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/rules.h"

#include <stdlib.h>
#include <string.h>

#include "server/modules/mapping/document.h"
#include "server/modules/mapping/rule.h"

struct file_reader {
    struct document document;
    struct rules *rules;
    struct mapping_rule *list;
    enum match_type match_type; /* of rules that do not say */
    yaml_node_t *defaults;
    yaml_node_t *mappings;
};

static void note_part(void *context, const char *key, yaml_node_t *key_node, yaml_node_t *value)
{
    struct file_reader *reader = context;
    if (strcmp(key, "defaults") == 0) {
        reader->defaults = value;
    } else if (strcmp(key, "mappings") == 0) {
        reader->mappings = value;
    } else {
        document_fault(&reader->document, key_node, "there is no key '%s'; did you mean %s?", key,
                       "defaults or mappings");
    }
}

static void read_defaults_key(void *context, const char *key, yaml_node_t *key_node,
                              yaml_node_t *value)
{
    struct file_reader *reader = context;
    struct rules *rules = reader->rules;
    struct options_reader options = {
        .document = &reader->document, .memory = &rules->memory, .options = &rules->head.defaults};
    if (strcmp(key, "match_type") == 0) {
        unsigned type = reader->match_type;
        options_read_word(&reader->document, key, value, match_type_words, &type);
        reader->match_type = (enum match_type)type;
    } else if (strcmp(key, "glob_disable_ordering") == 0) {
        document_bool(&reader->document, value, key, &rules->glob.unordered);
    } else if (!options_read(&options, key, value)) {
        document_fault(&reader->document, key_node, "defaults: there is no key '%s'", key);
    }
}

/* Rooms for `count` rules. */
static bool make_room(struct file_reader *reader, size_t count)
{
    struct rules *rules = reader->rules;
    reader->list = memory_take(&rules->memory, count * sizeof(*reader->list));
    rules->matchers = memory_take(&rules->memory, count * sizeof(*rules->matchers));
    rules->regexes = memory_take(&rules->memory, count * sizeof(*rules->regexes));
    rules->head.rules = reader->list;
    return reader->list && rules->matchers && rules->regexes;
}

static void add_rule(struct file_reader *reader, yaml_node_t *node)
{
    struct rules *rules = reader->rules;
    uint32_t index = (uint32_t)rules->head.rule_count++;
    struct rule_reader rule = {.document = &reader->document,
                               .memory = &rules->memory,
                               .rule = &reader->list[index],
                               .matcher = &rules->matchers[index],
                               .match_type = reader->match_type};
    if (!rule_read(&rule, node, &rules->head.defaults)) {
        return;
    }
    if (rules->matchers[index].regex) {
        rules->regexes[rules->regex_count++] = index;
    } else if (!glob_add(&rules->glob, rule.rule->match, rule.match_length,
                         rules->matchers[index].types, index)) {
        document_fault(&reader->document, NULL, "out of memory");
    }
}

static void read_mappings(struct file_reader *reader)
{
    yaml_node_t *list = reader->mappings;
    if (!list || document_is_null(list)) {
        return;
    }
    if (list->type != YAML_SEQUENCE_NODE) {
        document_fault(&reader->document, list, "mappings: has to be a list of rules");
        return;
    }
    const yaml_node_item_t *start = list->data.sequence.items.start;
    size_t count = (size_t)(list->data.sequence.items.top - start);
    if (count > MAPPING_RULES_MAX) {
        document_fault(&reader->document, list, "mappings: has more than %d rules",
                       MAPPING_RULES_MAX);
    } else if (!make_room(reader, count)) {
        document_fault(&reader->document, NULL, "out of memory");
    } else {
        for (size_t i = 0; i < count; i++) {
            add_rule(reader, document_node(&reader->document, start[i]));
        }
    }
}

static void settle_order(struct file_reader *reader)
{
    struct rules *rules = reader->rules;
    size_t count = rules->head.rule_count;
    const char **matches = memory_take(&rules->memory, (count + 1) * sizeof(*matches));
    size_t *parts = memory_take(&rules->memory, (count + 1) * sizeof(*parts));
    size_t globs = 0;
    if (!matches || !parts) {
        document_fault(&reader->document, NULL, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!rules->matchers[i].regex) {
            matches[globs++] = reader->list[i].match;
        }
    }
    rules->glob.straight = !glob_goes_back(matches, parts, globs);
}

static void read_file(struct file_reader *reader)
{
    yaml_node_t *root = document_root(&reader->document);
    /* An empty file has no rules. */
    if (!root || document_is_null(root) ||
        !document_pairs(&reader->document, root, "the file", note_part, reader)) {
        return;
    }
    if (reader->defaults && !document_is_null(reader->defaults)) {
        document_pairs(&reader->document, reader->defaults, "defaults", read_defaults_key, reader);
    }
    read_mappings(reader);
    if (reader->rules->glob.unordered && reader->document.fault_count == 0) {
        settle_order(reader);
    }
}

struct rules *rules_read(const char *path, FILE *faults)
{
    struct file_reader reader = {.rules = calloc(1, sizeof(*reader.rules))};
    if (!reader.rules || !glob_init(&reader.rules->glob, &reader.rules->memory)) {
        if (faults) {
            fprintf(faults, "%s:1: out of memory\n", path);
        }
        rules_free(reader.rules);
        return NULL;
    }
    bool read = document_init(&reader.document, path, faults);
    if (read) {
        read_file(&reader);
        document_deinit(&reader.document);
    }
    if (read && reader.document.fault_count == 0) {
        return reader.rules;
    }
    rules_free(reader.rules);
    return NULL;
}

void rules_free(struct rules *rules)
{
    if (!rules) {
        return;
    }
    for (size_t i = 0; i < rules->head.rule_count; i++) {
        regex_free(rules->matchers[i].regex);
    }
    memory_free(&rules->memory);
    free(rules);
}
