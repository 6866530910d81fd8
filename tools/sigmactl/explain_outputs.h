/* SPDX-License-Identifier: MIT
 *
 * The names that a snapshot comes out under, each output's own code asked: a window is rendered as
 * the server would render it, and the names are taken from there. All make a new JSON array, NULL
 * without memory. One thread.
 */
#ifndef TOOLS_SIGMACTL_EXPLAIN_OUTPUTS_H
#define TOOLS_SIGMACTL_EXPLAIN_OUTPUTS_H

#include <jansson.h>

#include "config/config.h"
#include "server/core/mapping.h"
#include "server/metrics/snapshot.h"

/* {"file", "row"}: the columns of each file that has a row, by name, with what stands in it. Empty
 * where CSV is off. */
json_t *explain_csv(const struct config *config, const struct snapshot *snapshot);

/* {"family", "type", "samples": ["name{labels}"]}. Empty where HTTP is off. `totals`: the rows have
 * total_sketch. */
json_t *explain_prometheus(const struct config *config, const struct snapshot *snapshot,
                           bool totals);

/* The paths. Empty where Graphite is off. */
json_t *explain_graphite(const struct config *config, const struct snapshot *snapshot);

/* What the rules of a mapping file say of a name: {"outcome": none, mapped or dropped, "line",
 * "match"}. */
json_t *explain_mapping(struct mapper *mapper, const struct identity *identity);

#endif
