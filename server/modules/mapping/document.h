/* SPDX-License-Identifier: MIT
 *
 * A YAML file as a tree, read with libyaml, and the faults found in it, with their lines. It knows
 * YAML and the notations of statsd_exporter's files (numbers, durations as Go writes them), and
 * nothing of rules.
 */
#ifndef SERVER_MODULES_MAPPING_DOCUMENT_H
#define SERVER_MODULES_MAPPING_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <yaml.h>

struct document {
    yaml_document_t yaml;
    const char *path;
    FILE *faults;
    unsigned fault_count;
};

/* Reads the first document of a file. False, with the fault written, when it cannot be read or is
 * no YAML; then there is nothing to deinit. */
bool document_init(struct document *document, const char *path, FILE *faults);
void document_deinit(struct document *document);

/* Writes `FILE:LINE: message`; the line is that where the node begins, NULL = of the whole file. */
void document_fault(struct document *document, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL for an empty document. */
yaml_node_t *document_root(struct document *document);
yaml_node_t *document_node(struct document *document, int id);
unsigned document_line(const yaml_node_t *node);

/* True for what stands for "not said": nothing, `~`, `null`. */
bool document_is_null(const yaml_node_t *node);

/* Calls visit() for each pair of a mapping, then for those of mappings merged by `<<` whose key the
 * mapping itself has not. Keys that are no text or come twice are faults. False, with a fault
 * written, when the node is no mapping; `what` is what it should be. */
typedef void document_visit(void *context, const char *key, yaml_node_t *key_node,
                            yaml_node_t *value);
bool document_pairs(struct document *document, yaml_node_t *node, const char *what,
                    document_visit *visit, void *context);

/* Each of these writes a fault that names `key` and returns false when the value is of another
 * kind; a null leaves *out as it is. */
bool document_text(struct document *document, yaml_node_t *value, const char *key, const char **out,
                   size_t *length);
bool document_bool(struct document *document, yaml_node_t *value, const char *key, bool *out);
bool document_number(struct document *document, yaml_node_t *value, const char *key, double *out);
bool document_count(struct document *document, yaml_node_t *value, const char *key, unsigned *out);
/* 300ms, 1m2s, 1.5h; 0 needs no unit. Not negative. */
bool document_duration(struct document *document, yaml_node_t *value, const char *key,
                       uint64_t *out_ms);

#endif
