/* SPDX-License-Identifier: MIT
 *
 * Whether more or less of a statistic is better: what a person said on the command line, by globs
 * of names, or else what the server's own anomalies take it for (server/detect/classify.h). Pure
 * functions; any thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_BETTER_H
#define TOOLS_SIGMACTL_BASELINE_BETTER_H

#include <stdbool.h>

#include "tools/sigmactl/baseline_model.h"

/* What is wrong with `GLOB=lower,GLOB=higher`, as the end of a sentence; NULL for nothing. */
const char *baseline_better_fault(const char *globs);

/* What they say of a metric, the first that takes it; false where none does. `globs` has no fault;
 * NULL says nothing. */
bool baseline_better_asked(const char *globs, const char *metric, enum better *better);

/* BETTER_UNKNOWN where the name does not tell. */
enum better baseline_better_usual(const struct config *config, const struct baseline_key *key);

#endif
