/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/rule.h"

#include <math.h>
#include <string.h>

const char *const match_type_words[] = {"glob", "regex", NULL};

static const char *const metric_type_words[] = {"", "counter", "gauge", "observer", "timer", NULL};

/* By the index of the word; sets have no word, and so no rule of their own. */
static const unsigned metric_type_bits[] = {(1u << GLOB_TYPES) - 1, 1u << GLOB_COUNTER,
                                            1u << GLOB_GAUGE, 1u << GLOB_OBSERVER,
                                            1u << GLOB_OBSERVER};

static bool read_texts(struct rule_reader *reader, const char *key, yaml_node_t *value)
{
    struct document *document = reader->document;
    if (strcmp(key, "match") == 0) {
        reader->match_node = value;
        document_text(document, value, key, &reader->match, &reader->match_length);
    } else if (strcmp(key, "name") == 0) {
        reader->name_node = value;
        document_text(document, value, key, &reader->name, &reader->name_length);
    } else if (strcmp(key, "help") == 0) {
        document_text(document, value, key, &reader->help, &reader->help_length);
    } else if (strcmp(key, "unit") == 0) {
        reader->unit_node = value;
        document_text(document, value, key, &reader->unit, &reader->unit_length);
    } else if (strcmp(key, "labels") == 0) {
        reader->labels = document_is_null(value) ? NULL : value;
    } else {
        return false;
    }
    return true;
}

static void read_scale(struct rule_reader *reader, yaml_node_t *value)
{
    if (document_number(reader->document, value, "scale", &reader->rule->scale) &&
        !isfinite(reader->rule->scale)) {
        document_fault(reader->document, value, "scale: is not finite");
    }
}

static bool read_choices(struct rule_reader *reader, const char *key, yaml_node_t *value)
{
    static const char *const actions[] = {"map", "drop", NULL};
    struct document *document = reader->document;
    if (strcmp(key, "match_type") == 0) {
        unsigned type = reader->match_type;
        options_read_word(document, key, value, match_type_words, &type);
        reader->match_type = (enum match_type)type;
    } else if (strcmp(key, "match_metric_type") == 0) {
        options_read_word(document, key, value, metric_type_words, &reader->metric_type);
    } else if (strcmp(key, "action") == 0) {
        unsigned action = 0;
        options_read_word(document, key, value, actions, &action);
        reader->rule->drop = action == 1;
    } else if (strcmp(key, "honor_labels") == 0) {
        document_bool(document, value, key, &reader->rule->honor_labels);
    } else if (strcmp(key, "scale") == 0) {
        read_scale(reader, value);
    } else {
        return false;
    }
    return true;
}

/* The keys of old files, and where they have gone. */
static const char *moved_to(const char *key)
{
    return strcmp(key, "timer_type") == 0  ? "; it is observer_type now"
           : strcmp(key, "buckets") == 0   ? "; it belongs in histogram_options"
           : strcmp(key, "quantiles") == 0 ? "; it belongs in summary_options"
                                           : "";
}

static void read_key(void *context, const char *key, yaml_node_t *key_node, yaml_node_t *value)
{
    struct rule_reader *reader = context;
    if (!read_texts(reader, key, value) && !read_choices(reader, key, value) &&
        !options_read(&reader->options, key, value)) {
        document_fault(reader->document, key_node, "a rule has no key '%s'%s", key, moved_to(key));
    }
}

static bool is_word(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
                      text[i] == '_';
        if (!letter && (i == 0 || text[i] < '0' || text[i] > '9')) {
            return false;
        }
    }
    return length > 0;
}

/* `$1`, `${12}`: the bytes of a reference by number at `text`, 0 for none. */
static size_t reference_length(const char *text, size_t length)
{
    size_t at = 1;
    if (length < 2 || text[0] != '$') {
        return 0;
    }
    at += text[at] == '{';
    size_t digits = at;
    while (at < length && text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    if (at == digits) {
        return 0;
    }
    return at + (at < length && text[at] == '}');
}

/* Letters, digits, '_' and references; no digit at the start. */
static bool is_name(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t reference = reference_length(text + at, length - at);
        bool digit = text[at] >= '0' && text[at] <= '9';
        if (reference == 0 && !(digit && at > 0) && !is_word(text + at, 1)) {
            return false;
        }
        at += reference ? reference : 1;
    }
    return length > 0;
}

static bool make_template(struct rule_reader *reader, const yaml_node_t *node, const char *key,
                          const char *text, size_t length, struct template *made)
{
    const struct regex *regex = reader->matcher->regex;
    struct template_scope scope = {
        .first = regex ? 0 : 1,
        .last = regex ? regex_groups(regex) : (int)glob_stars(reader->match, reader->match_length),
        .by_name = regex ? regex_group_by_name : NULL,
        .context = regex,
    };
    char *copy = memory_copy(reader->memory, text, length);
    enum template_fault fault =
        copy ? template_make(made, copy, length, &scope, reader->memory) : TEMPLATE_NO_MEMORY;
    if (fault == TEMPLATE_TOO_LONG) {
        document_fault(reader->document, node, "%s: is longer than %d bytes or has over %d '$'",
                       key, TEMPLATE_BYTES_MAX, TEMPLATE_REFERENCES_MAX);
    } else if (fault == TEMPLATE_NO_MEMORY) {
        document_fault(reader->document, NULL, "out of memory");
    }
    return fault == TEMPLATE_OK;
}

