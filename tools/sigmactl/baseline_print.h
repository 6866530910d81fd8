/* SPDX-License-Identifier: MIT
 *
 * A check as people and programs read it: a table for the terminal, Markdown for a pull request,
 * JSON. One thread.
 */
#ifndef TOOLS_SIGMACTL_BASELINE_PRINT_H
#define TOOLS_SIGMACTL_BASELINE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "server/core/buffer.h"
#include "tools/sigmactl/baseline_check.h"

/* The statistics that are as they were are left out unless `all`. False without memory. */
bool baseline_print_table(const struct baseline_check *check, bool all, FILE *out);

/* One line on what was held against what and what came out, without an LF: `checked 12 of 14
 * statistics: 1 worse, 2 missing, 11 ok`. */
void baseline_print_summary(const struct baseline_check *check, struct buffer *out);

/* `verdict` heads it: "passed", "failed", "not checked". */
void baseline_print_markdown(const struct baseline_check *check, const char *verdict, bool all,
                             struct buffer *out);

/* NULL without memory. */
json_t *baseline_print_json(const struct baseline_check *check, const char *verdict);

#endif
