/* SPDX-License-Identifier: MIT
 *
 * Glob rules: dotted parts of which `*` stands for exactly one, whole. All rules are in one tree of
 * parts, so that a name is looked for in all of them at once. In order, the first rule of the file
 * that matches wins; with ordering off a literal part goes before a star at each step from the
 * left, and what then fails goes back to the star only where statsd_exporter would.
 */
#ifndef SERVER_MODULES_MAPPING_GLOB_H
#define SERVER_MODULES_MAPPING_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/modules/mapping/memory.h"
#include "server/modules/mapping/template.h"

/* The types a rule can be for; a set is of none of those that match_metric_type names. */
enum glob_type { GLOB_COUNTER, GLOB_GAUGE, GLOB_OBSERVER, GLOB_SET, GLOB_TYPES };

/* Parts of a name that are looked at, as many as the longest name can have. */
#define GLOB_PARTS_MAX 4097

struct glob_node;

struct glob {
    struct glob_node *root;
    bool unordered;
    bool straight; /* unordered, and never goes back */
    struct memory *memory;
    size_t parts_max; /* of the longest rule */
};

/* False without memory. The memory is not the tree's. */
bool glob_init(struct glob *glob, struct memory *memory);

/* Whether `match` is a pattern: parts by dots, each `*` or of [a-zA-Z0-9_-], the first not
 * beginning with a digit or dash. */
bool glob_is_valid(const char *match, size_t length);

/* How many stars the pattern has. */
size_t glob_stars(const char *match, size_t length);

/* Adds a rule for the types whose bits (1 << type) are set. Rules are added in the order of the
 * file; where two are the same the first holds. False without memory. */
bool glob_add(struct glob *glob, const char *match, size_t length, unsigned types, uint32_t rule);

/* Whether matching these patterns without order has to go back from a literal part to a star: by
 * statsd_exporter's own rule, under which some names that a star would match have no rule. `parts`
 * is room for as many. */
bool glob_goes_back(const char *const *matches, size_t *parts, size_t count);

/* The rule that takes the name, or -1. captures[1] on are what its stars stood for, *count of them
 * and one; captures[0] is empty. There is room for GLOB_PARTS_MAX. *visited is how many nodes of
 * the tree were looked at. */
int64_t glob_find(const struct glob *glob, enum glob_type type, const char *name, size_t length,
                  struct capture *captures, size_t *count, size_t *visited);

#endif
