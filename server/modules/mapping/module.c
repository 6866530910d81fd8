/* SPDX-License-Identifier: MIT
 *
 * The module: names are asked for here. All glob rules go before any regular expression, whatever
 * the order of the file.
 */
#include <string.h>

#include "server/core/mapping.h"
#include "server/core/module.h"
#include "server/modules/mapping/rules.h"

/* Names are no longer than this (limits.max_name); what is asked beyond it has no rule. */
#define NAME_BYTES_MAX 4096

/* About microseconds, on what a small server has. */
#define COST_OF_REGEX 1
#define COST_OF_LIMIT 1000
#define NODES_PER_UNIT 16

static struct rules *rules_of(struct mapping *mapping)
{
    return (struct rules *)mapping;
}

static struct mapping *read_mapping(const char *path, FILE *faults)
{
    struct rules *rules = rules_read(path, faults);
    return rules ? &rules->head : NULL;
}

static void free_mapping(struct mapping *mapping)
{
    rules_free(rules_of(mapping));
}

static enum glob_type type_of(enum statsd_type type)
{
    return type == STATSD_COUNTER ? GLOB_COUNTER
           : type == STATSD_GAUGE ? GLOB_GAUGE
           : type == STATSD_SET   ? GLOB_SET
                                  : GLOB_OBSERVER;
}

static int64_t find_regex(struct rules *rules, enum glob_type type, const char *name, size_t length,
                          struct capture *captures, size_t *count, unsigned *cost)
{
    for (size_t i = 0; i < rules->regex_count; i++) {
        uint32_t index = rules->regexes[i];
        const struct matcher *matcher = &rules->matchers[index];
        if (!(matcher->types & (1u << type))) {
            continue;
        }
        enum regex_result result = regex_match(matcher->regex, name, length, captures, count);
        rules->head.limited += result == REGEX_GAVE_UP;
        *cost += result == REGEX_GAVE_UP ? COST_OF_LIMIT : COST_OF_REGEX;
        if (result == REGEX_MATCH) {
            return index;
        }
    }
    return -1;
}

static bool ends_with(const char *text, size_t length, const char *end, size_t end_length)
{
    return length >= end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

/* OpenMetrics: a name ends in the unit of its family, before `_total`. */
static void append_unit(struct buffer *text, const char *unit)
{
    static const char total[] = "_total";
    size_t unit_length = strlen(unit);
    if (unit_length == 0 || text->failed) {
        return;
    }
    bool counts = ends_with(text->bytes, text->length, total, strlen(total));
    size_t length = text->length - (counts ? strlen(total) : 0);
    bool there = length > unit_length && text->bytes[length - unit_length - 1] == '_' &&
                 ends_with(text->bytes, length, unit, unit_length);
    if (!there) {
        text->length = length;
        buffer_append_text(text, "_");
        buffer_append_text(text, unit);
        buffer_append_text(text, counts ? total : "");
    }
}

/* Name and labels go into one text, whose place is known when all of it is there. */
static bool fill(const struct rules *rules, struct mapping_answer *answer,
                 const struct capture *captures, size_t count)
{
    const struct matcher *matcher = &rules->matchers[answer->rule];
    struct buffer *text = &answer->text;
    size_t ends[MAPPING_LABELS_MAX];
    template_fill(&matcher->name, captures, count, text);
    append_unit(text, rules->head.rules[answer->rule].unit);
    answer->name_length = text->length;
    for (size_t i = 0; i < matcher->label_count; i++) {
        template_fill(&matcher->values[i], captures, count, text);
        ends[i] = text->length;
    }
    buffer_append(text, "", 1);
    if (text->failed) {
        return false;
    }
    answer->name = text->bytes;
    size_t start = answer->name_length;
    for (size_t i = 0; i < matcher->label_count; i++) {
        answer->labels[i] = matcher->keys[i];
        answer->labels[i].value = text->bytes + start;
        answer->labels[i].value_length = (uint16_t)(ends[i] - start);
        start = ends[i];
    }
    answer->label_count = matcher->label_count;
    return true;
}

static bool map(struct mapping *mapping, enum statsd_type type, const char *name, size_t length,
                struct mapping_answer *answer)
{
    struct rules *rules = rules_of(mapping);
    struct capture captures[GLOB_PARTS_MAX];
    size_t count = 0;
    size_t visited = 0;
    answer->outcome = MAPPING_NONE;
    answer->text.length = 0;
    answer->text.failed = false;
    answer->label_count = 0;
    answer->cost = 1;
    if (length > NAME_BYTES_MAX) {
        return true;
    }
    enum glob_type wanted = type_of(type);
    int64_t rule = glob_find(&rules->glob, wanted, name, length, captures, &count, &visited);
    answer->cost = 1 + (unsigned)(visited / NODES_PER_UNIT);
    if (rule < 0) {
        rule = find_regex(rules, wanted, name, length, captures, &count, &answer->cost);
    }
    if (rule < 0) {
        return true;
    }
    answer->rule = (uint16_t)rule;
    answer->outcome = mapping->rules[rule].drop ? MAPPING_DROPPED : MAPPING_MAPPED;
    return answer->outcome == MAPPING_DROPPED || fill(rules, answer, captures, count);
}

static const struct mapper_module offer = {.read = read_mapping, .free = free_mapping, .map = map};

MODULE_DEFINE("mapping", MODULE_MAPPER, &offer);
