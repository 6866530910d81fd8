/* SPDX-License-Identifier: MIT */
#include "server/core/mapping.h"

#include <string.h>

#include "server/core/module.h"

#define REASON_BYTES 1024

bool mapper_open(struct mapper *mapper, const char *path, const char *wanted_by, FILE *faults)
{
    char reason[REASON_BYTES];
    *mapper = (struct mapper){
        .module = module_load("mapping", MODULE_MAPPER, wanted_by, reason, sizeof(reason))};
    if (!mapper->module) {
        fprintf(faults, "%s\n", reason);
        return false;
    }
    mapper->mapping = mapper->module->read(path, faults);
    return mapper->mapping != NULL;
}

void mapper_close(struct mapper *mapper)
{
    if (mapper->mapping) {
        mapper->module->free(mapper->mapping);
    }
    *mapper = (struct mapper){0};
}

bool mapping_has_histograms(const struct mapping *mapping)
{
    bool has = mapping->defaults.observer == MAPPING_HISTOGRAM;
    for (size_t i = 0; !has && i < mapping->rule_count; i++) {
        has = mapping->rules[i].options.observer == MAPPING_HISTOGRAM;
    }
    return has;
}

void mapping_answer_deinit(struct mapping_answer *answer)
{
    buffer_deinit(&answer->text);
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

/* Whether the tag's key becomes `name`: a leading digit gets a '_' in front, a character that is
 * not of [a-zA-Z0-9_] becomes one. */
static bool becomes(const char *key, size_t length, const char *name, size_t name_length)
{
    size_t at = 0;
    if (length > 0 && key[0] >= '0' && key[0] <= '9') {
        if (name_length == 0 || name[at++] != '_') {
            return false;
        }
    }
    for (size_t i = 0; i < length; i++) {
        bool goes_on = i > 0 && ((unsigned char)key[i] & 0xC0) == 0x80;
        if (goes_on) {
            continue;
        }
        if (at == name_length || name[at++] != (is_name_byte(key[i]) ? key[i] : '_')) {
            return false;
        }
    }
    return at == name_length;
}

static bool has_label(const struct mapping_answer *answer, const struct tag *tag)
{
    for (size_t i = 0; i < answer->label_count; i++) {
        const struct tag *label = &answer->labels[i];
        if (becomes(tag->key, tag->key_length, label->key, label->key_length)) {
            return true;
        }
    }
    return false;
}

static bool has_tag(const struct tag *tags, size_t count, const struct tag *label)
{
    for (size_t i = 0; i < count; i++) {
        if (becomes(tags[i].key, tags[i].key_length, label->key, label->key_length)) {
            return true;
        }
    }
    return false;
}

size_t mapping_join_labels(const struct mapping_rule *rule, const struct mapping_answer *answer,
                           const struct tag *tags, size_t tag_count, struct tag *out, size_t *sent)
{
    size_t count = 0;
    for (size_t i = 0; i < tag_count; i++) {
        if (rule->honor_labels || !has_label(answer, &tags[i])) {
            out[count++] = tags[i];
        }
    }
    *sent = count;
    for (size_t i = 0; i < answer->label_count; i++) {
        const struct tag *label = &answer->labels[i];
        if (!rule->honor_labels || !has_tag(tags, tag_count, label)) {
            out[count++] = *label;
        }
    }
    return count;
}
