/* SPDX-License-Identifier: MIT
 *
 * The contents of a baseline file as JSON and back. Pure but for the faults it tells; one thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_JSON_H
#define TOOLS_SIGMACTL_BASELINE_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "tools/sigmactl/baseline_file.h"

/* Fills a file without entries, and sorts them. Returns how many faults there are, each of which is
 * told as `PATH: where.in.json: why`. */
unsigned baseline_json_read(json_t *root, struct baseline_file *file, const char *path,
                            FILE *faults);

/* NULL without memory. */
json_t *baseline_json_make(const struct baseline_file *file);

#endif
