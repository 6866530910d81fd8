/* SPDX-License-Identifier: MIT
 *
 * One line taken through the server's own code, in a server of its own: what it parses to, which
 * series it makes, and the names these come out under; or why it is refused. One thread.
 */
#ifndef TOOLS_SIGMACTL_EXPLAIN_LINE_H
#define TOOLS_SIGMACTL_EXPLAIN_LINE_H

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"
#include "server/core/mapping.h"

/* Of a line, without LF, that 64 readable bytes follow:
 *   line, items: what the parser reads, each with `kind` sample, event, service_check or refused,
 *   refused: {what, reason, why, count}, series: {name, type, tags, mapping}, csv, prometheus,
 * graphite. `mapper` has the rules of prometheus.mapping, or is all zero. NULL without memory. */
json_t *explain_line(const struct config *config, struct mapper *mapper, const char *line,
                     size_t length);

#endif