struct label_reader {
    struct rule_reader *rule;
    struct tag *keys;
    struct template *values;
};

static void read_label(void *context, const char *key, yaml_node_t *key_node, yaml_node_t *value)
{
    struct label_reader *reader = context;
    struct rule_reader *rule = reader->rule;
    struct matcher *matcher = rule->matcher;
    const char *text = "";
    size_t length = 0;
    size_t key_length = strlen(key);
    if (!is_word(key, key_length) || key_length > UINT16_MAX) {
        document_fault(rule->document, key_node, "labels: '%s' is no name of a label", key);
        return;
    }
    if (matcher->label_count == MAPPING_LABELS_MAX) {
        document_fault(rule->document, key_node, "labels: there are more than %d",
                       MAPPING_LABELS_MAX);
        return;
    }
    size_t at = matcher->label_count;
    reader->keys[at] = (struct tag){.key = memory_copy(rule->memory, key, key_length),
                                    .key_length = (uint16_t)key_length};
    if (reader->keys[at].key && document_text(rule->document, value, key, &text, &length) &&
        make_template(rule, value, key, text, length, &reader->values[at])) {
        matcher->label_count++;
    }
}

static void read_labels(struct rule_reader *reader)
{
    struct matcher *matcher = reader->matcher;
    struct label_reader labels = {
        .rule = reader,
        .keys = memory_take(reader->memory, MAPPING_LABELS_MAX * sizeof(*labels.keys)),
        .values = memory_take(reader->memory, MAPPING_LABELS_MAX * sizeof(*labels.values)),
    };
    if (!labels.keys || !labels.values) {
        document_fault(reader->document, NULL, "out of memory");
        return;
    }
    matcher->keys = labels.keys;
    matcher->values = labels.values;
    document_pairs(reader->document, reader->labels, "labels", read_label, &labels);
}

static bool compile(struct rule_reader *reader)
{
    char reason[REGEX_REASON_MAX];
    if (reader->match_type == MATCH_GLOB) {
        if (!glob_is_valid(reader->match, reader->match_length)) {
            document_fault(reader->document, reader->match_node,
                           "match: '%s' is no pattern of parts by dots, each '*' or of letters, "
                           "digits, '_' and '-'",
                           reader->match);
            return false;
        }
        return true;
    }
    reader->matcher->regex = regex_new(reader->match, reader->match_length, reason);
    if (!reader->matcher->regex) {
        document_fault(reader->document, reader->match_node, "match: '%s': %s", reader->match,
                       reason);
    }
    return reader->matcher->regex != NULL;
}

static void check_name(struct rule_reader *reader, const yaml_node_t *node)
{
    if (reader->name_length == 0) {
        document_fault(reader->document, node, "a rule needs a name");
    } else if (!is_name(reader->name, reader->name_length)) {
        document_fault(reader->document, reader->name_node,
                       "name: '%s' is no name for Prometheus, with references like ${1}",
                       reader->name);
    }
    if (reader->unit_length > 0 && !is_word(reader->unit, reader->unit_length)) {
        document_fault(reader->document, reader->unit_node, "unit: '%s' is no unit", reader->unit);
    }
}

static void keep_texts(struct rule_reader *reader)
{
    struct mapping_rule *rule = reader->rule;
    rule->match = memory_copy(reader->memory, reader->match, reader->match_length);
    rule->help = memory_copy(reader->memory, reader->help, reader->help_length);
    rule->unit = memory_copy(reader->memory, reader->unit, reader->unit_length);
    if (!rule->match || !rule->help || !rule->unit) {
        document_fault(reader->document, NULL, "out of memory");
    }
}

bool rule_read(struct rule_reader *reader, yaml_node_t *node,
               const struct mapping_options *defaults)
{
    unsigned faults_before = reader->document->fault_count;
    reader->match_node = reader->name_node = node;
    reader->match = reader->name = reader->help = reader->unit = "";
    reader->rule->line = document_line(node);
    reader->rule->scale = 1;
    reader->options = (struct options_reader){
        .document = reader->document, .memory = reader->memory, .options = &reader->rule->options};
    if (!document_pairs(reader->document, node, "a rule", read_key, reader)) {
        return false;
    }
    reader->matcher->types = metric_type_bits[reader->metric_type];
    options_complete(&reader->options, defaults);
    check_name(reader, node);
    if (compile(reader) && reader->document->fault_count == faults_before) {
        make_template(reader, reader->name_node, "name", reader->name, reader->name_length,
                      &reader->matcher->name);
        if (reader->labels) {
            read_labels(reader);
        }
        keep_texts(reader);
    }
    return reader->document->fault_count == faults_before;
}
