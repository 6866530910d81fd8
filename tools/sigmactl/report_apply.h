/* SPDX-License-Identifier: MIT
 *
 * Writes the settings that a report recommends into a copy of a configuration file. One thread.
 */
#ifndef TOOLS_SIGMACTL_REPORT_APPLY_H
#define TOOLS_SIGMACTL_REPORT_APPLY_H

#include <stddef.h>

/* `json` is a report as JSON. Reads the file at `config`, prints what changes as a unified diff,
 * and writes the copy to `out`, which must be another file, unless it is NULL; a copy that the
 * server would not accept is not kept. Settings of several recommendations that disagree: the
 * gravest has its way. Returns the exit status, with faults told on standard error. */
int report_apply(const char *json, size_t length, const char *config, const char *out);

#endif
