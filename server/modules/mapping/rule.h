/* SPDX-License-Identifier: MIT
 *
 * One rule of a mapping file: its keys read and checked.
 */
#ifndef SERVER_MODULES_MAPPING_RULE_H
#define SERVER_MODULES_MAPPING_RULE_H

#include "server/modules/mapping/options.h"
#include "server/modules/mapping/rules.h"

enum match_type { MATCH_GLOB, MATCH_REGEX };
extern const char *const match_type_words[];

struct rule_reader {
    /* Given: */
    struct document *document;
    struct memory *memory;
    struct mapping_rule *rule;
    struct matcher *matcher;
    enum match_type match_type; /* where the rule does not say */
    /* Used while it reads: */
    struct options_reader options;
    const char *match, *name, *help, *unit;
    size_t match_length, name_length, help_length, unit_length;
    yaml_node_t *match_node, *name_node, *unit_node, *labels;
    unsigned metric_type;
};

/* Reads a rule into `rule` and `matcher`, which are zeroed. False with faults written. */
bool rule_read(struct rule_reader *reader, yaml_node_t *node,
               const struct mapping_options *defaults);

#endif
