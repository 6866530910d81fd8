/* SPDX-License-Identifier: MIT */
#include "server/modules/mapping/document.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Merges within merges; more is taken for a circle. */
#define MERGES_MAX 16

void document_fault(struct document *document, const yaml_node_t *node, const char *format, ...)
{
    va_list arguments;
    document->fault_count++;
    if (!document->faults) {
        return;
    }
    fprintf(document->faults, "%s:%u: ", document->path, node ? document_line(node) : 1);
    va_start(arguments, format);
    vfprintf(document->faults, format, arguments);
    va_end(arguments);
    fputc('\n', document->faults);
}

static void parser_fault(struct document *document, const yaml_parser_t *parser)
{
    document->fault_count++;
    if (!document->faults) {
        return;
    }
    /* Where the parser has not come to a mark, as with bytes that are no text, it is at the start
     * of the line it read. */
    size_t line = parser->problem_mark.line ? parser->problem_mark.line : parser->mark.line;
    fprintf(document->faults, "%s:%zu: no valid YAML: %s%s%s\n", document->path, line + 1,
            parser->problem ? parser->problem : "out of memory", parser->context ? ", " : "",
            parser->context ? parser->context : "");
}

static bool parse(struct document *document, FILE *file)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        document_fault(document, NULL, "out of memory");
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    bool read = yaml_parser_load(&parser, &document->yaml) != 0;
    if (!read) {
        parser_fault(document, &parser);
    }
    yaml_parser_delete(&parser);
    return read;
}

bool document_init(struct document *document, const char *path, FILE *faults)
{
    *document = (struct document){.path = path, .faults = faults};
    FILE *file = fopen(path, "re");
    if (!file) {
        document_fault(document, NULL, "cannot be read: %s", strerror(errno));
        return false;
    }
    bool read = parse(document, file);
    if (read && ferror(file)) {
        document_fault(document, NULL, "cannot be read: %s", strerror(errno));
        document_deinit(document);
        read = false;
    }
    fclose(file);
    return read;
}

void document_deinit(struct document *document)
{
    yaml_document_delete(&document->yaml);
}

yaml_node_t *document_root(struct document *document)
{
    return yaml_document_get_root_node(&document->yaml);
}

yaml_node_t *document_node(struct document *document, int id)
{
    return yaml_document_get_node(&document->yaml, id);
}

unsigned document_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

/* The text of a scalar without quotes, NULL for anything else. */
static const char *plain_text(const yaml_node_t *node)
{
    bool plain =
        node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return plain ? (const char *)node->data.scalar.value : NULL;
}

bool document_is_null(const yaml_node_t *node)
{
    const char *text = plain_text(node);
    return text && (text[0] == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

static const char *key_text(const yaml_node_t *key)
{
    bool text = key->type == YAML_SCALAR_NODE &&
                strlen((const char *)key->data.scalar.value) == key->data.scalar.length;
    return text ? (const char *)key->data.scalar.value : NULL;
}

static bool has_key_before(struct document *document, const yaml_node_t *mapping,
                           const yaml_node_pair_t *end, const char *name)
{
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < end; pair++) {
        const char *key = key_text(document_node(document, pair->key));
        if (key && strcmp(key, name) == 0) {
            return true;
        }
    }
    return false;
}

struct merge {
    struct document *document;
    document_visit *visit;
    void *context;
    const yaml_node_t *into[MERGES_MAX]; /* the mapping and the merged ones that led here */
    size_t depth;
};

static bool is_known(const struct merge *merge, const char *key)
{
    for (size_t i = 0; i < merge->depth; i++) {
        const yaml_node_t *mapping = merge->into[i];
        if (has_key_before(merge->document, mapping, mapping->data.mapping.pairs.top, key)) {
            return true;
        }
    }
    return false;
}

static void visit_mapping(struct merge *merge, yaml_node_t *mapping);

static void visit_merged(struct merge *merge, yaml_node_t *value)
{
    if (value->type == YAML_MAPPING_NODE && merge->depth < MERGES_MAX) {
        visit_mapping(merge, value);
    } else {
        document_fault(merge->document, value, "<<: can merge mappings only, %d deep at most",
                       MERGES_MAX);
    }
}

static void visit_pair(struct merge *merge, yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
    struct document *document = merge->document;
    yaml_node_t *key_node = document_node(document, pair->key);
    yaml_node_t *value = document_node(document, pair->value);
    const char *key = key_text(key_node);
    if (!key) {
        document_fault(document, key_node, "a key has to be text");
    } else if (has_key_before(document, mapping, pair, key)) {
        document_fault(document, key_node, "%s: is there twice", key);
    } else if (strcmp(key, "<<") != 0 && !is_known(merge, key)) {
        merge->visit(merge->context, key, key_node, value);
    }
}

static void visit_mapping(struct merge *merge, yaml_node_t *mapping)
{
    const yaml_node_pair_t *start = mapping->data.mapping.pairs.start;
    const yaml_node_pair_t *top = mapping->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = start; pair < top; pair++) {
        visit_pair(merge, mapping, pair);
    }
    merge->into[merge->depth++] = mapping;
    for (const yaml_node_pair_t *pair = start; pair < top; pair++) {
        const char *key = key_text(document_node(merge->document, pair->key));
        if (key && strcmp(key, "<<") == 0) {
            visit_merged(merge, document_node(merge->document, pair->value));
        }
    }
    merge->depth--;
}

bool document_pairs(struct document *document, yaml_node_t *node, const char *what,
                    document_visit *visit, void *context)
{
    struct merge merge = {.document = document, .visit = visit, .context = context};
    if (node->type != YAML_MAPPING_NODE) {
        document_fault(document, node, "%s has to be a mapping of keys to values", what);
        return false;
    }
    visit_mapping(&merge, node);
    return true;
}
