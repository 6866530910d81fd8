/* SPDX-License-Identifier: MIT
 *
 * A run taken into a baseline. Pure computation; one thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_UPDATE_H
#define TOOLS_SIGMACTL_BASELINE_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sigmactl/baseline_file.h"
#include "tools/sigmactl/baseline_measure.h"

/* What the command line says of the file's own settings. */
struct baseline_wishes {
    const char *better; /* GLOB=lower,… without a fault, or NULL */
    double threshold;   /* NaN: the file's */
};

/* Sets directions and limits as wished: those of entries with a threshold of their own, or pinned,
 * only where the direction turns. */
void baseline_wishes_apply(const struct baseline_wishes *wishes, struct baseline_file *file);

struct baseline_update {
    const struct config *config; /* by which new statistics get their direction */
    const struct baseline_wishes *wishes;
    bool reset;                /* forget the runs before of every statistic of this one */
    size_t made, taken, known; /* statistics: new to the file, taken in, that hold this run already
                                */
};

/* Takes every measure of enough windows in, and sets limits that are not a person's anew. False
 * without memory: the file is then good for nothing. */
bool baseline_update_run(struct baseline_update *update, struct baseline_file *file,
                         const struct baseline_measures *measures);

#endif
